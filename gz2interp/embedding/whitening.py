"""Whitening: activations turned and scaled until their channels are uncorrelated and of one scatter."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.portions import Table, portions_of
from gz2interp.errors import InputError
from gz2interp.results import Whitening

__all__ = ["RIDGE", "fit_whitening"]

RIDGE: Final = 1e-3
"""What is added to each eigenvalue of the correlation matrix; their mean is 1."""

DEAD: Final = 1e-7
"""A channel whose scatter is less than this share of the channels' typical one (root mean square) says nothing."""

ROUNDING: Final = 1e-6
"""Nor does one whose scatter is less than this share of its own mean: single precision alone makes as much."""

Doubles = NDArray[np.float64]


def fit_whitening(activations: Table, ridge: float = RIDGE) -> Whitening:
    """Principal components of the standardised channels, each divided by its scatter.

    Distances between whitened activations are Mahalanobis distances but for the ridge: a direction whose variance is a
    share v of the mean one is divided by sqrt(v + ridge), so that directions in which nothing but rounding moves stay
    short. Channels that hardly change count for nothing.

    Parameters
    ----------
    activations : float32 (n, channel)
        Read in portions; memory grows with the square of the channels, not with n.
    ridge : float
        Above 0.

    Raises
    ------
    InputError
        The ridge is not above 0, or the activations are not finite.

    References
    ----------
    Kessy, Lewin & Strimmer 2018, "Optimal whitening and decorrelation", The American Statistician 72, 309,
    arXiv:1512.00809: "PCA-cor"; the ridge is ours.
    """
    if not ridge > 0:
        raise InputError(f"A ridge of {ridge} was given", f"A number above 0, such as {RIDGE}")
    mean, covariance = _moments(activations)
    scatter = np.sqrt(np.diag(covariance))
    typical = np.sqrt(np.mean(np.square(scatter)))
    alive = scatter > np.maximum(DEAD * typical, ROUNDING * np.abs(mean))
    inverse = np.divide(1.0, scatter, out=np.zeros_like(scatter), where=alive)
    values, vectors = np.linalg.eigh(covariance * np.outer(inverse, inverse))
    matrix = inverse[:, None] * vectors[:, ::-1] / np.sqrt(np.maximum(values[::-1], 0) + ridge)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


def _moments(activations: Table) -> tuple[Doubles, Doubles]:
    """Mean and covariance; sums are taken about the first portion's mean, so that no digits are lost far from zero."""
    n, channels = activations.shape
    about, total, products = np.zeros(channels), np.zeros(channels), np.zeros((channels, channels))
    for start, portion in portions_of(activations):
        if start == 0:
            about = portion.mean(axis=0, dtype=np.float64)
        apart = portion - about
        total += apart.sum(axis=0)
        products += apart.T @ apart
    middle = total / max(n, 1)
    return about + middle, products / max(n, 1) - np.outer(middle, middle)
