"""Latents: vectors computed elsewhere, read in blocks from files and stored as a model without a network.

``models/NAME/`` then has ``latents.zarr`` (values float32 (m, channel), rows int64 (m,), ascending) and
``latents.json``, written last, with their source and digest.
"""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices, shorten
from gz2interp.schema import GALAXY_ID, parse_galaxy_id
from gz2interp.stores.arrays import (
    SHARD_ROWS,
    Rows,
    create_array,
    open_array,
    read_all,
    read_npy,
    read_npz,
    read_rows,
    write_shard,
)
from gz2interp.stores.files import read_record, write_json
from gz2interp.stores.reading import errors_as, reading, unpacked

__all__ = ["ID_COLUMNS", "LATENTS", "SUFFIXES", "Block", "Latents", "exact_ids", "read_latents"]


LATENTS: Final = "latents"
"""Name in the place of a layer's."""

_CHUNK_ROWS: Final = 64

Floats = NDArray[np.float32]


class Latents:
    """The latents in a model's folder.

    Parameters
    ----------
    folder : Path
        ``models/NAME/``.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder

    @property
    def exist(self) -> bool:
        """Whether the folder has latents."""
        return (self.path / "latents.json").is_file()

    @property
    def record(self) -> dict[str, Any]:
        """The content of ``latents.json``: digest, file, galaxies, channels."""
        return read_record(self.path / "latents.json", _check_record)

    @property
    def record_digest(self) -> str:
        """The digest of rows and values."""
        return str(self.record["digest"])

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the survey that have latents (m,), ascending."""
        array = open_array(self.path / "latents.zarr" / "rows", shape=(self.record["galaxies"],))
        return np.asarray(read_all(array), np.int64)

    def values(self, positions: Rows) -> Floats:
        """Latents (k, channel) of the given positions among `rows`."""
        shape = (self.record["galaxies"], self.record["channels"])
        return read_rows(open_array(self.path / "latents.zarr" / "values", shape=shape), positions)

    def write(self, rows: NDArray[np.int64], values: NDArray[np.float32], record: dict[str, Any]) -> None:
        """Write latents and, last, their record.

        Parameters
        ----------
        rows : int64 (m,)
            Ascending.
        values : float32 (n, channel)
            Of all rows of the survey, for example a memory map; those of `rows` are written.
        record : dict
            JSON values to add to the record.
        """
        folder = self.path / "latents.zarr"
        create_array(folder / "rows", rows.shape, np.int64, _CHUNK_ROWS)
        open_array(folder / "rows", writable=True)[:] = rows
        array = create_array(folder / "values", (len(rows), values.shape[1]), np.float32, _CHUNK_ROWS)
        digest = hashlib.sha256(rows.astype("<i8").tobytes())
        for shard, first in enumerate(range(0, len(rows), SHARD_ROWS)):
            part = np.ascontiguousarray(values[rows[first : first + SHARD_ROWS]], np.float32)
            digest.update(part.astype("<f4").tobytes())
            write_shard(array, shard, part)
        traits = {"digest": digest.hexdigest()[:16], "galaxies": len(rows), "channels": int(values.shape[1])}
        write_json(self.path / "latents.json", {**record, **traits})


def _check_record(record: Any) -> dict[str, Any]:
    kinds = {"digest": str, "galaxies": int, "channels": int}
    for name, kind in kinds.items():
        if not isinstance(record[name], kind):
            raise ValueError(f"its {name} is {record[name]!r}")
    return dict(record)


