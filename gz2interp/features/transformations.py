"""Random transformations of feature images: rotation, shift, scaling, blur and noise.

An image that excites its objective under these is robust; an adversarial pattern, of single pixels for example, is not.
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
    """Limits of random transformations, which are the same for all images of a step.

    Attributes
    ----------
    rotation : float
        Largest rotation to either side [degree].
    shift : float
        Largest shift along each axis, to either side [pixel].
    scale : float
        Largest relative change of the scale.
    noise : float
        Noise in units of the survey's sky noise, not varied.
    blur : float
        Largest standard deviation of a Gaussian PSF [pixel].
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
        """Whether images are rotated, shifted or scaled."""
        return bool(self.rotation or self.shift or self.scale)

    def __call__(self, planes: Tensor, prior: ImagePrior, seed: Tensor) -> Tensor:
        """Images (n, y, x, band) of planes (n, band, y, x), randomly transformed with a seed (2,)."""
        seeds = tf.random.experimental.stateless_split(seed, 3)
        if self.blur:
            planes = self._blurred(planes, seeds[1])
        images = images_of(planes)
        if self.moves:
            images = self._moved(images, seeds[0])
        if self.noise:
            images += self.noise * prior.sky * tf.random.stateless_normal(prior.shape, seeds[2])
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
"""No transformation."""


def images_of(planes: Tensor) -> Tensor:
    """Images (n, y, x, band) of planes (n, band, y, x)."""
    return tf.transpose(planes, (0, 2, 3, 1))


def _gaussian(side: int, sigma: Tensor) -> Tensor:
    """Convolution matrix of a Gaussian along one axis, (side, side), averaged over pixels to first order."""
    away = np.subtract.outer(np.arange(side), np.arange(side)).astype(np.float32)
    weights = tf.exp(-(away**2) / (2 * sigma**2 + 0.02))
    return weights / tf.reduce_sum(weights, axis=0, keepdims=True)
