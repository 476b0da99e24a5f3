"""A network to which a galaxy turned by quarter turns or mirrored is the same galaxy, by construction.

Each convolution looks at its input in the eight views of the square's symmetry group D4 with the same filters, its
answers are turned back, and in each pixel the strongest view counts. So every layer's maps turn and mirror with the
galaxy, and what is averaged over the image does not change at all, except for rounding.

Ref. Dieleman, Willett, Dambre 2015, Rotation-invariant convolutional neural networks for galaxy morphology prediction,
https://arxiv.org/abs/1503.07077; Cohen, Welling 2016, Group equivariant convolutional networks,
https://arxiv.org/abs/1602.07576 (their coset pooling after every layer); Marcos, Volpi, Tuia 2016, Learning rotation
invariant convolutional filters for texture classification, https://arxiv.org/abs/1604.06720

Notes on differences: pooling over the views after every convolution keeps one map a filter, which can be looked at as
any network's can; which way a filter was turned is forgotten from layer to layer. Sizes are halved by averages of
2 x 2 pixels, where sides are even: strides and pooling that begin at a corner are not symmetric.

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
    features = _halved(pixels, "stem")
    features = layers.Activation("relu", name="stem")(_strongest(features, STEM, 5, "stem"))
    for number, (channels, smaller) in enumerate(BLOCKS, start=1):
        features = _block(features, channels, smaller, f"block{number}")
    return classifier_head(features, class_count, dropout)


def _block(features: Any, channels: int, smaller: bool, name: str) -> Any:
    """Two convolutions beside a short cut; the activation after their sum bears the block's name."""
    features = _halved(features, name) if smaller else features
    inner = _strongest(features, channels, 3, f"{name}_first")
    inner = layers.Activation("relu", name=f"{name}_first")(inner)
    inner = _strongest(inner, channels, 3, f"{name}_second")
    shortcut = convolution(features, channels, 1, 1, f"{name}_shortcut")  # one pixel: symmetric as it is
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_sum")([inner, shortcut]))


def _strongest(features: Any, channels: int, width: int, name: str) -> Any:
    """The strongest of the filters' answers in the eight views, and batch normalisation, which has the bias."""
    filters = layers.Conv2D(
        channels, width, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )
    seen = [back(filters(there(features))) for there, back in VIEWS]
    strongest = layers.Maximum(name=f"{name}_strongest")(seen)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(strongest)


def _halved(features: Any, name: str) -> Any:
    """Means of 2 x 2 pixels, where both sides are even."""
    if any(side % 2 for side in features.shape[1:3]):
        return features
    return layers.AveragePooling2D(2, name=f"{name}_halved")(features)
