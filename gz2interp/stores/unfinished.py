"""A table that is made shard by shard and kept meanwhile, so that whoever is interrupted goes on where it stopped."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gz2interp.stores.arrays import create_array, open_array, read_all, write_shard

__all__ = ["Unfinished"]

_CHUNK_ROWS = 64


class Unfinished:
    """Rows of numbers that belong to one question.

    Parameters
    ----------
    folder : Path
        Beside what they are for.
    digest : str
        Of the question: rows of another one are never taken for these.
    rows : int
        How many there will be.
    """

    def __init__(self, folder: Path, digest: str, rows: int) -> None:
        self._folder, self._rows = folder / ".unfinished" / digest, rows

    def has(self, shard: int) -> bool:
        """Whether the rows of a shard are there."""
        return (self._folder / "c" / str(shard) / "0").is_file()

    def write(self, shard: int, values: NDArray[np.float32]) -> None:
        """Keep the rows of a shard, float32 (m, column)."""
        if not (self._folder / "zarr.json").is_file():
            create_array(self._folder, (self._rows, values.shape[1]), np.float32, _CHUNK_ROWS)
        write_shard(open_array(self._folder, writable=True), shard, values)

    def all(self) -> NDArray[np.float32]:
        """All rows, float32 (n, column)."""
        return read_all(open_array(self._folder))

    def forget(self) -> None:
        """Remove them, and what was left of other questions: what they were for has been written."""
        shutil.rmtree(self._folder.parent, ignore_errors=True)
