"""Activations a portion at a time, wherever they lie: in memory, in a memory map or in a Zarr array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["PORTION", "Table", "finite", "portions_of", "take"]

PORTION = 1 << 16
"""Rows read at once: 32 MiB of 128 channels."""

Floats = NDArray[np.float32]


class Table(Protocol):
    """Activations (n, channel) that can be sliced by rows: a NumPy array, a memory map, a Zarr array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, channel)."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Some rows."""


def portions_of(table: Table, rows: int = PORTION) -> Iterator[tuple[int, Floats]]:
    """First row and values of one portion after the other; an `InputError` where they are not finite."""
    for start in range(0, table.shape[0], rows):
        yield start, finite(np.asarray(table[start : start + rows], np.float32))


def finite(activations: Floats) -> Floats:
    """The activations, if all are numbers.

    Raises
    ------
    InputError
        They are not.
    """
    if not np.isfinite(activations).all():
        raise InputError(
            "Activations with NaN or infinity were given", "Finite numbers", "Look at the network's weights"
        )
    return activations


def take(table: Table, rows: NDArray[np.int64]) -> Floats:
    """Some rows, ascending, wherever they stand."""
    taken = np.empty((len(rows), table.shape[1]), np.float32)
    for start in range(0, table.shape[0], PORTION):
        first, end = np.searchsorted(rows, (start, start + PORTION))
        if end > first:
            taken[first:end] = np.asarray(table[start : start + PORTION])[rows[first:end] - start]
    return taken
