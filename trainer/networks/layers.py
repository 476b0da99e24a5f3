"""Common parts of networks: convolution, head, scales and the eight symmetries of a square image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from gz2interp.network.quiet import keras

__all__ = ["LEAST_SCALE", "MOST_SCALE", "VIEWS", "classifier_head", "convolution", "rescale"]


layers = keras.layers


def convolution(features: Any, channels: int, width: int, stride: int, name: str) -> Any:
    """Convolution and batch normalisation, which has the bias.

    Parameters
    ----------
    features : tensor (n, y, x, channel)
    channels : int
        That come out.
    width : int
        Of the filters [pixel].
    stride : int
    name : str
        The layers are called ``NAME_conv`` and ``NAME_norm``.
    """
    convolved = layers.Conv2D(
        channels,
        width,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(features)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(convolved)


def classifier_head(features: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of features (n, y, x, channel), through the layers ``pooled`` and ``logits``.

    Parameters
    ----------
    features : tensor (n, y, x, channel)
    class_count : int
    dropout : float
        Share of the channels that each step of training forgets.
    """
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    kept = layers.Dropout(dropout, name="dropout")(pooled) if dropout else pooled
    logits = layers.Dense(class_count, name="logits")(kept)
    return layers.Activation("softmax", name="probabilities")(logits)


ops = keras.ops


LEAST_SCALE, MOST_SCALE = 0.65, 2.0
"""Farther away, the galaxy's own mirror images would be seen at the edge."""


def rescale(pixels: Any, scale: float) -> Any:
    """Scaled pixels (n, y, x, band) of the galaxy larger or smaller by a factor, of the same shape.

    Above 1 the middle is cut out and enlarged; below 1 the image is continued by reflection and reduced. What a pixel
    shows keeps its brightness, as with nearness in the sky. The factor is met to the nearest even number of pixels.

    Parameters
    ----------
    pixels : tensor
    scale : float
        From `LEAST_SCALE` to `MOST_SCALE`.

    Notes
    -----
    Made of functions and not of Keras' preprocessing layers: those, where nobody says whether a network is being
    trained, tell all layers after them that it is.
    """
    height, width = pixels.shape[1:3]
    rows, columns = (round(side * (1 / scale - 1) / 2) for side in (height, width))
    if rows == columns == 0:
        return pixels
    if scale < 1:
        seen = ops.pad(pixels, [(0, 0), (rows, rows), (columns, columns), (0, 0)], mode="reflect")
    else:
        seen = pixels[:, -rows : height + rows, -columns : width + columns]
    return ops.image.resize(seen, (height, width), interpolation="bilinear", data_format="channels_last")


Turn = Callable[[Any], Any]


def _view(axes: tuple[int, ...], swapped: bool) -> tuple[Turn, Turn]:
    """One element of D4 and its inverse: rows and columns exchanged, or not, and then some of the axes turned over."""

    def there(features: Any) -> Any:
        return _flipped(_swapped(features) if swapped else features, axes)

    def back(features: Any) -> Any:
        return _swapped(_flipped(features, axes)) if swapped else _flipped(features, axes)

    return there, back


def _swapped(features: Any) -> Any:
    return ops.transpose(features, (0, 2, 1, 3))


def _flipped(features: Any, axes: tuple[int, ...]) -> Any:
    return ops.flip(features, axis=axes) if axes else features


VIEWS: tuple[tuple[Turn, Turn], ...] = tuple(
    _view(axes, swapped) for axes, swapped in product(((), (1,), (2,), (1, 2)), (False, True))
)
"""Pairs (there, back) of functions of tensors (n, y, x, channel); the first is the image as it is."""
