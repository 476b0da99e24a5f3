"""The layer that our networks are made of."""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras

layers = keras.layers

__all__ = ["convolution"]


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
