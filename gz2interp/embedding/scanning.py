"""Every distance looked at, a portion of the galaxies at a time: the nearest, and the farthest, of a few vectors."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.spaces import MetricSpace, VectorTable, portions_of
from gz2interp.results import Neighbours

__all__ = ["brute_force", "scan_farthest", "scan_nearest"]

Floats = NDArray[np.float32]
Found = tuple[NDArray[np.int64], Floats]
"""Rows and distances (m, k); the rows of what is not there are -1, its distances NaN."""

_SPARE: Final = 4
"""More are fetched than wanted, since sums of squares now and then rank the very near wrongly."""

_NEAR: Final = 0.02
"""Squared distances below this share of a vector's own square have lost digits; they are taken from differences."""

_CROWDED: Final = 0.01
_SAMPLE: Final = 1000

_QUERIES: Final = 256


def brute_force(vectors: Floats, queries: Floats, k: int, space: MetricSpace) -> Found:
    """The k nearest of some vectors held in memory, nearest first; of those equally near, the first.

    Parameters
    ----------
    vectors : float32 (n, d)
    queries : float32 (m, d)
        Both as `MetricSpace.vectors` gives them.
    k : int
    space : MetricSpace
    """
    if not len(vectors):
        return _nobody(len(queries), k)
    most, cosine = min(k + _SPARE, len(vectors)), space.metric == "cosine"
    middle = _crowd(vectors) if cosine else None
    if middle is not None:
        squares, rows = faiss.knn(queries - middle, vectors - middle, most, metric=faiss.METRIC_L2)
        near = np.ones(squares.shape, np.bool_)
    else:
        found, rows = faiss.knn(
            queries, vectors, most, metric=faiss.METRIC_INNER_PRODUCT if cosine else faiss.METRIC_L2
        )
        squares = 2 - 2 * found if cosine else found
        near = squares < _NEAR * np.square(queries).sum(axis=1, keepdims=True)
    apart = squares / 2 if cosine else np.sqrt(np.maximum(squares, 0))
    apart[near] = space.distances(queries[np.nonzero(near)[0]], vectors[rows[near]][:, None])[:, 0]
    return _best(rows, apart, k)


def _crowd(vectors: Floats) -> Floats | None:
    """The middle of unit vectors that all point nearly the same way, else None.

    Their inner products are all nearly 1, and single precision does not tell them apart; about their middle it does.
    """
    middle = np.asarray(vectors[:: max(len(vectors) // _SAMPLE, 1)].mean(axis=0), np.float32)
    return middle if middle @ middle > 1 - _CROWDED else None


def scan_nearest(activations: VectorTable, queries: Floats, k: int, space: MetricSpace) -> Neighbours:
    """The k nearest galaxies of each vector, exactly, with no more than a portion of the activations in memory.

    Parameters
    ----------
    activations : float32 (n, channel)
    queries : float32 (m, channel)
        Activations too.
    k : int
    space : MetricSpace
    """
    return _scan(activations, queries, k, space, farthest=False)


def scan_farthest(activations: VectorTable, queries: Floats, k: int, space: MetricSpace) -> Neighbours:
    """The k galaxies least like each vector, the least alike first; as `scan_nearest`."""
    return _scan(activations, queries, k, space, farthest=True)


def _scan(activations: VectorTable, queries: Floats, k: int, space: MetricSpace, farthest: bool) -> Neighbours:
    given = space.vectors(queries)
    rows, distances = _nobody(len(given), k)
    for start, portion in portions_of(activations):
        vectors = space.vectors(portion)
        found = _far(vectors, given, k, space) if farthest else brute_force(vectors, given, k, space)
        there = np.where(found[0] < 0, -1, found[0] + start)
        joined = np.hstack([rows, there]), np.hstack([distances, found[1]])
        rows, distances = _best(*joined, k, farthest)
    return Neighbours(rows, distances, space.metric)


def _far(vectors: Floats, queries: Floats, k: int, space: MetricSpace) -> Found:
    """The k farthest of some vectors held in memory."""
    found = [_nobody(0, k)]
    squares = np.einsum("nd,nd->n", vectors, vectors)
    for start in range(0, len(queries), _QUERIES):
        some = queries[start : start + _QUERIES]
        near = some @ vectors.T if space.metric == "cosine" else 2 * some @ vectors.T - squares
        most = min(k + _SPARE, len(vectors))
        rows = np.argpartition(near, most - 1, axis=1)[:, :most]
        found.append(_best(rows, space.distances(some, vectors[rows]), k, farthest=True))
    rows, distances = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, distances


def _best(rows: NDArray[np.int64], distances: Floats, k: int, farthest: bool = False) -> Found:
    """The k first of each line by distance, then by row; lines that are too short are filled up."""
    key = np.where(rows < 0, np.inf, -distances if farthest else distances)
    order = np.lexsort((rows, key), axis=1)[:, :k]
    ranked, apart = np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)
    lacking = ((0, 0), (0, k - ranked.shape[1]))
    return np.pad(ranked, lacking, constant_values=-1), np.pad(apart, lacking, constant_values=np.nan)


def _nobody(m: int, k: int) -> Found:
    return np.full((m, k), -1, np.int64), np.full((m, k), np.nan, np.float32)
