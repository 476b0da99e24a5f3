"""Common parts of networks: convolution, classifier head, rescaling and the symmetries of a square image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from gz2interp.network.quiet import keras

__all__ = ["MAX_SCALE", "MIN_SCALE", "VIEWS", "classifier_head", "convolution", "rescale", "residual_block"]


layers = keras.layers


def convolution(features: Any, channels: int, width: int, stride: int, name: str) -> Any:
    """Convolution and batch normalisation, which has the bias, in layers ``NAME_conv`` and ``NAME_norm``.

    Parameters
    ----------
    features : tensor (n, y, x, channel)
    channels : int
        Number of filters.
    width : int
        Of the filters [pixel].
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


def residual_block(features: Any, channels: int, stride: int, name: str) -> Any:
    """Two convolutions and a shortcut; the activation after their sum has the name of the block.

    The shortcut is a convolution of one pixel where the shape changes, else the identity.
    """
    inner = convolution(features, channels, 3, stride, f"{name}_first")
    inner = layers.Activation("relu", name=f"{name}_first")(inner)
    inner = convolution(inner, channels, 3, 1, f"{name}_second")
    wider = stride > 1 or features.shape[-1] != channels
    shortcut = convolution(features, channels, 1, stride, f"{name}_shortcut") if wider else features
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_sum")([inner, shortcut]))


def classifier_head(features: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of features (n, y, x, channel), through the layers ``pooled`` and ``logits``."""
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    if dropout:
        pooled = layers.Dropout(dropout, name="dropout")(pooled)
    logits = layers.Dense(class_count, name="logits")(pooled)
    return layers.Activation("softmax", name="probabilities")(logits)


ops = keras.ops


MIN_SCALE, MAX_SCALE = 0.65, 2.0
"""Range of magnifications; below it, reflections of the galaxy would appear at the edge."""


def rescale(pixels: Any, scale: float) -> Any:
    """Magnify scaled pixels (n, y, x, band) by a factor, keeping their shape and surface brightness.

    Above 1 the centre is cropped and enlarged; below 1 the image is padded by reflection and reduced. The factor, from
    `MIN_SCALE` to `MAX_SCALE`, is rounded to an even number of pixels.

    Notes
    -----
    Keras' preprocessing layers are avoided: without an explicit ``training`` argument they switch all later layers to
    training mode.
    """
    height, width = pixels.shape[1:3]
    rows, columns = (round(side * (1 / scale - 1) / 2) for side in (height, width))
    if rows == columns == 0:
        return pixels
    if scale < 1:
        window = ops.pad(pixels, [(0, 0), (rows, rows), (columns, columns), (0, 0)], mode="reflect")
    else:
        window = pixels[:, -rows : height + rows, -columns : width + columns]
    return ops.image.resize(window, (height, width), interpolation="bilinear", data_format="channels_last")


Turn = Callable[[Any], Any]


def _view(axes: tuple[int, ...], transposed: bool) -> tuple[Turn, Turn]:
    """An element of D4 (transposition and flips) and its inverse."""

    def transform(features: Any) -> Any:
        return _flip(_transpose(features) if transposed else features, axes)

    def inverse(features: Any) -> Any:
        return _transpose(_flip(features, axes)) if transposed else _flip(features, axes)

    return transform, inverse


def _transpose(features: Any) -> Any:
    return ops.transpose(features, (0, 2, 1, 3))


def _flip(features: Any, axes: tuple[int, ...]) -> Any:
    return ops.flip(features, axis=axes) if axes else features


VIEWS: tuple[tuple[Turn, Turn], ...] = tuple(
    _view(axes, swapped) for axes, swapped in product(((), (1,), (2,), (1, 2)), (False, True))
)
"""The elements of D4 as pairs (transform, inverse) of functions of tensors (n, y, x, channel), the identity first."""
