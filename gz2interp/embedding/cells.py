"""An approximate index: galaxies in cells, of which only the nearest are looked into."""

from __future__ import annotations

from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.portions import Table, portions_of, take
from gz2interp.embedding.recall import recall_of
from gz2interp.embedding.scanning import scan_nearest
from gz2interp.embedding.spaces import Space
from gz2interp.results import Neighbours, Search
from gz2interp.statistics import Estimate

__all__ = ["RECALL", "SAMPLE", "Cells"]

RECALL: Final = 0.98
"""What the lower end of the recall's interval must reach; cells are added until it does."""

SAMPLE: Final = 1000
"""Galaxies on which the recall is measured."""

_PER_CELL: Final = 64
"""Galaxies that a cell's middle is learned from."""

_FEWEST: Final = 39
"""Galaxies that faiss wants for each cell."""

Floats = NDArray[np.float32]


class Cells:
    """About 4 sqrt(n) cells (faiss' IVF), with the recall that looking into the nearest ones reaches.

    Parameters
    ----------
    activations : float32 (n, channel)
        Read in portions; the cells hold all vectors once.
    space : Space
    seed : int
        Of the cells' middles, and of the sample on which the recall is measured.
    neighbours : int
        For how many of each galaxy it is measured.

    Notes
    -----
    Cells were preferred to a graph (HNSW): the same seed gives the same cells, while a graph that two threads build is
    another one each time.
    """

    def __init__(self, activations: Table, space: Space, seed: int, neighbours: int) -> None:
        self._space, self._seed = space, seed
        generator = np.random.default_rng(seed)
        self._index = self._filled(activations, generator)
        self.search = self._settled(activations, generator, neighbours)

    def nearest(self, vectors: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
        """Rows and distances (m, k) of the nearest galaxies in the cells looked into; -1 and NaN where those lack."""
        found, rows = self._index.search(vectors, k)
        distances = 1 - found if self._space.metric == "cosine" else np.sqrt(np.maximum(found, 0))
        return rows, np.where(rows < 0, np.nan, np.maximum(distances, 0)).astype(np.float32)

    def _filled(self, activations: Table, generator: np.random.Generator) -> Any:
        n = activations.shape[0]
        cells = int(np.clip(4 * np.sqrt(n), 1, max(n // _FEWEST, 1)))
        chosen = np.sort(generator.choice(n, min(_PER_CELL * cells, n), replace=False))
        example = self._space.vectors(take(activations, chosen))
        metric = faiss.METRIC_INNER_PRODUCT if self._space.metric == "cosine" else faiss.METRIC_L2
        middles = faiss.IndexFlat(example.shape[1], metric)
        index = faiss.IndexIVFFlat(middles, example.shape[1], cells, metric)
        index.own_fields = False  # the middles are Python's
        index.cp.seed, index.cp.min_points_per_centroid = self._seed, 1
        index.train(example)
        for _, portion in portions_of(activations):
            index.add(self._space.vectors(portion))
        return index

    def _settled(self, activations: Table, generator: np.random.Generator, k: int) -> Search:
        """Look into more cells until the recall is high enough, and say what it is."""
        size, cells = activations.shape[0], int(self._index.nlist)
        sample = np.sort(generator.choice(size, min(SAMPLE, size), replace=False))
        asked = take(activations, sample)
        truth = scan_nearest(activations, asked, k + 1, self._space).without(sample)
        vectors, probes = self._space.vectors(asked), min(4, cells)
        while True:
            self._index.nprobe = probes
            rows, distances = self.nearest(vectors, k + 1)
            found = Neighbours(rows, distances, self._space.metric).without(sample)
            recall = recall_of(found, truth, generator)
            if probes == cells or (recall.low or 0) >= RECALL:
                return self._told(recall, len(sample), k)
            probes = min(max(probes + 1, probes * 5 // 4), cells)

    def _told(self, recall: Estimate, sample: int, k: int) -> Search:
        value, low, high = (round(float(each or 0), 6) for each in (recall.value, recall.low, recall.high))
        parameters = {"cells": int(self._index.nlist), "looked into": int(self._index.nprobe), "seed": self._seed}
        name = f"IVF{self._index.nlist},Flat"
        return Search("approximate", name, parameters, value, low, min(high, 1.0), sample, k)
