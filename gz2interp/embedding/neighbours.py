"""The nearest galaxies in a layer's activations, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.results import Neighbours

__all__ = ["METRICS", "NeighbourIndex", "nearest_neighbours"]

METRICS: Final = ("cosine", "euclidean")
_QUERIES: Final = 2048
"""Galaxies searched at once: progress can be shown and memory stays flat."""

Floats = NDArray[np.float32]


class NeighbourIndex:
    """All distances, by faiss' flat index: exact, and fast enough up to a few 100,000 galaxies.

    Parameters
    ----------
    activations : float32 (n, channel)
    metric : str
        ``"cosine"``: 1 - cosine similarity, which asks for the same pattern of channels however strongly they answer.
        ``"euclidean"``: in the unit of the activations.

    Raises
    ------
    InputError
        The metric is not known, or the activations are not finite.

    References
    ----------
    Douze et al. 2024, "The Faiss library", arXiv:2401.08281.
    """

    def __init__(self, activations: Floats, metric: str = "cosine") -> None:
        if metric not in METRICS:
            raise InputError(f"The metric {metric!r} was given", f"One of {choices(METRICS)}")
        self.metric = metric
        # faiss adds up squares: about their mean, vectors are short, and small differences between them survive.
        self._middle = activations.mean(axis=0) if metric == "euclidean" else np.zeros(1, np.float32)
        vectors = self._vectors(activations)
        flat = faiss.IndexFlatIP if metric == "cosine" else faiss.IndexFlatL2
        self._index: Any = flat(vectors.shape[1])
        self._index.add(vectors)

    def nearest(self, activations: Floats, k: int) -> Neighbours:
        """The k nearest galaxies of each given vector, nearest first.

        Parameters
        ----------
        activations : float32 (m, channel)
        k : int
            Where fewer galaxies exist, rows are filled up with -1 and distances with NaN.
        """
        found, rows = self._index.search(self._vectors(activations), k)
        distances = 1 - found if self.metric == "cosine" else np.sqrt(np.maximum(found, 0))
        distances = np.where(rows < 0, np.nan, np.maximum(distances, 0)).astype(np.float32)
        return Neighbours(rows.astype(np.int64), distances, self.metric)

    def _vectors(self, activations: Floats) -> Floats:
        vectors = np.ascontiguousarray(activations - self._middle, dtype=np.float32)
        if not np.isfinite(vectors).all():
            raise InputError(
                "Activations with NaN or infinity were given", "Finite numbers", "Look at the network's weights"
            )
        if self.metric == "euclidean":
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return unit


def nearest_neighbours(
    activations: Floats,
    k: int,
    metric: str = "cosine",
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """The k nearest other galaxies of each galaxy, never itself.

    Parameters
    ----------
    activations : float32 (n, channel)
    k : int
    metric : str
        See `NeighbourIndex`.
    progress : callable, optional
        Called with (galaxies done, galaxies in all).

    Returns
    -------
    Neighbours
        `rows` are positions among the given activations.
    """
    index, n = NeighbourIndex(activations, metric), len(activations)
    rows, distances = np.full((n, k), -1, np.int64), np.full((n, k), np.nan, np.float32)
    for start in range(0, n, _QUERIES):
        part = np.arange(start, min(start + _QUERIES, n))
        rows[part], distances[part] = _without_itself(index.nearest(activations[part], k + 1), part)
        if progress:
            progress(int(part[-1]) + 1, n)
    return Neighbours(rows, distances, metric)


def _without_itself(found: Neighbours, queries: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Drop each query from its own list; where ties pushed it out of the list, drop the farthest instead."""
    keep = found.rows != queries[:, None]
    keep[keep.all(axis=1), -1] = False
    shape = len(queries), found.rows.shape[1] - 1
    return found.rows[keep].reshape(shape), found.distances[keep].reshape(shape)
