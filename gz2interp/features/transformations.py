"""What the sky and the telescope do to an image: it is turned, shifted, scaled, blurred and seen under noise.

A pattern that survives them is seen by the network; one that does not, one of single pixels for example, fools it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gz2interp.errors import InputError
from gz2interp.features.image_prior import ImagePrior
from gz2interp.network.quiet import tf

__all__ = ["NONE", "Transformations", "images_of"]

Tensor = Any


@dataclass(frozen=True)
class Transformations:
    """How far images are transformed at most, at random in each step; all images of a step alike.

    Attributes
    ----------
    rotation : float
        [degree], to either side.
    shift : float
        [pixel], along each axis, to either side.
    scale : float
        By this share larger or smaller.
    noise : float
        In units of the sky's scatter in the survey, always as much.
    blur : float
        Standard deviation of a Gaussian PSF [pixel].
    """

    rotation: float = 5.0
    shift: float = 2.0
    scale: float = 0.05
    noise: float = 1.0
    blur: float = 0.5

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < float("inf"):
                raise InputError(f"{name} = {value} was given", "0 or more")

    @property
    def moves(self) -> bool:
        """Whether anything is turned, shifted or scaled."""
        return bool(self.rotation or self.shift or self.scale)

    def __call__(self, planes: Tensor, light: ImagePrior, seed: Tensor) -> Tensor:
        """Images (n, y, x, band) of planes (n, band, y, x), transformed by a draw that follows from the seed (2,)."""
        seeds = tf.random.experimental.stateless_split(seed, 3)
        if self.blur:
            planes = self._blurred(planes, seeds[1])
        images = images_of(planes)
        if self.moves:
            images = self._moved(images, seeds[0])
        if self.noise:
            images += self.noise * light.sky * tf.random.stateless_normal(light.shape, seeds[2])
        return images

    def _moved(self, images: Tensor, seed: Tensor) -> Tensor:
        height, width = images.shape[1:3]
        draw = tf.random.stateless_uniform((4,), seed, -1.0, 1.0)
        angle, factor = draw[0] * np.radians(self.rotation), 1 + draw[1] * self.scale
        cosine, sine = tf.cos(angle) / factor, tf.sin(angle) / factor
        x, y = (width - 1) / 2, (height - 1) / 2
        x_from = x - cosine * x + sine * y + draw[2] * self.shift
        y_from = y - sine * x - cosine * y + draw[3] * self.shift
        zero = tf.zeros(())
        matrix = tf.stack([cosine, -sine, x_from, sine, cosine, y_from, zero, zero])[None]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=matrix,
            output_shape=tf.constant([height, width]),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )

    def _blurred(self, planes: Tensor, seed: Tensor) -> Tensor:
        sigma = self.blur * tf.random.stateless_uniform((), seed)
        down, across = (_gaussian(side, sigma) for side in planes.shape[2:])
        return tf.matmul(tf.matmul(down, planes, transpose_a=True), across)


NONE = Transformations(0, 0, 0, 0, 0)
"""The images as they are."""


def images_of(planes: Tensor) -> Tensor:
    """As networks take them, (n, y, x, band), of planes (n, band, y, x)."""
    return tf.transpose(planes, (0, 2, 3, 1))


def _gaussian(side: int, sigma: Tensor) -> Tensor:
    """What each pixel gives to each along one axis, (side, side): a Gaussian's mean over a pixel, to first order."""
    away = np.subtract.outer(np.arange(side), np.arange(side)).astype(np.float32)
    weights = tf.exp(-(away**2) / (2 * sigma**2 + 0.02))
    return weights / tf.reduce_sum(weights, axis=0, keepdims=True)
