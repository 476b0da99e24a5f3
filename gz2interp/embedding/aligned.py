"""Two maps side by side: the second begun at the first's places, then turned until it fits."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.results import Neighbours

__all__ = ["fitted", "starting_places"]

Floats = NDArray[np.float32]
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
