"""Placing new galaxies on an existing map, at the minimum of the attractive part of UMAP's cost."""

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
"""Galaxies placed at once, always as many, so that results do not depend on the remainder of a vector loop."""
_STEPS: Final = 16
_TOUCHING: Final = 1e-3
"""Added to squared distances on the map: the attraction diverges at 0."""
_DUPLICATE: Final = {"cosine": 1e-6, "euclidean": 1e-3, "whitened": 1e-3}
"""A neighbour nearer than this share of the farthest neighbour's distance is the same image."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Coordinates (m, 2) of new galaxies, and the neighbours on the map by which they were placed, nearest first."""

    coordinates: Floats
    neighbours: Neighbours


class Placer:
    """Places galaxies on a map; the result is bitwise the same alone, in a batch and in another process.

    With the weights v of `memberships`, a galaxy is placed at the minimum of

        sum over neighbours j of  v_j log(1 + a |y - y_j|^2b),

    the attractive part of UMAP's cost. The logarithm makes it robust: where neighbours lie in two clusters, the place
    is in that of the greater weight, not between them. The search starts at the neighbour of the least cost and takes
    a fixed number of steps of iteratively reweighted means.

    Parameters
    ----------
    activations : float32 (n, channel)
        Of the galaxies of the map.
    coordinates : float32 (n, 2)
        Their places.
    space : MetricSpace or str
        That of the map's neighbours; for the name of a metric it is fitted to the activations.
    settings : MapSettings
        Of the map, whose number of neighbours is used.

    Raises
    ------
    InputError
        The map has fewer than two galaxies.

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
        space = space_of(activations, space) if isinstance(space, str) else space
        self._exact = ExactNeighbours(activations, space)
        self._coordinates = coordinates.astype(np.float64)
        self._curve = map_curve(settings.min_dist)
        self._count = settings.neighbours - 1

    def place(self, activations: Floats, left_out: Rows | None = None) -> Placement:
        """Find the places of galaxies.

        Parameters
        ----------
        activations : float32 (m, channel)
        left_out : int64 (m,), optional
            A position among the map's galaxies that is excluded for each; -1 for none.

        Returns
        -------
        Placement
            A galaxy with the activations of one on the map, to rounding, gets its place.
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
        rows, distances = _pad_block(rows), _pad_block(distances)
        near = np.ascontiguousarray(distances.T, dtype=np.float64)
        x, y = (np.ascontiguousarray(self._coordinates[rows.T, axis]) for axis in (0, 1))
        weights = memberships(near)
        at = self._least_cost(x, y, weights)
        place = x[at, np.arange(_BLOCK)], y[at, np.arange(_BLOCK)]
        for _ in range(_STEPS):
            place = self._step(x, y, weights, place)
        same = near[0] <= _DUPLICATE[self._exact.metric] * near[-1]
        places = np.stack([np.where(same, x[0], place[0]), np.where(same, y[0], place[1])], axis=1)
        return places[:count]

    def _least_cost(self, x: Doubles, y: Doubles, weights: Doubles) -> Rows:
        """The neighbour at whose place the cost is least, the nearest of several."""
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
        attraction = weights * square ** (b - 1) / (1 + a * square**b)
        whole = attraction.sum(axis=0)
        return (attraction * x).sum(axis=0) / whole, (attraction * y).sum(axis=0) / whole


def map_width(coordinates: Floats) -> float:
    """The greater of the map's extents in x and y, each from the 0.5th to the 99.5th percentile."""
    low, high = np.percentile(coordinates.astype(np.float64), [0.5, 99.5], axis=0)
    return float((high - low).max())


def _pad_block(values: NDArray[Any]) -> NDArray[Any]:
    """A whole block, padded with its last row."""
    return np.concatenate([values, np.repeat(values[-1:], _BLOCK - len(values), axis=0)])
