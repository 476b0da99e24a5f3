"""Percentiles of any number of values in the memory of a histogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Counts"]

BINS = 1000


class Counts:
    """Histograms that grow batch by batch, one for each place of `shape`.

    Parameters
    ----------
    shape : tuple of int
    low, high : float
        What is beyond counts into the outermost bins.
    """

    def __init__(self, shape: tuple[int, ...], low: float, high: float) -> None:
        self.shape, self.low, self.high = shape, low, high
        self.counts = np.zeros((int(np.prod(shape)), BINS), np.int64)

    def add(self, values: NDArray[np.floating], *places: NDArray[np.integer]) -> None:
        """Count values; `places`, of shapes that broadcast with theirs, say into which histogram."""
        if not values.size:
            return
        which = np.ravel_multi_index(np.broadcast_arrays(*places), self.shape)
        bins = ((values - self.low) * (BINS / (self.high - self.low))).astype(np.int64)
        flat = np.broadcast_to(which, values.shape).ravel() * BINS + np.clip(bins, 0, BINS - 1).ravel()
        self.counts += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)

    def together(self) -> Counts:
        """Over the first place."""
        joined = Counts(self.shape[1:], self.low, self.high)
        joined.counts = self.counts.reshape(self.shape[0], -1, BINS).sum(axis=0)
        return joined

    def quantiles(self, shares: Sequence[float]) -> NDArray[np.float64]:
        """Of each histogram, (share, *shape), to a bin's width."""
        below = np.cumsum(self.counts, axis=1)
        wanted = np.asarray(shares)[:, None] * below[:, -1]
        bins = np.array(
            [[np.searchsorted(row, share) for row, share in zip(below, each, strict=True)] for each in wanted]
        )
        middles = self.low + (bins + 0.5) * (self.high - self.low) / BINS
        return np.asarray(middles).reshape(len(shares), *self.shape)
