"""Arrays along the survey's rows, in Zarr: sharded, so that a million galaxies are a few thousand files.

A shard is the unit of writing (one file, replaced whole), an inner chunk the unit of reading. Pixels are mostly noise,
which no codec shrinks by more than an eighth while each halves the speed, so floating-point arrays are stored as they
are.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from gz2interp.errors import SurveyError
from gz2interp.stores.files import sync

__all__ = ["CHUNK_ROWS", "SHARD_ROWS", "create_array", "drop_shards", "open_array", "read_rows", "write_shard"]

SHARD_ROWS = 256
CHUNK_ROWS = 8

DENSE = 4
"""Rows that may be read for each that is wanted: one by one they take about ten times as long."""

Rows = Sequence[int] | NDArray[np.integer[Any]]


def create_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunk_rows: int = CHUNK_ROWS) -> zarr.Array[Any]:
    """A new array of zeros, of which nothing is on disk yet; rows run along the first axis.

    Parameters
    ----------
    path : Path
        The folder of the array.
    shape : tuple of int
        (n, ...).
    dtype : dtype
    chunk_rows : int
        Rows read together; a divisor of `SHARD_ROWS`.
    """
    floating = np.issubdtype(np.dtype(dtype), np.floating)
    return zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        shards=(SHARD_ROWS, *shape[1:]),
        chunks=(chunk_rows, *shape[1:]),
        compressors=None if floating else ZstdCodec(level=1),
        fill_value=0,
    )


def open_array(path: Path, *, writable: bool = False) -> zarr.Array[Any]:
    """An array that exists.

    Raises
    ------
    SurveyError
        There is none at `path`.
    """
    try:
        return zarr.open_array(path, mode="r+" if writable else "r")
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise SurveyError(
            f"{path} is not a Zarr array ({error})", "A survey keeps its arrays in Zarr 3", "Run gz2interp survey check"
        ) from None


def write_shard(array: zarr.Array[Any], shard: int, values: NDArray[Any]) -> None:
    """Replace the first rows of one shard by `values` (m <= SHARD_ROWS, ...) and flush it to the disk."""
    start = shard * SHARD_ROWS
    array[start : start + len(values)] = values
    file = _shard_file(array, shard)
    if file.exists():  # Zarr keeps no file for a shard of zeros
        sync(file)


def drop_shards(array: zarr.Array[Any], first: int) -> None:
    """Remove the files of shard `first` and of all later ones; their rows read as zeros again."""
    for folder in _shard_file(array, first).parents[array.ndim - 1].glob("*"):
        if folder.name.isdecimal() and int(folder.name) >= first:
            shutil.rmtree(folder)


def read_rows(array: zarr.Array[Any], rows: Rows) -> NDArray[Any]:
    """The given rows, in the given order, repeats allowed.

    Neighbouring rows are read as one slice, which is many times faster than row by row; so are rows of one shard that
    lie densely, of which those between are let go.

    Raises
    ------
    SurveyError
        A file of the array is damaged, or the store that it is in does not answer.
    """
    wanted = np.asarray(rows, dtype=np.int64)
    try:
        if wanted.size and np.all(np.diff(wanted) == 1):
            return np.asarray(array[int(wanted[0]) : int(wanted[-1]) + 1])
        unique, where = np.unique(wanted, return_inverse=True)
        read = _read_increasing(array, unique)
        return read if np.array_equal(unique, wanted) else read[where]
    except Exception as error:
        here = isinstance(array.store_path.store, LocalStore)
        if here and not isinstance(error, ValueError | OSError | RuntimeError):
            raise
        raise SurveyError(  # stores elsewhere raise whatever their packages raise
            f"{array.store_path} cannot be read ({error or type(error).__name__})",
            remedy="Run gz2interp survey check to see what is damaged",
        ) from None


def _read_increasing(array: zarr.Array[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    read = np.empty((len(rows), *array.shape[1:]), array.dtype)
    alone = np.ones(len(rows), np.bool_)
    for here in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows // SHARD_ROWS)) + 1):
        if len(here) and rows[here[-1]] - rows[here[0]] < DENSE * len(here):
            first, end = int(rows[here[0]]), int(rows[here[-1]]) + 1
            read[here] = np.asarray(array[first:end])[rows[here] - first]
            alone[here] = False
    if alone.any():
        read[alone] = array.oindex[rows[alone]]
    return read


def _shard_file(array: zarr.Array[Any], shard: int) -> Path:
    key = "/".join(["c", str(shard), *["0"] * (array.ndim - 1)])
    root = Path(str(array.store_path.store.root))  # type: ignore[attr-defined]
    return root / array.store_path.path / key
