"""A network that learnt to see on photographs, and is shown galaxies in any number of bands.

Ref. Sandler, Howard, Zhu, Zhmoginov, Chen 2018, MobileNetV2, https://arxiv.org/abs/1801.04381 (half its width), through
Keras Applications; Dominguez Sanchez et al. 2019, Transfer learning for galaxy morphology,
https://arxiv.org/abs/1807.00807

Notes on differences: the stem is ours. It begins as three averages of neighbouring bands, the reddest as red, scaled to
what the backbone was shown, and learns from there on. Cutouts are enlarged twice, since the backbone halves five times.

    nanomaggies, scaled     64 x  64 x band
    stem                    64 x  64 x 3
    enlarged               128 x 128 x 3
    backbone: Conv1 ...     64 x  64 x 16
              out_relu       4 x   4 x 1280
    pooled                         1280
    logits, probabilities         class
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.loading import first_line
from gz2interp.network.quiet import keras
from trainer.networks.layers import classifier_head

layers = keras.layers

__all__ = ["band_averages", "imagenet_backbone", "transfer"]

WIDTH = 0.5
SIZE = 128
"""One of the sizes of photographs for which there are weights."""

MOMENTUM = 0.9
"""Of the moving averages, for trainings of some thousand steps; theirs is for a million."""

SILENCE = 20.0
"""Seconds that the server of the weights may stay silent."""


def transfer(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of scaled pixels (n, y, x, band)."""
    bands = pixels.shape[-1]
    stem = layers.Conv2D(
        3,
        1,
        kernel_initializer=keras.initializers.Constant(2 * band_averages(bands)[None, None]),
        bias_initializer=keras.initializers.Constant(-1.0),
        name="stem",
    )
    enlarged = layers.UpSampling2D(2, interpolation="bilinear", name="enlarged")(stem(pixels))
    backbone = keras.applications.MobileNetV2(alpha=WIDTH, include_top=False, weights=None, input_tensor=enlarged)
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return classifier_head(backbone.output, class_count, dropout)


def band_averages(bands: int) -> NDArray[np.float32]:
    """Weights from bands, in order of increasing wavelength, to red, green and blue: float32 (band, 3).

    Each colour is an average of neighbouring bands; three bands are taken as they are.
    """
    places = np.linspace(0, 1, bands) if bands > 1 else np.array([0.5])
    nearness = np.maximum(1 - 2 * np.abs(places[:, None] - np.array([1.0, 0.5, 0.0])), 0 if bands > 2 else 0.5)
    return np.asarray(nearness / nearness.sum(axis=0), np.float32)


def imagenet_backbone() -> Any:
    """The backbone with the weights that photographs gave it, from Keras' own server, or from its cache.

    Raises
    ------
    InputError
        The weights could not be had.
    """
    try:
        with _impatience(SILENCE):
            return keras.applications.MobileNetV2(
                alpha=WIDTH, include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3)
            )
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise InputError(
            f'start = "imagenet" was given, and its weights could not be had: {first_line(error)}',
            "A connection to Keras' server of weights, once: they are then kept in Keras' cache",
            'Begin with a network of your own, start = "MODEL", or with none, start = ""',
        ) from error


@contextmanager
def _impatience(seconds: float) -> Iterator[None]:
    """Keras' download knows no time limit; its sockets take this one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
