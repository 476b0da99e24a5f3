"""Two spaces compared galaxy by galaxy: how many of its nearest neighbours do they share?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.placing import map_width
from gz2interp.errors import InputError

__all__ = ["moved", "shared_by_chance", "shared_neighbours"]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def shared_neighbours(first: Rows, second: Rows, k: int, common: Rows | None = None) -> NDArray[np.float64]:
    """Of each galaxy's k nearest in one space, the share that is among its k nearest in the other.

    Parameters
    ----------
    first, second : int64 (n, m)
        Rows of the survey, nearest first; -1 for none. The same galaxies in the same order, each with its own list.
    k : int
    common : int64, optional
        Rows that both spaces know, ascending; others are passed over, and the next nearest take their place.

    Returns
    -------
    float64 (n,)
        NaN for a galaxy with no neighbour to compare.

    Raises
    ------
    InputError
        The lists are of different galaxies, or shorter than k.
    """
    if len(first) != len(second):
        raise InputError(f"Neighbours of {len(first)} and of {len(second)} galaxies were given", "Of the same")
    if not 0 < k <= min(first.shape[1], second.shape[1]):
        raise InputError(
            f"{k} neighbours were asked for",
            f"At most {min(first.shape[1], second.shape[1])}: as many were kept",
            "Analyse both layers with more --neighbours",
        )
    one, two = _first_k(first, k, common), _first_k(second, k, common)
    both = np.zeros(len(one), np.int64)
    for j in range(k):
        both += ((one[:, j, None] == two) & (two >= 0)).any(axis=1)
    there = np.minimum((one >= 0).sum(axis=1), (two >= 0).sum(axis=1))
    return np.asarray(np.divide(both, there, out=np.full(len(both), np.nan), where=there > 0))


def shared_by_chance(k: int, galaxies: int) -> float:
    """The share that two spaces without anything in common would show."""
    return min(k / max(galaxies - 1, 1), 1.0)


def moved(first: Floats, second: Floats) -> NDArray[np.float64]:
    """How far each galaxy lies from its place on the first of two aligned maps, in units of that map's width (n,)."""
    away = second.astype(np.float64) - first
    return np.asarray(np.hypot(away[:, 0], away[:, 1]) / max(map_width(first), np.finfo(np.float64).tiny))


def _first_k(rows: Rows, k: int, common: Rows | None) -> Rows:
    """The first k of each list that are common; -1 where there are not as many."""
    if common is None:
        return rows[:, :k]
    at = np.minimum(np.searchsorted(common, rows), len(common) - 1)
    known = (common[at] == rows) & (rows >= 0)
    order = np.argsort(~known, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(known, order, axis=1), np.take_along_axis(rows, order, axis=1), -1)