Block = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Ids (m,) and latents (m, channel)."""

ID_COLUMNS: Final = (GALAXY_ID, "id", "ids", "objid", "dr7objid", "object_id")
"""Names of a column of ids, the first that is present; case is ignored."""
_BLOCK: Final = 8192


def read_latents(file: Path, ids: Path | None = None, leave: Sequence[str] = ()) -> Iterator[Block]:
    """Ids and latents, a block at a time.

    Parameters
    ----------
    file : Path
        Parquet or FITS: a column of ids, and the latents as one column of vectors or as one column of numbers each.
        ``.npz``: an array of ids and one of latents. ``.npy``: latents (n, channel).
    ids : Path, optional
        The ids of a ``.npy``, in its order: ``.npy``, or a text file with one id a line (``.csv``, ``.txt``).
    leave : sequence of str
        Columns of numbers that are no latents, such as those of the catalogue. Not for a column of vectors.

    Raises
    ------
    InputError
        The file cannot be read, has no ids, or ids that are floating-point numbers.
    """
    if not file.is_file():
        raise InputError(f"There is no file {file}", f"Latents: {choices(SUFFIXES)}")
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"The latents {file.name} were given", f"The suffix may be {choices(SUFFIXES)}")
    if (ids is not None) != (suffix == ".npy"):
        raise InputError(
            f"{file.name} was given " + ("with" if ids else "without") + " a file of ids",
            "A .npy file needs --ids, and no other has it",
        )
    with reading(file, expected=f"Latents: {choices(SUFFIXES)}"):
        blocks = SUFFIXES[suffix](file, ids, {name.lower() for name in leave})
        block = next(blocks, None)
    while block is not None:  # exceptions of the caller, at yield, are not errors of the file
        yield block
        with (
            errors_as(InputError, file.name, f"Latents: {choices(SUFFIXES)}"),
            warnings.catch_warnings(action="ignore"),
        ):
            block = next(blocks, None)


def exact_ids(values: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Ids as int64, exactly.

    Parameters
    ----------
    values : (n,)
        Whole numbers, or text of digits.
    where : str
        Name of the file in messages.

    Raises
    ------
    InputError
        They are floating-point numbers, or not whole numbers below 2^63.
    """
    if values.dtype.kind == "f":
        raise InputError(
            f"The ids of {where} are floating-point numbers",
            "Whole numbers or text: beyond 2^53 such an id names another galaxy",
            "Write the file again from the ids as they were",
        )
    if values.dtype.kind == "u" and (values > np.iinfo(np.int64).max).any():
        raise InputError(f"{where} has an id beyond 2^63", "Whole numbers below")
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    return np.array([_exact_id(value, where) for value in values.tolist()], np.int64)


def _exact_id(value: object, where: str) -> int:
    try:
        return parse_galaxy_id(value)
    except ValueError as error:
        raise InputError(
            f"{where} has the id {shorten(str(value))!r}: {error}", "Whole numbers below 2^63, as integers or as text"
        ) from None


def _parquet(file: Path, ids: Path | None, leave: set[str]) -> Iterator[Block]:
    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        schema = opened.schema_arrow
        id_name = _id_column(schema.names, file)
        if pa.types.is_floating(schema.field(id_name).type):
            exact_ids(np.zeros(0, np.float64), file.name)
        names = [name for name in schema.names if name != id_name]
        vectors = [name for name in names if _is_list(schema.field(name).type)]
        numbers = [
            name for name in names if name.lower() not in leave and pa.types.is_floating(schema.field(name).type)
        ]
        latent_names = _latent_columns(vectors, numbers, file)
        for batch in opened.iter_batches(_BLOCK, columns=[id_name, *latent_names]):
            id_column = batch.column(batch.schema.get_field_index(id_name))
            if id_column.null_count:
                raise InputError(f"{file.name} has rows without an id", "An id in each")
            columns = [batch.column(batch.schema.get_field_index(name)) for name in latent_names]
            whole = _flat(columns[0], file) if vectors else np.stack([_numbers(column) for column in columns], axis=1)
            yield exact_ids(_of_arrow(id_column), file.name), whole


def _of_arrow(ids: Any) -> NDArray[Any]:
    if pa.types.is_integer(ids.type):
        return np.asarray(ids.to_numpy(zero_copy_only=False))
    return np.array([str(value) for value in ids.to_pylist()], object)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _flat(column: Any, file: Path) -> NDArray[np.float32]:
    lengths = {None if value is None else len(value) for value in column}
    if len(lengths) > 1 or None in lengths:
        raise InputError(f"The vectors of {file.name} are not all of one length", "As many numbers for each galaxy")
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return np.asarray(values.reshape(len(column), -1))


def _numbers(column: Any) -> NDArray[np.float32]:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float32)


