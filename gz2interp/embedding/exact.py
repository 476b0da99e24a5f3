"""Exact nearest neighbours that are bitwise independent of the batch."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import NeighbourIndex
from gz2interp.embedding.spaces import PORTION, MetricSpace
from gz2interp.results import Neighbours

__all__ = ["ExactNeighbours"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

_MORE: Final = 16
"""Candidates beyond k."""
_MOST: Final = 1024
"""Candidates after which all galaxies are searched instead."""
_DOUBT: Final = 1e-5
"""Error of squared distances in single precision, in units of the squared length of the vectors."""
_DOUBT_OF_COSINES: Final = 1e-6
"""Error of cosines in single precision, up to 128 channels."""
_DOUBT_OF_UNITS: Final = 3e-7
"""Error of a cosine of single-precision unit vectors, summed in double precision."""
_QUERIES: Final = 2048
_BLOCK: Final = 128
"""Distances computed at once."""


class ExactNeighbours:
    """Nearest neighbours whose rows and distances do not depend on the other queries of a batch.

    faiss works in single precision, and sums in another order for many queries than for few: the last digits of its
    distances, and the order of duplicates, depend on the batch. It is therefore used for candidates only; distances are
    computed in double precision, one galaxy at a time, ties go to the lower row, and where single precision may have
    missed a neighbour more candidates are taken.

    Parameters
    ----------
    activations : float32 (n, channel)
    space : MetricSpace
    """

    def __init__(self, activations: Floats, space: MetricSpace) -> None:
        self.space, self._activations = space, activations
        self._index = NeighbourIndex(activations, index="exact", space=space)
        matrix = None if space.whitening is None else space.whitening.matrix.astype(np.float64)
        self._matrix: Doubles | None = matrix
        self._longest = 1.0 if space.metric == "cosine" else self._longest_square(activations)

    @property
    def metric(self) -> str:
        """The metric of the space."""
        return self.space.metric

    def nearest(self, activations: Floats, k: int, left_out: Rows | None = None) -> Neighbours:
        """The k nearest galaxies of each vector, nearest first; of equal distances, the lower row first.

        Parameters
        ----------
        activations : float32 (m, channel)
        k : int
            At most the number of galaxies, without the one left out.
        left_out : int64 (m,), optional
            A row that is excluded for each vector, such as its own; -1 for none.

        Returns
        -------
        Neighbours
            Distances are exact, to the rounding of single precision.
        """
        without = np.full(len(activations), -1) if left_out is None else np.asarray(left_out)
        rows, distances = np.empty((len(activations), k), np.int64), np.empty((len(activations), k), np.float32)
        for start in range(0, len(activations), _QUERIES):
            part = slice(start, start + _QUERIES)
            rows[part], distances[part] = self._of_block(activations[part], k, without[part])
        return Neighbours(rows, distances, self.metric, self._index.search)

    def _of_block(self, activations: Floats, k: int, left_out: Rows) -> tuple[Rows, Floats]:
        most = min(k + 1 + _MORE, len(self._activations))
        proposed = self._index.nearest(activations, most)
        neighbours = [
            self._of_one(vector, k, int(without), rows, float(far))
            for vector, without, rows, far in zip(
                activations, left_out, proposed.rows, proposed.distances[:, -1], strict=True
            )
        ]
        return np.array([rows for rows, _ in neighbours]), np.array(
            [distances for _, distances in neighbours], np.float32
        )

    def _of_one(self, vector: Floats, k: int, left_out: int, proposed: Rows, far: float) -> tuple[Rows, Doubles]:
        while True:
            candidates = proposed[(proposed >= 0) & (proposed != left_out)]
            rows, distances = _first(candidates, self._distances(vector, candidates), k)
            if len(proposed) == len(self._activations) or self._is_sure(vector, float(distances[-1]), far):
                return rows, distances
            most = min(4 * len(proposed), len(self._activations))
            if most > _MOST:
                candidates = self._within(vector, float(distances[-1]))
                candidates = candidates[candidates != left_out]
                return _first(candidates, self._distances(vector, candidates), k)
            more = self._index.nearest(vector[None], most)
            proposed, far = more.rows[0], float(more.distances[0, -1])

    def _is_sure(self, vector: Floats, last: float, far: float) -> bool:
        """Whether no galaxy beyond the candidates can be nearer than the last neighbour."""
        if self.metric == "cosine":
            return bool(last + _DOUBT_OF_COSINES * max(1.0, np.sqrt(len(vector) / 128)) < far)
        return last**2 + _DOUBT * (self._longest_square(vector[None]) + self._longest) < far**2

    def _within(self, vector: Floats, last: float) -> Rows:
        """All galaxies that may be as near as `last`, searched in portions."""
        query = self.space.vectors(vector[None])[0].astype(np.float64)
        limit = last**2 + _DOUBT * (float((query * query).sum()) + self._longest)
        rows = []
        for start in range(0, len(self._activations), PORTION):
            others = self.space.vectors(self._activations[start : start + PORTION])
            if self.metric == "cosine":
                near = 1 - others @ query <= last + _DOUBT_OF_UNITS
            else:
                near = ((others - query) ** 2).sum(axis=1) <= limit
            rows.append(start + np.flatnonzero(near))
        return np.concatenate(rows)

    def _distances(self, vector: Floats, rows: Rows) -> Doubles:
        """In double precision, without BLAS, whose sums depend on the shape of the arrays."""
        parts = [self._distances_of(vector, rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        return np.concatenate(parts)

    def _distances_of(self, vector: Floats, rows: Rows) -> Doubles:
        query, others = vector.astype(np.float64), self._activations[rows].astype(np.float64)
        if self.metric == "cosine":
            lengths = np.sqrt((query * query).sum()) * np.sqrt((others * others).sum(axis=1))
            alike = np.divide((others * query).sum(axis=1), lengths, out=np.zeros(len(rows)), where=lengths > 0)
            return np.asarray(np.maximum(1 - alike, 0.0))
        differences = others - query
        if self._matrix is not None:
            differences = np.einsum("kc,cd->kd", differences, self._matrix)  # not BLAS, and no table of all products
        return np.asarray(np.sqrt((differences * differences).sum(axis=1)))

    def _longest_square(self, activations: Floats) -> float:
        starts = range(0, len(activations), PORTION)
        return max(
            float((self.space.vectors(activations[start : start + PORTION]) ** 2).sum(axis=1).max()) for start in starts
        )


def _first(rows: Rows, distances: Doubles, k: int) -> tuple[Rows, Doubles]:
    """The k nearest, and of equally near ones the lower rows."""
    order = np.lexsort((rows, distances))[:k]
    return rows[order], distances[order]
