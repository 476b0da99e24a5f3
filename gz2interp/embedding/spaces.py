"""Activations as vectors of a metric space: reading in portions, metrics, whitening."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.results import Whitening

__all__ = [
    "METRICS",
    "PORTION",
    "RIDGE",
    "MetricSpace",
    "VectorTable",
    "finite",
    "fit_whitening",
    "portions_of",
    "space_of",
    "take",
]


PORTION = 1 << 16
"""Rows read at once: 32 MiB of 128 channels."""

Floats = NDArray[np.float32]


class VectorTable(Protocol):
    """Activations (n, channel) that can be sliced by rows: a NumPy array, a memory map, a Zarr array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, channel)."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Some rows."""


def portions_of(table: VectorTable, rows: int = PORTION) -> Iterator[tuple[int, Floats]]:
    """Iterate over portions: first row and values; an `InputError` where they are not finite."""
    for start in range(0, table.shape[0], rows):
        yield start, finite(np.asarray(table[start : start + rows], np.float32))


def finite(activations: Floats) -> Floats:
    """The activations unchanged; an `InputError` where they are not finite."""
    if not np.isfinite(activations).all():
        raise InputError(
            "Activations with NaN or infinity were given", "Finite numbers", "Look at the network's weights"
        )
    return activations


def take(table: VectorTable, rows: NDArray[np.int64]) -> Floats:
    """The given rows, ascending, read in portions."""
    taken = np.empty((len(rows), table.shape[1]), np.float32)
    for start in range(0, table.shape[0], PORTION):
        first, end = np.searchsorted(rows, (start, start + PORTION))
        if end > first:
            taken[first:end] = np.asarray(table[start : start + PORTION])[rows[first:end] - start]
    return taken


RIDGE: Final = 1e-3
"""Added to each eigenvalue of the correlation matrix, whose mean is 1."""

DEAD: Final = 1e-7
"""A channel whose scatter is below this share of the channels' root mean square is ignored."""

ROUNDING: Final = 1e-6
"""So is one whose scatter is below this share of its mean, which is the rounding of single precision."""

Doubles = NDArray[np.float64]


def fit_whitening(activations: VectorTable, ridge: float = RIDGE) -> Whitening:
    """Principal components of the standardised channels, each divided by its scatter.

    Distances between whitened activations are Mahalanobis distances but for the ridge: a direction whose variance is a
    share v of the mean one is divided by sqrt(v + ridge), so that rounding is not amplified. Constant channels are
    ignored.

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


def _moments(activations: VectorTable) -> tuple[Doubles, Doubles]:
    """Mean and covariance, summed about the mean of the first portion to avoid cancellation."""
    n, channels = activations.shape
    about, total, products = np.zeros(channels), np.zeros(channels), np.zeros((channels, channels))
    for start, portion in portions_of(activations):
        if start == 0:
            about = portion.mean(axis=0, dtype=np.float64)
        offsets = portion - about
        total += offsets.sum(axis=0)
        products += offsets.T @ offsets
    middle = total / max(n, 1)
    return about + middle, products / max(n, 1) - np.outer(middle, middle)


METRICS: Final = ("cosine", "euclidean", "whitened")


@dataclass(frozen=True, eq=False)
class MetricSpace:
    """A metric on activations.

    Attributes
    ----------
    metric : str
        ``"cosine"``: 1 - cosine similarity, which depends on the pattern of channels and not on its amplitude.
        ``"euclidean"``: in the unit of the activations.
        ``"whitened"``: Euclidean between whitened activations, where each independent direction has the same weight.
    middle : float32 (channel,)
        Subtracted before squares are summed, to avoid cancellation.
    whitening : Whitening or None
        Of the metric ``"whitened"``.
    """

    metric: str
    middle: Floats
    whitening: Whitening | None = None

    def vectors(self, activations: Floats) -> Floats:
        """Vectors (n, d) whose inner product (cosine) or Euclidean distance (the others) defines the metric.

        Raises
        ------
        InputError
            The number of channels is wrong, or the values are not finite.
        """
        values = np.asarray(activations, np.float32)
        if values.ndim != 2 or values.shape[1] != len(self.middle):
            raise InputError(f"Activations of shape {values.shape} were given", f"(n, {len(self.middle)})")
        finite(values)
        if self.metric == "cosine":
            return _unit(values)
        return np.ascontiguousarray(values - self.middle if self.whitening is None else self.whitening(values))

    def distances(self, vectors: Floats, others: Floats) -> Floats:
        """The distance of each vector (m, d) to its own row of `others` (m, k, d), float32 (m, k).

        Computed from differences, not from sums of squares, so that equal vectors are at distance 0.
        """
        offsets = others - vectors[:, None]
        squares: Floats = np.einsum("mkd,mkd->mk", offsets, offsets)
        if self.metric != "cosine":
            return np.sqrt(squares)
        no_direction = np.all(others == 0, axis=2) | np.all(vectors == 0, axis=1, keepdims=True)
        return np.where(no_direction, np.float32(1), squares / 2)


def space_of(
    activations: VectorTable, metric: str = "cosine", whitening: Whitening | None = None, ridge: float = RIDGE
) -> MetricSpace:
    """Fit a space to activations, which are read in portions.

    Parameters
    ----------
    activations : float32 (n, channel)
    metric : str
        One of `METRICS`.
    whitening : Whitening, optional
        By default fitted to the activations.
    ridge : float
        See `fit_whitening`.

    Raises
    ------
    InputError
        The metric is unknown, or the activations are not finite.
    """
    if metric not in METRICS:
        raise InputError(f"The metric {metric!r} was given", f"One of {choices(METRICS)}")
    if metric == "whitened":
        whitening = whitening or fit_whitening(activations, ridge)
        return MetricSpace(metric, whitening.mean, whitening)
    middle = np.zeros(activations.shape[1], np.float64)
    if metric == "euclidean":
        for _, portion in portions_of(activations):
            middle += portion.sum(axis=0, dtype=np.float64)
    return MetricSpace(metric, (middle / max(activations.shape[0], 1)).astype(np.float32))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