def _fits(file: Path, ids: Path | None, leave: set[str]) -> Iterator[Block]:
    with unpacked(file) as content, fits.open(content, memmap=True) as opened:
        tables = [hdu for hdu in opened if isinstance(hdu, fits.BinTableHDU)]
        if not tables:
            raise InputError(f"{file.name} has no table", "A binary table with a column of ids")
        table = tables[0]
        id_name = _id_column(table.columns.names, file)
        names = [name for name in table.columns.names if name != id_name]
        kinds = {name: table.columns[name].dtype for name in names}
        vectors = [name for name in names if kinds[name].base.kind == "f" and len(kinds[name].shape) == 1]
        numbers = [name for name in names if kinds[name].kind == "f" and not kinds[name].shape]
        numbers = [name for name in numbers if name.lower() not in leave]
        latent_names = _latent_columns(vectors, numbers, file)
        for start in range(0, len(table.data), _BLOCK):
            rows = table.data[start : start + _BLOCK]
            columns = [np.asarray(rows[name], np.float32) for name in latent_names]
            whole = columns[0] if vectors else np.stack(columns, axis=1)
            yield exact_ids(np.asarray(rows[id_name]), file.name), whole


def _npy(file: Path, ids: Path | None, leave: set[str]) -> Iterator[Block]:
    assert ids is not None
    yield from _pieces(_ids_of(ids), read_npy(file, InputError, mapped=True), file)


def _npz(file: Path, ids: Path | None, leave: set[str]) -> Iterator[Block]:
    arrays = read_npz(file, error=InputError)
    id_name = _id_column(list(arrays), file)
    others = [name for name in arrays if name != id_name]
    if len(others) != 1:
        raise InputError(f"{file.name} holds {choices(arrays)}", "An array of ids and one of latents")
    yield from _pieces(exact_ids(arrays[id_name], file.name), arrays[others[0]], file)


def _pieces(ids: NDArray[np.int64], values: NDArray[Any], file: Path) -> Iterator[Block]:
    if values.ndim != 2 or values.dtype.kind != "f":
        raise InputError(f"{file.name} holds {values.dtype} of shape {values.shape}", "Floating-point (n, channel)")
    if ids.shape != (len(values),):
        raise InputError(f"There are {ids.shape} ids for {len(values)} vectors", "One for each, in the same order")
    for start in range(0, len(ids), _BLOCK):
        yield ids[start : start + _BLOCK], np.asarray(values[start : start + _BLOCK], np.float32)


def _ids_of(file: Path) -> NDArray[np.int64]:
    if not file.is_file():
        raise InputError(f"There is no file {file}", "The ids: .npy, or text with one a line")
    if file.suffix.lower() == ".npy":
        return exact_ids(read_npy(file, InputError).reshape(-1), file.name)
    with reading(file), file.open(newline="", encoding="utf-8-sig") as stream:
        words = [line[0].strip() for line in csv.reader(stream) if line and line[0].strip()]
    if words and words[0].lower() in ID_COLUMNS:
        words = words[1:]
    return exact_ids(np.array(words, object), file.name)


def _id_column(names: Sequence[str], file: Path) -> str:
    by_lower = {name.lower(): name for name in names}
    for name in ID_COLUMNS:
        if name in by_lower:
            return by_lower[name]
    raise InputError(f"{file.name} has no ids, but {choices(names)}", f"A column or an array {choices(ID_COLUMNS)}")


def _latent_columns(vectors: list[str], numbers: list[str], file: Path) -> list[str]:
    if len(vectors) > 1:
        raise InputError(f"{file.name} has several columns of vectors: {choices(vectors)}", "One")
    if not vectors and not numbers:
        raise InputError(f"{file.name} has ids and no latents", "A column of vectors, or floating-point columns")
    return vectors or numbers


SUFFIXES: Final[dict[str, Callable[[Path, Path | None, set[str]], Iterator[Block]]]] = {
    ".parquet": _parquet,
    ".fits": _fits,
    ".fit": _fits,
    ".npy": _npy,
    ".npz": _npz,
}
"""Readers by suffix."""
