"""From free parameters to stretched images: pixels, Fourier amplitudes, or phases alone.

Its own take four and six times as long, and are a third of what a step costs. These are off by 1e-7 near zero.

What is free is drawn from a unit normal distribution; multiplied with an amplitude it gives *raw* stretched light, from
none (0: the survey's mean level everywhere) to images with the survey's own spectrum (1). What of it could be a cutout
is the business of `gz2interp.features.limits`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.features.image_prior import ImagePrior
from gz2interp.network.quiet import tf

__all__ = ["PARAMETRISATIONS", "Parametrisation", "asinh", "get_parametrisation", "sinh"]


Tensor = Any


def sinh(values: Tensor) -> Tensor:
    """The hyperbolic sine."""
    grown = tf.exp(values)
    return 0.5 * (grown - 1 / grown)


def asinh(values: Tensor) -> Tensor:
    """Its inverse, of values that are not below 0."""
    return tf.math.log(values + tf.sqrt(values * values + 1))


Floats = NDArray[np.float32]

TINY = 1e-8


@dataclass(frozen=True)
class Parametrisation:
    """One way to write an image.

    Attributes
    ----------
    shape : callable
        From a `ImagePrior` to the shape of what is free, for one image.
    raw : callable
        From what is free (n, *shape) and a `ImagePrior` to raw stretched light (n, band, y, x).
    start : float
        Amplitude of what is free at the start.
    rate : float
        Of learning, in units of the same.
    """

    name: str
    shape: Callable[[ImagePrior], tuple[int, ...]]
    raw: Callable[[Tensor, ImagePrior], Tensor]
    start: float
    rate: float


def mixing_of(light: ImagePrior) -> Floats:
    """Symmetric root of the correlations between bands: it mixes independent numbers into the survey's colours."""
    scatter = np.sqrt(np.maximum(np.diag(light.covariance).astype(np.float64), TINY))
    values, vectors = np.linalg.eigh(light.covariance / np.outer(scatter, scatter))
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T, np.float32)


def _pixels(free: Tensor, light: ImagePrior) -> Tensor:
    return light.mean[:, None, None] + free * np.sqrt(np.diag(light.covariance))[:, None, None]


def _fourier(free: Tensor, light: ImagePrior) -> Tensor:
    return _image_of(_mixed(free, light), light)


def _maco(free: Tensor, light: ImagePrior) -> Tensor:
    turned = _mixed(tf.stack([tf.cos(free), tf.sin(free)], axis=1), light)
    return _image_of(turned / tf.sqrt(tf.reduce_sum(turned**2, axis=1, keepdims=True) + TINY), light)


def _mixed(waves: Tensor, light: ImagePrior) -> Tensor:
    bands = len(light.sky)
    return tf.reshape(tf.matmul(mixing_of(light), tf.reshape(waves, (-1, 2, bands, _count(light)))), tf.shape(waves))


def _image_of(waves: Tensor, light: ImagePrior) -> Tensor:
    real, imaginary = tf.unstack(waves * _around_mean(light), axis=1)
    varying = tf.signal.irfft2d(tf.complex(real, imaginary), light.shape[:2])
    return light.mean[:, None, None] + varying


def _around_mean(light: ImagePrior) -> Floats:
    # The magnitude at frequency 0 holds the mean itself; what varies around it between galaxies is like its neighbours.
    magnitudes = light.signal.copy()
    magnitudes[:, 0, 0] = magnitudes[:, 0, 1 : magnitudes.shape[2]].max(axis=-1, initial=0.0)
    return magnitudes


def _waves(light: ImagePrior) -> tuple[int, ...]:
    height, width, bands = light.shape
    return bands, height, width // 2 + 1


def _count(light: ImagePrior) -> int:
    return int(np.prod(_waves(light)[1:]))


def _planes(light: ImagePrior) -> tuple[int, ...]:
    height, width, bands = light.shape
    return bands, height, width


PARAMETRISATIONS: Final = {
    each.name: each
    for each in (
        Parametrisation("pixels", _planes, _pixels, 0.1, 0.05),
        Parametrisation("fourier", lambda light: (2, *_waves(light)), _fourier, 0.1, 0.1),
        Parametrisation("maco", _waves, _maco, np.pi, 0.1),
    )
}
"""By name.

``"pixels"``: each for itself. ``"fourier"``: amplitudes in units of the survey's spectrum, mixed into its colours (Olah
et al. 2017). ``"maco"``: phases alone, the magnitudes are the survey's mean ones (Fel et al. 2023,
https://arxiv.org/abs/2306.06805); they are those before light below sky is taken away.
"""


def get_parametrisation(name: str) -> Parametrisation:
    """One of `PARAMETRISATIONS`.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name in PARAMETRISATIONS:
        return PARAMETRISATIONS[name]
    raise InputError(f"The parametrisation {name!r} was asked for", f"One of {choices(PARAMETRISATIONS)}")
