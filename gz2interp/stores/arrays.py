"""Arrays along the survey's rows, in sharded Zarr, and NumPy files.

A shard of 256 rows is one file and the unit of writing, an inner chunk the unit of reading. Floating-point arrays are
not compressed: codecs shrink noisy pixels by at most an eighth and halve the speed.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from gz2interp.errors import Gz2interpError, SurveyError
from gz2interp.stores.files import atomic_write, storage_errors, sync
from gz2interp.stores.reading import MOST_TEXT, DamagedFile, check_claims, errors_as, limit, reading

__all__ = [
    "CHUNK_ROWS",
    "SHARD_ROWS",
    "check_array",
    "create_array",
    "drop_shards",
    "is_readable_chunk",
    "new_memmap",
    "open_array",
    "read_all",
    "read_npy",
    "read_npz",
    "read_rows",
    "write_shard",
]

SHARD_ROWS = 256
CHUNK_ROWS = 8

DENSE = 4
"""Rows that are read in one slice per requested row, at most; single rows take about ten times as long."""

_MOST_CHUNK = 1 << 30

Rows = Sequence[int] | NDArray[np.integer[Any]]


def create_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunk_rows: int = CHUNK_ROWS) -> zarr.Array[Any]:
    """Create an array of zeros, which take no space on disk; rows are the first axis.

    Parameters
    ----------
    path : Path
        The folder of the array.
    shape : tuple of int
        (n, ...).
    chunk_rows : int
        Rows read together; a divisor of `SHARD_ROWS`.
    """
    floating = np.issubdtype(np.dtype(dtype), np.floating)
    with storage_errors(path):
        return zarr.create_array(
            path,
            shape=shape,
            dtype=dtype,
            shards=(SHARD_ROWS, *shape[1:]),
            chunks=(chunk_rows, *shape[1:]),
            compressors=None if floating else ZstdCodec(level=1),
            fill_value=0,
        )


def new_memmap(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Create a ``.npy`` file of zeros, float32, mapped into memory for writing.

    The zeros are written, because a full disk under a mapped file would kill the process.

    Raises
    ------
    StorageError
        The disk is full.
    """
    with atomic_write(path) as aside, aside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        left = 4 * shape[0] * shape[1]
        while left:
            left -= file.write(bytes(min(left, 1 << 20)))
    mapped: NDArray[np.float32] = np.lib.format.open_memmap(path, "r+")
    return mapped


def open_array(path: Path, *, writable: bool = False, shape: tuple[int | None, ...] | None = None) -> zarr.Array[Any]:
    """Open an existing array.

    Parameters
    ----------
    path : Path
        Its folder.
    shape : tuple, optional
        The required shape; None for an axis of any length.

    Raises
    ------
    SurveyError
        There is none at `path`, its ``zarr.json`` is damaged, or it has another shape.
    """
    with errors_as(SurveyError, str(path), "A Zarr array", "Run gz2interp survey check"):
        check_claims(path / "zarr.json", MOST_TEXT)
        array = zarr.open_array(path, mode="r+" if writable else "r")
        check_array(array, shape)
        return array


def check_array(array: zarr.Array[Any], shape: tuple[int | None, ...] | None = None) -> None:
    """Check that an array is of the kind that this package writes.

    Raises
    ------
    DamagedFile
        It has another shape than `shape`, its chunks exceed 1 GiB, or its byte order is another one.
    """
    if shape is not None and (
        len(shape) != array.ndim or any(a not in (None, b) for a, b in zip(shape, array.shape, strict=True))
    ):
        raise DamagedFile(f"its shape is {array.shape}, and {shape} is right")
    if array.dtype.kind not in "fiub" or not _fits_memory(array.chunks, array.dtype):
        raise DamagedFile(f"it claims chunks of {array.chunks} values of type {array.dtype}")
    if not isinstance(array.metadata.attributes, Mapping):
        raise DamagedFile("its attributes are no names with values")
    if "'big'" in str(array.metadata.to_dict()):
        raise DamagedFile("it claims bytes in another order than they are written in")


def is_readable_chunk(row: tuple[int, ...], dtype: DTypeLike, chunk_rows: int = CHUNK_ROWS) -> bool:
    """Whether `open_array` accepts an array with rows of this shape: the size of a chunk is bounded."""
    return _fits_memory((chunk_rows, *row), dtype)


def _fits_memory(chunks: tuple[int, ...], dtype: DTypeLike) -> bool:
    return math.prod(chunks) * np.dtype(dtype).itemsize <= _MOST_CHUNK


def read_all(array: zarr.Array[Any]) -> NDArray[Any]:
    """Read all rows of an array; errors as in `read_rows`."""
    with _failing(array):
        root = array.store_path.store
        _check_files(array, np.arange(array.shape[0]))
        if isinstance(root, LocalStore):  # missing files read as zeros, so the shape may be any
            folder = Path(str(root.root)) / array.store_path.path
            stored = sum(file.stat().st_size for file in folder.glob("c/**/*") if file.is_file())
            if array.nbytes > limit(stored):
                raise DamagedFile(f"its {stored:,} bytes would become {array.nbytes:,}")
        return np.asarray(array[:])


