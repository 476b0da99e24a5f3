"""The default: a small residual network that trains in minutes on two processor cores.

Ref. He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385

Notes on differences: the first layer has a stride of two, which reduces the cost fourfold. Dropout is optional, before
the last layer; augmentation and weight decay regularise.

    nanomaggies, scaled    64 x 64 x band
    stem                   32 x 32 x 16
    block1                 16 x 16 x 32
    block2                  8 x  8 x 64
    block3                  8 x  8 x 96
    pooled                           96
    logits, probabilities         class

Sizes are for cutouts of 64 pixels; the names are those of the layers to analyse.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras
from trainer.networks.layers import classifier_head, convolution, residual_block

layers = keras.layers

__all__ = ["cnn"]

STEM = 16
BLOCKS = ((32, 2), (64, 2), (96, 1))
"""Channels and stride of each block."""


def cnn(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of scaled pixels (n, y, x, band)."""
    features = convolution(pixels, STEM, 5, 2, "stem")
    features = layers.Activation("relu", name="stem")(features)
    for number, (channels, stride) in enumerate(BLOCKS, start=1):
        features = residual_block(features, channels, stride, f"block{number}")
    return classifier_head(features, class_count, dropout)
