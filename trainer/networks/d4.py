"""A network that is equivariant to quarter turns and reflections, with invariant predictions.

Each convolution is applied to the eight transforms of its input under the symmetry group D4, the responses are
transformed back, and the maximum over the transforms is taken in each pixel. So the maps of every layer rotate and
reflect with the galaxy, and averages over the image are invariant up to rounding.

Ref. Dieleman, Willett, Dambre 2015, Rotation-invariant convolutional neural networks for galaxy morphology prediction,
https://arxiv.org/abs/1503.07077; Cohen, Welling 2016, Group equivariant convolutional networks,
https://arxiv.org/abs/1602.07576 (their coset pooling after every layer); Marcos, Volpi, Tuia 2016, Learning rotation
invariant convolutional filters for texture classification, https://arxiv.org/abs/1604.06720

Notes on differences: pooling over the transforms after every convolution gives one map per filter, as in a plain
network, and discards the orientation from layer to layer. Sizes are halved by averages of 2 x 2 pixels if the sides are
even: strides and pooling that start at a corner are not symmetric.

    nanomaggies, scaled    64 x 64 x band
    stem                   32 x 32 x 16
    block1                 16 x 16 x 32
    block2                  8 x  8 x 64
    block3                  8 x  8 x 96
    pooled                           96
    logits, probabilities         class
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras
from trainer.networks.layers import VIEWS, classifier_head, convolution

layers = keras.layers

__all__ = ["d4"]

STEM = 16
BLOCKS = ((32, True), (64, True), (96, False))
"""Channels of each block, and whether it halves the sides."""


def d4(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of scaled pixels (n, y, x, band)."""
    features = _halve(pixels, "stem")
    features = layers.Activation("relu", name="stem")(_equivariant_convolution(features, STEM, 5, "stem"))
    for number, (channels, smaller) in enumerate(BLOCKS, start=1):
        features = _block(features, channels, smaller, f"block{number}")
    return classifier_head(features, class_count, dropout)


def _block(features: Any, channels: int, smaller: bool, name: str) -> Any:
    """Residual block; the activation after the sum has the name of the block."""
    features = _halve(features, name) if smaller else features
    inner = _equivariant_convolution(features, channels, 3, f"{name}_first")
    inner = layers.Activation("relu", name=f"{name}_first")(inner)
    inner = _equivariant_convolution(inner, channels, 3, f"{name}_second")
    shortcut = convolution(features, channels, 1, 1, f"{name}_shortcut")  # one pixel: symmetric
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_sum")([inner, shortcut]))


def _equivariant_convolution(features: Any, channels: int, width: int, name: str) -> Any:
    """Maximum of the filter responses over the eight transforms, and batch normalisation, which has the bias."""
    filters = layers.Conv2D(
        channels, width, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )
    responses = [inverse(filters(transform(features))) for transform, inverse in VIEWS]
    strongest = layers.Maximum(name=f"{name}_strongest")(responses)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(strongest)


def _halve(features: Any, name: str) -> Any:
    """Average over 2 x 2 pixels if both sides are even."""
    if any(side % 2 for side in features.shape[1:3]):
        return features
    return layers.AveragePooling2D(2, name=f"{name}_halved")(features)
