"""Exhaustive search for the nearest or farthest galaxies of a few vectors, in portions."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.spaces import MetricSpace, VectorTable, portions_of
from gz2interp.results import Neighbours

__all__ = ["brute_force", "scan_farthest", "scan_nearest"]

Floats = NDArray[np.float32]
RowsAndDistances = tuple[NDArray[np.int64], Floats]
"""(m, k) each, padded with -1 and NaN."""

_SPARE: Final = 4
"""Candidates beyond k, since rounding of sums of squares may exchange very near ones."""

_NEAR: Final = 0.02
"""Squared distances below this share of a vector's squared length have lost digits; they are recomputed from
differences."""

_CROWDED: Final = 0.01
_SAMPLE: Final = 1000

_QUERIES: Final = 256


def brute_force(vectors: Floats, queries: Floats, k: int, space: MetricSpace) -> RowsAndDistances:
    """The k nearest of vectors in memory, nearest first; of equal distances, the lower row first.

    Parameters
    ----------
    vectors : float32 (n, d)
    queries : float32 (m, d)
        Both of `MetricSpace.vectors`.
    k : int
    space : MetricSpace
    """
    if not len(vectors):
        return _no_neighbours(len(queries), k)
    most, cosine = min(k + _SPARE, len(vectors)), space.metric == "cosine"
    middle = _crowd(vectors) if cosine else None
    if middle is not None:
        squares, rows = faiss.knn(queries - middle, vectors - middle, most, metric=faiss.METRIC_L2)
        near = np.ones(squares.shape, np.bool_)
    else:
        scores, rows = faiss.knn(
            queries, vectors, most, metric=faiss.METRIC_INNER_PRODUCT if cosine else faiss.METRIC_L2
        )
        squares = 2 - 2 * scores if cosine else scores
        near = squares < _NEAR * np.square(queries).sum(axis=1, keepdims=True)
    distances = squares / 2 if cosine else np.sqrt(np.maximum(squares, 0))
    distances[near] = space.distances(queries[np.nonzero(near)[0]], vectors[rows[near]][:, None])[:, 0]
    return _best(rows, distances, k)


def _crowd(vectors: Floats) -> Floats | None:
    """The mean of unit vectors that are nearly parallel, else None.

    Inner products of such vectors are nearly 1 and lose digits in single precision, unless the mean is subtracted.
    """
    middle = np.asarray(vectors[:: max(len(vectors) // _SAMPLE, 1)].mean(axis=0), np.float32)
    return middle if middle @ middle > 1 - _CROWDED else None


def scan_nearest(activations: VectorTable, queries: Floats, k: int, space: MetricSpace) -> Neighbours:
    """The exact k nearest galaxies of queries (m, channel), activations (n, channel) are read in portions."""
    return _scan(activations, queries, k, space, farthest=False)


def scan_farthest(activations: VectorTable, queries: Floats, k: int, space: MetricSpace) -> Neighbours:
    """The exact k farthest galaxies, the farthest first; as `scan_nearest`."""
    return _scan(activations, queries, k, space, farthest=True)


def _scan(activations: VectorTable, queries: Floats, k: int, space: MetricSpace, farthest: bool) -> Neighbours:
    vectors, search = space.vectors(queries), _far if farthest else brute_force
    rows, distances = _no_neighbours(len(vectors), k)
    for start, portion in portions_of(activations):
        more, more_distances = search(space.vectors(portion), vectors, k, space)
        more = np.where(more < 0, -1, more + start)
        rows, distances = _best(np.hstack([rows, more]), np.hstack([distances, more_distances]), k, farthest)
    return Neighbours(rows, distances, space.metric)


def _far(vectors: Floats, queries: Floats, k: int, space: MetricSpace) -> RowsAndDistances:
    """The k farthest of vectors in memory."""
    parts = [_no_neighbours(0, k)]
    squares = np.einsum("nd,nd->n", vectors, vectors)
    for start in range(0, len(queries), _QUERIES):
        some = queries[start : start + _QUERIES]
        near = some @ vectors.T if space.metric == "cosine" else 2 * some @ vectors.T - squares
        most = min(k + _SPARE, len(vectors))
        rows = np.argpartition(near, most - 1, axis=1)[:, :most]
        parts.append(_best(rows, space.distances(some, vectors[rows]), k, farthest=True))
    rows, distances = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, distances


def _best(rows: NDArray[np.int64], distances: Floats, k: int, farthest: bool = False) -> RowsAndDistances:
    """The first k of each line by distance, then by row, padded."""
    key = np.where(rows < 0, np.inf, -distances if farthest else distances)
    order = np.lexsort((rows, key), axis=1)[:, :k]
    ranked, ordered = np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)
    lacking = ((0, 0), (0, k - ranked.shape[1]))
    return np.pad(ranked, lacking, constant_values=-1), np.pad(ordered, lacking, constant_values=np.nan)


def _no_neighbours(m: int, k: int) -> RowsAndDistances:
    return np.full((m, k), -1, np.int64), np.full((m, k), np.nan, np.float32)
