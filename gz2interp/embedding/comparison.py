"""Two layers compared galaxy by galaxy: shared neighbours, and two maps laid out so that they can be compared."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.placing import map_width
from gz2interp.errors import InputError
from gz2interp.results import Neighbours

__all__ = ["fitted", "moved", "shared_by_chance", "shared_neighbours", "starting_places"]


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


Bools = NDArray[np.bool_]

_ROUNDS: Final = 10


def starting_places(places: Floats, known: Bools, neighbours: Neighbours) -> Floats:
    """Places to begin a map with: the known ones, and for the others the mean of those of their neighbours.

    Parameters
    ----------
    places : float32 (n, 2)
        Places on the other map; anything where not known.
    known : bool (n,)
        Which galaxies are on the other map.
    neighbours : Neighbours
        Of the map to be, as positions.

    Returns
    -------
    float32 (n, 2)
        Who is not led to anybody known by ten steps through neighbours begins in the middle.
    """
    start, there = np.where(known[:, None], places, 0).astype(np.float32), known.copy()
    for _ in range(_ROUNDS):
        lost = np.flatnonzero(~there)
        if not len(lost):
            break
        rows = neighbours.rows[lost]
        led = (rows >= 0) & there[rows]
        count = led.sum(axis=1)
        means = np.where(led[..., None], start[rows], 0).sum(axis=1) / np.maximum(count, 1)[:, None]
        start[lost[count > 0]] = means[count > 0]
        there[lost[count > 0]] = True
    start[~there] = places[known].mean(axis=0) if known.any() else 0
    return start


def fitted(places: Floats, onto: Floats, common: Bools | None = None) -> Floats:
    """A map turned, mirrored, moved and scaled as a whole, so that it lies on another as well as it can.

    Parameters
    ----------
    places : float32 (n, 2)
    onto : float32 (n, 2)
        Places of the same galaxies on the other map; anything where not common.
    common : bool (n,), optional
        Which galaxies are on both; all if not said.

    Returns
    -------
    float32 (n, 2)

    References
    ----------
    Gower 1975, "Generalized Procrustes analysis", Psychometrika 40, 33. The scale is the ratio of the maps' spreads,
    not that of least squares, which shrinks a map the more the less it is like the other.
    """
    both = np.ones(len(places), np.bool_) if common is None else common
    here, there = places[both].astype(np.float64), onto[both].astype(np.float64)
    middle, goal = here.mean(axis=0), there.mean(axis=0)
    left, _, right = np.linalg.svd((here - middle).T @ (there - goal))
    spread = ((here - middle) ** 2).sum()
    scale = np.sqrt(((there - goal) ** 2).sum() / spread) if spread > 0 else 1.0
    return np.asarray(scale * (places - middle) @ (left @ right) + goal, np.float32)
