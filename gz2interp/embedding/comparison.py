"""Two layers compared galaxy by galaxy: shared neighbours, and maps aligned with one another."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.placing import map_width
from gz2interp.errors import InputError
from gz2interp.results import Neighbours

__all__ = ["align_map", "displacements", "shared_by_chance", "shared_neighbours", "starting_places"]


Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def shared_neighbours(first: Rows, second: Rows, k: int, common: Rows | None = None) -> NDArray[np.float64]:
    """The share of each galaxy's k nearest neighbours in one space that are among its k nearest in the other.

    Parameters
    ----------
    first, second : int64 (n, m)
        Rows of the survey, nearest first; -1 for none. Of the same galaxies in the same order.
    k : int
    common : int64, optional
        Rows that both spaces have, ascending; other neighbours are skipped.

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
            f"At most {min(first.shape[1], second.shape[1])}: as many are stored",
            "Analyse both layers with more --neighbours",
        )
    one, two = _first_k(first, k, common), _first_k(second, k, common)
    both = np.zeros(len(one), np.int64)
    for j in range(k):
        both += ((one[:, j, None] == two) & (two >= 0)).any(axis=1)
    count = np.minimum((one >= 0).sum(axis=1), (two >= 0).sum(axis=1))
    return np.asarray(np.divide(both, count, out=np.full(len(both), np.nan), where=count > 0))


def shared_by_chance(k: int, galaxies: int) -> float:
    """The expected share for two unrelated spaces."""
    return min(k / max(galaxies - 1, 1), 1.0)


def displacements(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Distance between each galaxy's places on two aligned maps, in units of the first map's width (n,)."""
    away = second.astype(np.float64) - first
    return np.asarray(np.hypot(away[:, 0], away[:, 1]) / max(map_width(first), np.finfo(np.float64).tiny))


def _first_k(rows: Rows, k: int, common: Rows | None) -> Rows:
    """The first k common rows of each list, padded with -1."""
    if common is None:
        return rows[:, :k]
    at = np.minimum(np.searchsorted(common, rows), len(common) - 1)
    is_common = (common[at] == rows) & (rows >= 0)
    order = np.argsort(~is_common, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(is_common, order, axis=1), np.take_along_axis(rows, order, axis=1), -1)


Bools = NDArray[np.bool_]

_ROUNDS: Final = 10


def starting_places(places: Floats, on_map: Bools, neighbours: Neighbours) -> Floats:
    """Initial places of a map from another map; galaxies that are not on it get the mean of their neighbours.

    Parameters
    ----------
    places : float32 (n, 2)
        Places on the other map; arbitrary where not known.
    on_map : bool (n,)
        Which galaxies are on the other map.
    neighbours : Neighbours
        Of the new map, as positions.

    Returns
    -------
    float32 (n, 2)
        Galaxies that ten steps through neighbours do not connect to the other map get its mean.
    """
    start, has_place = np.where(on_map[:, None], places, 0).astype(np.float32), on_map.copy()
    for _ in range(_ROUNDS):
        lost = np.flatnonzero(~has_place)
        if not len(lost):
            break
        rows = neighbours.rows[lost]
        is_placed = (rows >= 0) & has_place[rows]
        count = is_placed.sum(axis=1)
        means = np.where(is_placed[..., None], start[rows], 0).sum(axis=1) / np.maximum(count, 1)[:, None]
        start[lost[count > 0]] = means[count > 0]
        has_place[lost[count > 0]] = True
    start[~has_place] = places[on_map].mean(axis=0) if on_map.any() else 0
    return start


def align_map(places: Floats, onto: Floats, common: Bools | None = None) -> Floats:
    """A map rotated, reflected, shifted and scaled to match another one (Procrustes analysis).

    Parameters
    ----------
    places : float32 (n, 2)
    onto : float32 (n, 2)
        Places of the same galaxies on the other map; arbitrary where not common.
    common : bool (n,), optional
        Which galaxies are on both; by default all.

    References
    ----------
    Gower 1975, "Generalized Procrustes analysis", Psychometrika 40, 33. The scale is the ratio of the maps' spreads,
    not that of least squares, which shrinks dissimilar maps.
    """
    both = np.ones(len(places), np.bool_) if common is None else common
    source, target = places[both].astype(np.float64), onto[both].astype(np.float64)
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    left, _, right = np.linalg.svd((source - middle).T @ (target - goal))
    spread = ((source - middle) ** 2).sum()
    scale = np.sqrt(((target - goal) ** 2).sum() / spread) if spread > 0 else 1.0
    return np.asarray(scale * (places - middle) @ (left @ right) + goal, np.float32)
