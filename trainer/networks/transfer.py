"""Transfer learning: a backbone pretrained on ImageNet, for any number of bands.

Ref. Sandler, Howard, Zhu, Zhmoginov, Chen 2018, MobileNetV2, https://arxiv.org/abs/1801.04381 (half its width), through
Keras Applications; Dominguez Sanchez et al. 2019, Transfer learning for galaxy morphology,
https://arxiv.org/abs/1807.00807

Notes on differences: a trainable stem maps bands to red, green and blue, initially by averages of neighbouring bands,
scaled to the inputs of the backbone. Cutouts are enlarged twice, since the backbone halves them five times.

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
"""An input size with published weights."""

MOMENTUM = 0.9
"""Momentum of batch normalisation, for trainings of some thousand steps; the default is for a million."""

TIMEOUT = 20.0
"""Time-out of the download of the weights [s]."""


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

    Each colour is an average of neighbouring bands; three bands are unchanged.
    """
    places = np.linspace(0, 1, bands) if bands > 1 else np.array([0.5])
    nearness = np.maximum(1 - 2 * np.abs(places[:, None] - np.array([1.0, 0.5, 0.0])), 0 if bands > 2 else 0.5)
    return np.asarray(nearness / nearness.sum(axis=0), np.float32)


def imagenet_backbone() -> Any:
    """The backbone with ImageNet weights, from the server of Keras or its cache.

    Raises
    ------
    InputError
        The weights are not available.
    """
    try:
        with _socket_timeout(TIMEOUT):
            return keras.applications.MobileNetV2(
                alpha=WIDTH, include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3)
            )
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise InputError(
            f'start = "imagenet" was given, and its weights could not be loaded: {first_line(error)}',
            "A connection to the weights server of Keras, once: they are then kept in its cache",
            'Start from another network, start = "MODEL", or from random weights, start = ""',
        ) from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Set the default time-out of sockets, since Keras' download has none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
