"""Nearest-neighbour index of activations, exact or approximate with a measured recall, and all galaxies' neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.scanning import brute_force, scan_nearest
from gz2interp.embedding.spaces import METRICS, MetricSpace, VectorTable, portions_of, space_of, take
from gz2interp.errors import InputError, choices
from gz2interp.results import Neighbours, Search
from gz2interp.statistics import Estimate, bootstrap_mean

__all__ = [
    "EXACT_UP_TO",
    "INDEXES",
    "METRICS",
    "QUERIES",
    "RECALL",
    "SAMPLE",
    "Cells",
    "NeighbourIndex",
    "kind_of_index",
    "nearest_neighbours",
    "neighbours_in_portions",
    "recall_of",
]


def recall_of(neighbours: Neighbours, truth: Neighbours, generator: np.random.Generator) -> Estimate:
    """Recall: the share of the true neighbours that a search finds, with its 95 % interval over the galaxies.

    A neighbour no farther than the farthest true one counts, so that either of two duplicates is correct.

    Parameters
    ----------
    neighbours, truth : Neighbours
        Of the same galaxies, by the same metric; `truth` by exact search.
    generator : numpy.random.Generator
        Of the bootstrap.
    """
    is_neighbour = truth.rows >= 0
    farthest = np.max(np.where(is_neighbour, truth.distances, -np.inf), axis=1, initial=-np.inf, keepdims=True)
    near = (neighbours.rows >= 0) & (neighbours.distances <= farthest * (1 + 1e-5) + 2e-7)
    counted = is_neighbour.sum(axis=1)
    return bootstrap_mean(np.minimum(near.sum(axis=1)[counted > 0] / counted[counted > 0], 1), generator, draws=400)


RECALL: Final = 0.98
"""Least lower end of the recall's interval; more cells are probed until it is reached."""

SAMPLE: Final = 1000
"""Galaxies on which the recall is measured."""

_PER_CELL: Final = 64
"""Training vectors per cell."""

_FEWEST: Final = 39
"""Training vectors per cell that faiss requires."""

Floats = NDArray[np.float32]