def read_npz(
    path: Path,
    needs: Sequence[str] | Mapping[str, str] = (),
    error: type[Gz2interpError] = SurveyError,
    remedy: str = "",
) -> dict[str, Any]:
    """Read the arrays of a ``.npz`` file by name.

    Parameters
    ----------
    needs : sequence of str, or mapping
        Required names, or a mapping of them to a letter as in `numpy.dtype.kind` and names of axes, such as
        ``"f group channel"``. Axes of one name must have one length in all arrays.
    error : type of Gz2interpError
        What a failure becomes.
    """
    with reading(path, error, remedy=remedy), path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = dict(stored)
        if lacking := [name for name in needs if name not in arrays]:
            raise DamagedFile(f"it has no array {', '.join(lacking)}")
        if isinstance(needs, Mapping):
            _check_arrays(arrays, needs)
        return arrays


def _check_arrays(arrays: Mapping[str, NDArray[Any]], needs: Mapping[str, str]) -> None:
    lengths: dict[str, int] = {}
    for name, words in needs.items():
        (kind, *axes), array = words.split(), arrays[name]
        fits = array.dtype.kind == kind and array.ndim == len(axes)
        if not fits or any(
            lengths.setdefault(axis, length) != length for axis, length in zip(axes, array.shape, strict=True)
        ):
            raise DamagedFile(f"its array {name} is {array.dtype} {array.shape}, which does not fit the others")


def read_npy(path: Path, error: type[Gz2interpError] = SurveyError, *, mapped: bool = False) -> NDArray[Any]:
    """Read the array of a ``.npy`` file; `mapped` returns a memory map."""
    with reading(path, error):
        # An open file: NumPy does not close a file that it cannot read.
        with path.open("rb") as file:
            loaded = np.load(path if mapped else file, mmap_mode="r" if mapped else None, allow_pickle=False)
        if not isinstance(loaded, np.ndarray) or loaded.dtype.kind not in "fiubUS":
            raise DamagedFile("it is no array of numbers")
        return loaded


def write_shard(array: zarr.Array[Any], shard: int, values: NDArray[Any]) -> None:
    """Replace the first rows of one shard by `values` (m <= SHARD_ROWS, ...) and flush it to disk."""
    start = shard * SHARD_ROWS
    file = _shard_file(array, shard)
    with storage_errors(file):
        array[start : start + len(values)] = values
        if file.exists():  # Zarr writes no file for a shard of zeros
            sync(file)


def drop_shards(array: zarr.Array[Any], first: int) -> None:
    """Remove the files of shard `first` and of all later ones, which sets their rows to zero."""
    for folder in _shard_file(array, first).parents[array.ndim - 1].glob("*"):
        if folder.name.isdecimal() and int(folder.name) >= first:
            shutil.rmtree(folder)


def read_rows(array: zarr.Array[Any], rows: Rows) -> NDArray[Any]:
    """Read rows in the order of `rows`, which may repeat.

    Consecutive rows are read as one slice, which is many times faster than row by row, and so are dense rows of one
    shard with those between them.

    Raises
    ------
    SurveyError
        A file of the array is damaged, or its store does not answer.
    """
    indices = np.asarray(rows, dtype=np.int64)
    with _failing(array):
        _check_files(array, indices)
        if indices.size and np.all(np.diff(indices) == 1):
            return np.asarray(array[int(indices[0]) : int(indices[-1]) + 1])
        unique, inverse = np.unique(indices, return_inverse=True)
        values = _read_increasing(array, unique)
        return values if np.array_equal(unique, indices) else values[inverse]


def _check_files(array: zarr.Array[Any], rows: NDArray[np.int64]) -> None:
    """Refuse a pipe or a device in the place of a shard, which would be read without end."""
    if isinstance(array.store_path.store, LocalStore) and array.shards:
        for shard in np.unique(rows // array.shards[0]):
            with suppress(FileNotFoundError):
                check_claims(_shard_file(array, int(shard)))


def _failing(array: zarr.Array[Any]) -> AbstractContextManager[None]:
    remedy = "Run gz2interp survey check to see what is damaged"
    return errors_as(SurveyError, str(array.store_path), remedy=remedy)


def _read_increasing(array: zarr.Array[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    values = np.empty((len(rows), *array.shape[1:]), array.dtype)
    sparse = np.ones(len(rows), np.bool_)
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows // SHARD_ROWS)) + 1):
        if len(part) and rows[part[-1]] - rows[part[0]] < DENSE * len(part):
            first, end = int(rows[part[0]]), int(rows[part[-1]]) + 1
            values[part] = np.asarray(array[first:end])[rows[part] - first]
            sparse[part] = False
    if sparse.any():
        values[sparse] = array.oindex[rows[sparse]]
    return values


def _shard_file(array: zarr.Array[Any], shard: int) -> Path:
    key = "/".join(["c", str(shard), *["0"] * (array.ndim - 1)])
    root = Path(str(array.store_path.store.root))  # type: ignore[attr-defined]
    return root / array.store_path.path / key
