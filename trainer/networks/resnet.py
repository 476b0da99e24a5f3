"""A standard residual network, as a baseline.

Ref. He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385, section
4.2: the network of 20 layers for small images.

Notes on differences: the first convolution has a stride of two, so that cutouts of 64 pixels have the sizes of the
paper from there on; shortcuts to more channels are convolutions of one pixel instead of zero padding.

    nanomaggies, scaled    64 x 64 x band
    stem                   32 x 32 x 16
    stage1_1 ... stage1_3  32 x 32 x 16
    stage2_1 ... stage2_3  16 x 16 x 32
    stage3_1 ... stage3_3   8 x  8 x 64
    pooled                           64
    logits, probabilities         class
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras
from trainer.networks.layers import classifier_head, convolution, residual_block

layers = keras.layers

__all__ = ["resnet"]

STAGES = (16, 32, 64)
"""Channels of each stage; from the second on, the first block halves the sides."""

BLOCKS = 3


def resnet(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of scaled pixels (n, y, x, band)."""
    features = convolution(pixels, STAGES[0], 3, 2, "stem")
    features = layers.Activation("relu", name="stem")(features)
    for stage, channels in enumerate(STAGES, start=1):
        for number in range(1, BLOCKS + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            features = residual_block(features, channels, stride, f"stage{stage}_{number}")
    return classifier_head(features, class_count, dropout)
