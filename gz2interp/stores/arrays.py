"""Arrays along the survey's rows, in Zarr: sharded, so that a million galaxies are a few thousand files.

A shard is the unit of writing (one file, replaced whole), an inner chunk the unit of reading. Pixels are mostly noise,
which no codec shrinks by more than an eighth while each halves the speed, so floating-point arrays are stored as they
are.
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
from gz2interp.stores.files import replaced, sync, writing
from gz2interp.stores.reading import MOST_TEXT, DamagedFile, check_claims, failing_as, limit, reading

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
"""Rows that may be read for each that is wanted: one by one they take about ten times as long."""

_MOST_CHUNK = 1 << 30

Rows = Sequence[int] | NDArray[np.integer[Any]]


def create_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunk_rows: int = CHUNK_ROWS) -> zarr.Array[Any]:
    """A new array of zeros, of which nothing is on disk yet; rows run along the first axis.

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
    with writing(path):
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
    """A new ``.npy`` file of zeros, float32, mapped into memory for writing.

    The zeros are written: where the disk fills up under a mapped file, the system ends the process without a word.

    Raises
    ------
    StorageError
        The disk has no room for it.
    """
    with replaced(path) as aside, aside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        left = 4 * shape[0] * shape[1]
        while left:
            left -= file.write(bytes(min(left, 1 << 20)))
    mapped: NDArray[np.float32] = np.lib.format.open_memmap(path, "r+")
    return mapped


def open_array(path: Path, *, writable: bool = False, shape: tuple[int | None, ...] | None = None) -> zarr.Array[Any]:
    """An array that exists.

    Parameters
    ----------
    path : Path
        Its folder.
    shape : tuple, optional
        What its shape must be; None for an axis of any length.

    Raises
    ------
    SurveyError
        There is none at `path`, its description is damaged, or it is of another shape.
    """
    with failing_as(SurveyError, str(path), "A Zarr array", "Run gz2interp survey check"):
        check_claims(path / "zarr.json", MOST_TEXT)
        array = zarr.open_array(path, mode="r+" if writable else "r")
        check_array(array, shape)
        return array


def check_array(array: zarr.Array[Any], shape: tuple[int | None, ...] | None = None) -> None:
    """Compare what an array's ``zarr.json`` claims with what this package writes.

    Raises
    ------
    DamagedFile
        It is of another shape than `shape`, its chunks are beyond memory, or its bytes are in another order.
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
    """Whether `open_array` will open an array with rows of this shape: what is read together is bounded."""
    return _fits_memory((chunk_rows, *row), dtype)


def _fits_memory(chunks: tuple[int, ...], dtype: DTypeLike) -> bool:
    return math.prod(chunks) * np.dtype(dtype).itemsize <= _MOST_CHUNK


def read_all(array: zarr.Array[Any]) -> NDArray[Any]:
    """All rows of an array; errors as in `read_rows`."""
    with _telling(array):
        root = array.store_path.store
        _check_files(array, np.arange(array.shape[0]))
        if isinstance(root, LocalStore):  # missing files read as zeros, so a shape may claim anything
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
    """The arrays of a ``.npz`` file by name, whole.

    Parameters
    ----------
    needs : sequence of str, or mapping
        Names that must be there, and what they must hold: a letter as in `numpy.dtype.kind` and the names of the axes,
        such as ``"f group channel"``. Axes of one name have one length, in whatever arrays they are.
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
    """The array of a ``.npy`` file, of numbers; `mapped` leaves it on the disk."""
    with reading(path, error):
        # An open file: NumPy forgets to close what it opened and could not read.
        with path.open("rb") as file:
            loaded = np.load(path if mapped else file, mmap_mode="r" if mapped else None, allow_pickle=False)
        if not isinstance(loaded, np.ndarray) or loaded.dtype.kind not in "fiubUS":
            raise DamagedFile("it is no array of numbers")
        return loaded


def write_shard(array: zarr.Array[Any], shard: int, values: NDArray[Any]) -> None:
    """Replace the first rows of one shard by `values` (m <= SHARD_ROWS, ...) and flush it to the disk."""
    start = shard * SHARD_ROWS
    file = _shard_file(array, shard)
    with writing(file):
        array[start : start + len(values)] = values
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
    with _telling(array):
        _check_files(array, wanted)
        if wanted.size and np.all(np.diff(wanted) == 1):
            return np.asarray(array[int(wanted[0]) : int(wanted[-1]) + 1])
        unique, where = np.unique(wanted, return_inverse=True)
        read = _read_increasing(array, unique)
        return read if np.array_equal(unique, wanted) else read[where]


def _check_files(array: zarr.Array[Any], rows: NDArray[np.int64]) -> None:
    """A pipe or a device in the place of a shard would be waited for without end."""
    if isinstance(array.store_path.store, LocalStore) and array.shards:
        for shard in np.unique(rows // array.shards[0]):
            with suppress(FileNotFoundError):
                check_claims(_shard_file(array, int(shard)))


def _telling(array: zarr.Array[Any]) -> AbstractContextManager[None]:
    remedy = "Run gz2interp survey check to see what is damaged"
    return failing_as(SurveyError, str(array.store_path), remedy=remedy)


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
