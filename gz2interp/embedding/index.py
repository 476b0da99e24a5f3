"""An index of a layer's activations: exact, or approximate with a recall that was measured; the size decides."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.cells import Cells
from gz2interp.embedding.portions import Table, portions_of
from gz2interp.embedding.scanning import brute_force
from gz2interp.embedding.spaces import Space, space_of
from gz2interp.errors import InputError, choices
from gz2interp.results import Neighbours, Search

__all__ = ["EXACT_UP_TO", "INDEXES", "NeighbourIndex", "kind_of_index"]

INDEXES: Final = ("auto", "exact", "approximate")

EXACT_UP_TO: Final = 300_000
"""Galaxies. The time of exact neighbours grows with the square: two minutes at 240,000, half an hour at a million."""

Floats = NDArray[np.float32]


def kind_of_index(galaxies: int, index: str = "auto") -> str:
    """``"exact"`` or ``"approximate"``: what an index of that many galaxies is.

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
    """The galaxies of a layer's activations, ready to be searched; it holds them once, as float32.

    Parameters
    ----------
    activations : float32 (n, channel)
        An array, a memory map or a Zarr array: it is read in portions.
    metric : str
        One of `gz2interp.embedding.spaces.METRICS`.
    index : str
        ``"exact"``: all distances. ``"approximate"``: see `gz2interp.embedding.cells.Cells`. ``"auto"``: exact up to
        `EXACT_UP_TO` galaxies.
    space : Space, optional
        One that is known already, of any metric; by default it is made of the activations.
    seed : int
        Of an approximate index.
    neighbours : int
        For how many neighbours of each galaxy the recall of an approximate index is measured.

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
        activations: Table,
        metric: str = "cosine",
        index: str = "auto",
        *,
        space: Space | None = None,
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
        """What it is, and how many of the true neighbours it finds."""
        return Search("exact", "Flat") if self._cells is None else self._cells.search

    def nearest(self, activations: Floats, k: int) -> Neighbours:
        """The k nearest galaxies of each given vector, nearest first.

        Parameters
        ----------
        activations : float32 (m, channel)
        k : int
            Where fewer galaxies exist, rows are filled up with -1 and distances with NaN.
        """
        queries = self.space.vectors(activations)
        if self._vectors is not None:
            rows, distances = brute_force(self._vectors, queries, k, self.space)
        else:
            assert self._cells is not None
            rows, distances = self._cells.nearest(queries, k)
        return Neighbours(rows, distances, self.metric, self.search)

    def of_members(self, positions: NDArray[np.int64], activations: Floats, k: int) -> Neighbours:
        """The k nearest other galaxies of galaxies that are in the index themselves.

        Parameters
        ----------
        positions : int64 (m,)
            Among the galaxies of the index.
        activations : float32 (m, channel)
            Theirs.
        k : int
        """
        return self.nearest(activations, k + 1).without(positions)


def _all_vectors(activations: Table, space: Space) -> Floats:
    """All vectors, made portion by portion in the one array that keeps them."""
    vectors = np.empty(activations.shape, np.float32)
    for start, portion in portions_of(activations):
        vectors[start : start + len(portion)] = space.vectors(portion)
    return vectors
