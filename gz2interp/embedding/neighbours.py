"""The nearest galaxies of every galaxy in a layer's activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import NeighbourIndex
from gz2interp.embedding.portions import Table
from gz2interp.embedding.spaces import METRICS
from gz2interp.results import Neighbours

__all__ = ["METRICS", "QUERIES", "NeighbourIndex", "nearest_neighbours", "neighbours_in_portions"]

QUERIES: Final = 2048
"""Galaxies searched at once: progress can be shown and memory stays flat."""

Floats = NDArray[np.float32]


def nearest_neighbours(
    activations: Table,
    k: int,
    metric: str = "cosine",
    progress: Callable[[int, int], None] | None = None,
    index: str = "auto",
) -> Neighbours:
    """The k nearest other galaxies of each galaxy, never itself.

    Parameters
    ----------
    activations : float32 (n, channel)
        An array, a memory map or a Zarr array.
    k : int
    metric : str
        ``"cosine"``, ``"euclidean"`` or ``"whitened"``, see `gz2interp.embedding.spaces.Space`.
    progress : callable, optional
        Called with (galaxies done, galaxies in all).
    index : str
        ``"auto"``, ``"exact"`` or ``"approximate"``, see `NeighbourIndex`.

    Returns
    -------
    Neighbours
        `rows` are positions among the given activations; `search` says how they were found.
    """
    n = activations.shape[0]
    made = NeighbourIndex(activations, metric, index, neighbours=k)
    rows, distances = np.full((n, k), -1, np.int64), np.full((n, k), np.nan, np.float32)
    for start, found in neighbours_in_portions(made, activations, k):
        part = slice(start, start + len(found.rows))
        rows[part], distances[part] = found.rows, found.distances
        if progress:
            progress(part.stop, n)
    return Neighbours(rows, distances, metric, made.search)


def neighbours_in_portions(
    index: NeighbourIndex, activations: Table, k: int, first: int = 0
) -> Iterator[tuple[int, Neighbours]]:
    """The neighbours of one portion of galaxies after the other, each with its first position.

    Parameters
    ----------
    index : NeighbourIndex
        Of these activations.
    activations : float32 (n, channel)
    k : int
    first : int
        A multiple of `QUERIES` to begin at.
    """
    for start in range(first, activations.shape[0], QUERIES):
        some = np.asarray(activations[start : start + QUERIES], np.float32)
        yield start, index.of_members(np.arange(start, start + len(some)), some, k)
