"""How much two maps of one galaxy agree, as array functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["correlation", "mean_likeness", "rank_correlation"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def correlation(first: Floats, second: Floats) -> Doubles:
    """Pearson's correlation of the pixels of each pair of maps, float64 (n,).

    Parameters
    ----------
    first, second : float (n, y, x)

    Returns
    -------
    float64 (n,)
        NaN where one of them has no structure or is not finite: there is nothing that could agree.
    """
    one, other = (_centred(maps.reshape(len(maps), -1).astype(np.float64)) for maps in (first, second))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    unknown = np.full(len(one), np.nan)
    return np.asarray(np.divide((one * other).sum(axis=1), lengths, out=unknown, where=lengths > 0))


def rank_correlation(first: Floats, second: Floats) -> Doubles:
    """Spearman's correlation, that of the pixels' ranks, as `correlation`."""
    return correlation(*(rankdata(maps.reshape(len(maps), -1), axis=1)[:, None] for maps in (first, second)))


def mean_likeness(several: Sequence[Doubles]) -> Doubles:
    """The mean of several likenesses of each galaxy, float64 (n,): of those that are known, NaN where none is."""
    values = np.stack(several)
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _centred(values: Doubles) -> Doubles:
    return np.asarray(values - values.mean(axis=1, keepdims=True))