class Cells:
    """About 4 sqrt(n) cells (faiss' IVF), of which as many are probed as the recall requires.

    Parameters
    ----------
    activations : float32 (n, channel)
        Read in portions; the cells hold all vectors once.
    space : MetricSpace
    seed : int
        Of the centroids, and of the sample on which the recall is measured.
    neighbours : int
        Neighbours per galaxy for which the recall is measured.

    Notes
    -----
    Cells are preferred to a graph (HNSW) because they follow from the seed; a graph built by two threads does not.
    """

    def __init__(self, activations: VectorTable, space: MetricSpace, seed: int, neighbours: int) -> None:
        self._space, self._seed = space, seed
        generator = np.random.default_rng(seed)
        self._index = self._build(activations, generator)
        self.search = self._tune(activations, generator, neighbours)

    def nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        """Rows and distances (m, k) of the nearest galaxies in the probed cells; padded with -1 and NaN."""
        scores, rows = self._index.search(vectors, k)
        distances = 1 - scores if self._space.metric == "cosine" else np.sqrt(np.maximum(scores, 0))
        return rows, np.where(rows < 0, np.nan, np.maximum(distances, 0)).astype(np.float32)

    def _build(self, activations: VectorTable, generator: np.random.Generator) -> Any:
        n = activations.shape[0]
        cells = int(np.clip(4 * np.sqrt(n), 1, max(n // _FEWEST, 1)))
        sample = np.sort(generator.choice(n, min(_PER_CELL * cells, n), replace=False))
        example = self._space.vectors(take(activations, sample))
        metric = faiss.METRIC_INNER_PRODUCT if self._space.metric == "cosine" else faiss.METRIC_L2
        middles = faiss.IndexFlat(example.shape[1], metric)
        index = faiss.IndexIVFFlat(middles, example.shape[1], cells, metric)
        index.own_fields = False  # the quantiser is owned by Python
        index.cp.seed, index.cp.min_points_per_centroid = self._seed, 1
        index.train(example)
        for _, portion in portions_of(activations):
            index.add(self._space.vectors(portion))
        return index

    def _tune(self, activations: VectorTable, generator: np.random.Generator, k: int) -> Search:
        """Probe more cells until the recall is high enough; return the search with its recall."""
        size, cells = activations.shape[0], int(self._index.nlist)
        sample = np.sort(generator.choice(size, min(SAMPLE, size), replace=False))
        queries = take(activations, sample)
        truth = scan_nearest(activations, queries, k + 1, self._space).without(sample)
        vectors, probes = self._space.vectors(queries), min(4, cells)
        while True:
            self._index.nprobe = probes
            rows, distances = self.nearest(vectors, k + 1)
            neighbours = Neighbours(rows, distances, self._space.metric).without(sample)
            recall = recall_of(neighbours, truth, generator)
            if probes == cells or (recall.low or 0) >= RECALL:
                return self._describe(recall, len(sample), k)
            probes = min(max(probes + 1, probes * 5 // 4), cells)

    def _describe(self, recall: Estimate, sample: int, k: int) -> Search:
        value, low, high = (round(float(number or 0), 6) for number in (recall.value, recall.low, recall.high))
        parameters = {"cells": int(self._index.nlist), "looked into": int(self._index.nprobe), "seed": self._seed}
        name = f"IVF{self._index.nlist},Flat"
        return Search("approximate", name, parameters, value, low, min(high, 1.0), sample, k)


INDEXES: Final = ("auto", "exact", "approximate")

EXACT_UP_TO: Final = 300_000
"""Galaxies. The time of an exact search grows with the square: 2 min for 240,000, half an hour for a million."""


def kind_of_index(galaxies: int, index: str = "auto") -> str:
    """``"exact"`` or ``"approximate"``, resolved from `index` and the number of galaxies.

    Raises
    ------
    InputError
        The index is not one of `INDEXES`.
    """
    if index not in INDEXES:
        raise InputError(f"The index {index!r} was given", f"One of {choices(INDEXES)}")
    if index != "auto":
        return index
    return "exact" if galaxies <= EXACT_UP_TO else "approximate"


class NeighbourIndex:
    """A searchable index of the activations of a layer; it holds one float32 copy of them.

    Parameters
    ----------
    activations : float32 (n, channel)
        An array, a memory map or a Zarr array: it is read in portions.
    metric : str
        One of `gz2interp.embedding.spaces.METRICS`.
    index : str
        ``"exact"``: all distances. ``"approximate"``: see `gz2interp.embedding.index.Cells`. ``"auto"``: exact up to
        `EXACT_UP_TO` galaxies.
    space : MetricSpace, optional
        Of any metric; by default it is fitted to the activations.
    seed : int
        Of an approximate index.
    neighbours : int
        Neighbours per galaxy for which the recall of an approximate index is measured.

    Raises
    ------
    InputError
        The metric or the index is not known, or the activations are not finite.

    References
    ----------
    Douze et al. 2024, "The Faiss library", arXiv:2401.08281.
    """

    def __init__(
        self,
        activations: VectorTable,
        metric: str = "cosine",
        index: str = "auto",
        *,
        space: MetricSpace | None = None,
        seed: int = 0,
        neighbours: int = 32,
    ) -> None:
        exact = kind_of_index(activations.shape[0], index) == "exact"
        self.space = space or space_of(activations, metric)
        self._vectors = _all_vectors(activations, self.space) if exact else None
        self._cells = None if exact else Cells(activations, self.space, seed, neighbours)

    @property
    def metric(self) -> str:
        """The metric of its space."""
        return self.space.metric

    @property
    def search(self) -> Search:
        """The kind of the index, and its recall."""
        return Search("exact", "Flat") if self._cells is None else self._cells.search

    def nearest(self, activations: Floats, k: int) -> Neighbours:
        """The k nearest galaxies of activations (m, channel), nearest first; padded with -1 and NaN."""
        queries = self.space.vectors(activations)
        if self._vectors is not None:
            rows, distances = brute_force(self._vectors, queries, k, self.space)
        else:
            assert self._cells is not None
            rows, distances = self._cells.nearest(queries, k)
        return Neighbours(rows, distances, self.metric, self.search)

    def of_members(self, positions: NDArray[np.int64], activations: Floats, k: int) -> Neighbours:
        """The k nearest other galaxies of members of the index, given their positions (m,) and activations."""
        return self.nearest(activations, k + 1).without(positions)


def _all_vectors(activations: VectorTable, space: MetricSpace) -> Floats:
    """All vectors, computed in portions into one array."""
    vectors = np.empty(activations.shape, np.float32)
    for start, portion in portions_of(activations):
        vectors[start : start + len(portion)] = space.vectors(portion)
    return vectors


QUERIES: Final = 2048
"""Galaxies searched at once."""


def nearest_neighbours(
    activations: VectorTable,
    k: int,
    metric: str = "cosine",
    progress: Callable[[int, int], None] | None = None,
    index: str = "auto",
) -> Neighbours:
    """The k nearest other galaxies of each galaxy.

    Parameters
    ----------
    activations : float32 (n, channel)
        An array, a memory map or a Zarr array.
    k : int
    metric : str
        ``"cosine"``, ``"euclidean"`` or ``"whitened"``, see `gz2interp.embedding.spaces.MetricSpace`.
    progress : callable, optional
        Called with (galaxies done, galaxies in all).
    index : str
        ``"auto"``, ``"exact"`` or ``"approximate"``, see `NeighbourIndex`.

    Returns
    -------
    Neighbours
        `rows` are positions in `activations`; `search` is the kind of the search.
    """
    n = activations.shape[0]
    searcher = NeighbourIndex(activations, metric, index, neighbours=k)
    rows, distances = np.full((n, k), -1, np.int64), np.full((n, k), np.nan, np.float32)
    for start, neighbours in neighbours_in_portions(searcher, activations, k):
        part = slice(start, start + len(neighbours.rows))
        rows[part], distances[part] = neighbours.rows, neighbours.distances
        if progress:
            progress(part.stop, n)
    return Neighbours(rows, distances, metric, searcher.search)


def neighbours_in_portions(
    index: NeighbourIndex, activations: VectorTable, k: int, first: int = 0
) -> Iterator[tuple[int, Neighbours]]:
    """Iterate over portions of galaxies: the first position of each, and the neighbours.

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
