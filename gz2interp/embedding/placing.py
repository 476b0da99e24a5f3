"""Where a galaxy belongs on a map that is there already: where UMAP's attraction by its neighbours is in balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.exact import ExactNeighbours
from gz2interp.embedding.projection import MapSettings, map_curve, memberships
from gz2interp.embedding.spaces import MetricSpace, space_of
from gz2interp.errors import InputError
from gz2interp.results import Neighbours

__all__ = ["Placement", "Placer", "map_width"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

_BLOCK: Final = 256
"""Galaxies placed at once, always as many: then no vector instruction is left with a rest that it treats otherwise."""
_STEPS: Final = 16
_TOUCHING: Final = 1e-3
"""Squared distance on the map below which points are taken to touch: the attraction has no limit there."""
_TWIN: Final = {"cosine": 1e-6, "euclidean": 1e-3, "whitened": 1e-3}
"""Nearer than this share of the farthest neighbour's distance, a galaxy is the same image again."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where galaxies have been placed.

    Attributes
    ----------
    coordinates : float32 (m, 2)
    neighbours : Neighbours
        Among the galaxies of the map, nearest first, those that decided it.
    """

    coordinates: Floats
    neighbours: Neighbours


class Placer:
    """Places galaxies on a map: alone, in a batch, in another process, at the same place to the last bit.

    A galaxy belongs to each of its nearest neighbours on the map to some degree, the weight v of `memberships`. It is
    put where the likelihood of these is greatest on the map as it is, the minimum of

        sum over neighbours j of  v_j log(1 + a |y - y_j|^2b),

    the attractive part of UMAP's own cost. The logarithm makes it robust: where neighbours lie on two islands, the
    place is on that of the greater weight, and not in the water between. The search begins at the neighbour of the
    least cost, and takes a fixed number of steps of reweighted means.

    Parameters
    ----------
    activations : float32 (n, channel)
        Of the galaxies that made the map.
    coordinates : float32 (n, 2)
        Their places.
    space : MetricSpace or str
        That of the map's neighbours; the name of a metric makes one of these activations.
    settings : MapSettings
        Of the map: as many neighbours decide a place as shaped it.

    Raises
    ------
    InputError
        There are no two galaxies on the map.

    References
    ----------
    McInnes, Healy & Melville 2018, "UMAP", arXiv:1802.03426, for the cost; Holland & Welsch 1977, Communications in
    Statistics 6, 813, for reweighted means.
    """

    def __init__(
        self, activations: Floats, coordinates: Floats, space: MetricSpace | str, settings: MapSettings
    ) -> None:
        if len(activations) < 2:
            raise InputError("A map of fewer than two galaxies was given", "One with neighbours to go by")
        known = space_of(activations, space) if isinstance(space, str) else space
        self._exact = ExactNeighbours(activations, known)
        self._coordinates = coordinates.astype(np.float64)
        self._curve = map_curve(settings.min_dist)
        self._count = settings.neighbours - 1

    def place(self, activations: Floats, left_out: Rows | None = None) -> Placement:
        """Find the places of galaxies.

        Parameters
        ----------
        activations : float32 (m, channel)
        left_out : int64 (m,), optional
            Positions among the map's galaxies; each is placed as if that one were not there. -1 for none.

        Returns
        -------
        Placement
            A galaxy whose activations are those of one on the map, to rounding, gets its place.
        """
        fewest = len(self._coordinates) - (left_out is not None)
        near = self._exact.nearest(activations, max(min(self._count, fewest), 1), left_out)
        places = np.empty((len(activations), 2), np.float32)
        for start in range(0, len(activations), _BLOCK):
            part = slice(start, start + _BLOCK)
            places[part] = self._balance(near.rows[part], near.distances[part])
        return Placement(places, near)

    def left_out(self, activations: Floats, positions: Rows) -> Placement:
        """Places of galaxies of the map itself, each as if it were new."""
        return self.place(activations, np.asarray(positions, np.int64))

    def _balance(self, rows: Rows, distances: Floats) -> Doubles:
        count = len(rows)
        rows, distances = _filled(rows), _filled(distances)
        near = np.ascontiguousarray(distances.T, dtype=np.float64)
        x, y = (np.ascontiguousarray(self._coordinates[rows.T, axis]) for axis in (0, 1))
        weights = memberships(near)
        at = self._least_cost(x, y, weights)
        place = x[at, np.arange(_BLOCK)], y[at, np.arange(_BLOCK)]
        for _ in range(_STEPS):
            place = self._step(x, y, weights, place)
        twin = near[0] <= _TWIN[self._exact.metric] * near[-1]
        found = np.stack([np.where(twin, x[0], place[0]), np.where(twin, y[0], place[1])], axis=1)
        return found[:count]

    def _least_cost(self, x: Doubles, y: Doubles, weights: Doubles) -> Rows:
        """The neighbour at whose place the cost is least, of the nearest if several."""
        a, b = self._curve
        costs = np.stack(
            [(weights * np.log1p(a * ((x - x[j]) ** 2 + (y - y[j]) ** 2) ** b)).sum(axis=0) for j in range(len(x))]
        )
        return np.asarray(costs.argmin(axis=0))

    def _step(
        self, x: Doubles, y: Doubles, weights: Doubles, place: tuple[Doubles, Doubles]
    ) -> tuple[Doubles, Doubles]:
        a, b = self._curve
        square = (x - place[0]) ** 2 + (y - place[1]) ** 2 + _TOUCHING
        pull = weights * square ** (b - 1) / (1 + a * square**b)
        whole = pull.sum(axis=0)
        return (pull * x).sum(axis=0) / whole, (pull * y).sum(axis=0) / whole


def map_width(coordinates: Floats) -> float:
    """The greater of the map's extents in x and y, each from the 0.5th to the 99.5th percentile."""
    low, high = np.percentile(coordinates.astype(np.float64), [0.5, 99.5], axis=0)
    return float((high - low).max())


def _filled(values: NDArray[Any]) -> NDArray[Any]:
    """A whole block, its last row repeated: who fills it up does not change the others."""
    return np.concatenate([values, np.repeat(values[-1:], _BLOCK - len(values), axis=0)])
