"""The most typical of many: whose distance to all others is least, among a bounded sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROOM", "sampled_members", "typical"]

ROOM = 512
"""Members of a cluster that are compared with one another."""


def sampled_members(
    labels: NDArray[np.int64], clusters: int, generator: np.random.Generator, most: int = ROOM
) -> list[NDArray[np.int64]]:
    """Members of each cluster, all of them or a random sample, ascending.

    Parameters
    ----------
    labels : int64 (n,)
    clusters : int
    generator : numpy.random.Generator
    most : int
    """
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(clusters + 1))
    parts = [order[first:last] for first, last in pairwise(edges)]
    return [  # of those between the clusters nobody: their label is below 0
        part if len(part) <= most else np.sort(generator.choice(part, most, replace=False)) for part in parts
    ]


def typical(points: NDArray[np.floating], metric: str, most: int) -> NDArray[np.int64]:
    """Places of the most typical points, the most typical first.

    Parameters
    ----------
    points : float (m, channel)
        A few hundred at most: each is compared with each.
    metric : str
        ``"cosine"`` or ``"euclidean"``.
    most : int
    """
    values = np.asarray(points, np.float64)
    if metric == "cosine":
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-30)
        total = (1 - np.clip(values @ values.T, -1, 1)).sum(axis=1)
    else:
        squares = (values**2).sum(axis=1)
        total = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * values @ values.T, 0)).sum(axis=1)
    return np.argsort(total, kind="stable")[:most]
