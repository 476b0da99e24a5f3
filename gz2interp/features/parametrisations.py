"""Parametrisations of feature images: pixels, Fourier amplitudes, or phases alone.

Free parameters are drawn from a unit normal distribution and multiplied by an amplitude. They are converted to *raw*
stretched flux, from a constant image of the survey's mean level (amplitude 0) to images with the survey's spectrum
(amplitude 1). Raw stretched flux is limited to that of cutouts in `gz2interp.features.limits`.
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
    """The hyperbolic sine, four times as fast as TensorFlow's, with an error of 1e-7 near zero."""
    grown = tf.exp(values)
    return 0.5 * (grown - 1 / grown)


def asinh(values: Tensor) -> Tensor:
    """The inverse of `sinh` for values from 0, six times as fast as TensorFlow's."""
    return tf.math.log(values + tf.sqrt(values * values + 1))


Floats = NDArray[np.float32]

TINY = 1e-8


@dataclass(frozen=True)
class Parametrisation:
    """A parametrisation of images.

    Attributes
    ----------
    shape : callable
        From an `ImagePrior` to the shape of one image's parameters.
    raw : callable
        From parameters (n, *shape) and an `ImagePrior` to raw stretched flux (n, band, y, x).
    start : float
        Amplitude of the parameters at the start.
    rate : float
        Learning rate.
    """

    name: str
    shape: Callable[[ImagePrior], tuple[int, ...]]
    raw: Callable[[Tensor, ImagePrior], Tensor]
    start: float
    rate: float


def mixing_of(prior: ImagePrior) -> Floats:
    """Symmetric square root of the correlation matrix of the bands, by which independent numbers are correlated."""
    scatter = np.sqrt(np.maximum(np.diag(prior.covariance).astype(np.float64), TINY))
    values, vectors = np.linalg.eigh(prior.covariance / np.outer(scatter, scatter))
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T, np.float32)


def _pixels(free: Tensor, prior: ImagePrior) -> Tensor:
    return prior.mean[:, None, None] + free * np.sqrt(np.diag(prior.covariance))[:, None, None]


def _fourier(free: Tensor, prior: ImagePrior) -> Tensor:
    return _image_of(_mixed(free, prior), prior)


def _maco(free: Tensor, prior: ImagePrior) -> Tensor:
    turned = _mixed(tf.stack([tf.cos(free), tf.sin(free)], axis=1), prior)
    return _image_of(turned / tf.sqrt(tf.reduce_sum(turned**2, axis=1, keepdims=True) + TINY), prior)


def _mixed(waves: Tensor, prior: ImagePrior) -> Tensor:
    bands = len(prior.sky)
    return tf.reshape(tf.matmul(mixing_of(prior), tf.reshape(waves, (-1, 2, bands, _count(prior)))), tf.shape(waves))


def _image_of(waves: Tensor, prior: ImagePrior) -> Tensor:
    real, imaginary = tf.unstack(waves * _around_mean(prior), axis=1)
    varying = tf.signal.irfft2d(tf.complex(real, imaginary), prior.shape[:2])
    return prior.mean[:, None, None] + varying


def _around_mean(prior: ImagePrior) -> Floats:
    # The magnitude at frequency 0 is the mean; its variation between galaxies is taken from neighbouring frequencies.
    magnitudes = prior.signal.copy()
    magnitudes[:, 0, 0] = magnitudes[:, 0, 1 : magnitudes.shape[2]].max(axis=-1, initial=0.0)
    return magnitudes


def _waves(prior: ImagePrior) -> tuple[int, ...]:
    height, width, bands = prior.shape
    return bands, height, width // 2 + 1


def _count(prior: ImagePrior) -> int:
    return int(np.prod(_waves(prior)[1:]))


def _planes(prior: ImagePrior) -> tuple[int, ...]:
    height, width, bands = prior.shape
    return bands, height, width


PARAMETRISATIONS: Final = {
    parametrisation.name: parametrisation
    for parametrisation in (
        Parametrisation("pixels", _planes, _pixels, 0.1, 0.05),
        Parametrisation("fourier", lambda prior: (2, *_waves(prior)), _fourier, 0.1, 0.1),
        Parametrisation("maco", _waves, _maco, np.pi, 0.1),
    )
}
"""By name.

``"pixels"``: independent pixels. ``"fourier"``: Fourier amplitudes in units of the survey's spectrum, with its
correlations between bands (Olah et al. 2017). ``"maco"``: phases alone, with the survey's mean magnitudes (Fel et al.
2023, https://arxiv.org/abs/2306.06805) before negative flux is removed.
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
    raise InputError(f"The parametrisation {name!r} was requested", f"One of {choices(PARAMETRISATIONS)}")
