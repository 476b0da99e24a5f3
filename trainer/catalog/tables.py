"""A table on disk, CSV, FITS, VOTable or Parquet, plain or compressed, as a DataFrame of text and numbers."""

from __future__ import annotations

import bz2
import gzip
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits, votable
from astropy.table import Table
from numpy.typing import NDArray

from gz2interp.errors import InputError
from trainer.catalog import delimited

__all__ = ["ColumnType", "RawTable", "opened", "read_table"]

ColumnType = delimited.ColumnType
Format = Literal["CSV", "FITS", "VOTable", "Parquet"]

_PACKED: Final[dict[bytes, Callable[[Path], Any]]] = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File}


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it was found: the file's own column names, nothing dropped, nothing renamed.

    Attributes
    ----------
    frame : DataFrame
        Text columns are pandas ``str`` (missing: NaN), numbers float64, votes float32. An id column that the file
        stores as floating point stays float64, so that whoever wants an id can see that it is damaged.
    format : str
        ``"CSV"``, ``"FITS"``, ``"VOTable"`` or ``"Parquet"``.
    columns : tuple of str
        All columns of the file, also those that were not read.
    """

    frame: pd.DataFrame
    format: Format
    columns: tuple[str, ...]


def read_table(path: Path, choose: Callable[[tuple[str, ...]], dict[str, ColumnType]]) -> RawTable:
    """Read those columns of a table that `choose` wants, each as what it says.

    Parameters
    ----------
    path : Path
        The format is told from the content, not from the suffix. gzip and bzip2 are unpacked on the way.
    choose : callable
        From the names of all columns to ``{name: "text" | "number" | "vote"}`` for those to be read.

    Raises
    ------
    InputError
        The file is missing, unreadable, or a field is not what it should be: says which line and column.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}", "a table: CSV, FITS, VOTable or Parquet", "Check the path.")
    form = _format_of(path)
    if form == "CSV":
        sheet = delimited.open_sheet(path, opened)
        return RawTable(delimited.read(sheet, choose(sheet.columns)), form, sheet.columns)
    if form == "Parquet":
        return _read_parquet(path, choose)
    table = _read_astropy(path, form)
    names = tuple(table.colnames)
    frame = pd.DataFrame({name: _series(table[name], kind, path) for name, kind in choose(names).items()})
    return RawTable(frame, form, names)


def opened(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked if it is gzip or bzip2, whatever its name says."""
    with path.open("rb") as file:
        magic = file.read(3)
    for start, unpack in _PACKED.items():
        if magic.startswith(start):
            unpacked: IO[bytes] = unpack(path)
            return unpacked
    return path.open("rb")


def _format_of(path: Path) -> Format:
    try:
        with opened(path) as file:
            start = file.read(512)
    except (OSError, EOFError) as error:
        raise _unreadable(path, error) from error
    if start.startswith(b"SIMPLE  ="):
        return "FITS"
    if start.startswith(b"PAR1"):
        return "Parquet"
    if b"<VOTABLE" in start or start.lstrip(b"\xef\xbb\xbf \n\r").startswith(b"<?xml"):
        return "VOTable"
    return "CSV"


def _read_astropy(path: Path, form: Format) -> Table:
    try:
        # Archives' tables bend the standards in ways that do not matter here (unknown units, odd names).
        with opened(path) as file, warnings.catch_warnings(action="ignore"):
            if form == "VOTable":
                return votable.parse_single_table(file).to_table(use_names_over_ids=True)
            with fits.open(file, memmap=False) as hdus:
                return Table.read(hdus[_first_table(hdus, path)], format="fits")
    except (OSError, EOFError, ValueError, TypeError, IndexError) as error:
        raise _unreadable(path, error) from error


def _first_table(hdus: fits.HDUList, path: Path) -> int:
    for number, hdu in enumerate(hdus):
        if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
            return number
    raise InputError(f"{path.name} is a FITS file without a table", "a table extension", "Is it an image?")


def _read_parquet(path: Path, choose: Callable[[tuple[str, ...]], dict[str, ColumnType]]) -> RawTable:
    try:
        with opened(path) as file:
            parquet = pq.ParquetFile(file)
            names = tuple(parquet.schema_arrow.names)
            wanted = choose(names)
            table = parquet.read(list(wanted))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    # Through Arrow, not pandas: an integer column with a gap would become floating point on the way.
    arrays = {name: _arrow_array(table[name], kind, path, name) for name, kind in wanted.items()}
    return RawTable(pa.table(arrays).to_pandas(), "Parquet", names)


def _arrow_array(column: pa.ChunkedArray, kind: ColumnType, path: Path, name: str) -> pa.ChunkedArray:
    if kind == "text" and pa.types.is_floating(column.type):
        return column
    try:
        return column.cast(delimited.ARROW_TYPES[kind])
    except pa.ArrowException as error:
        wanted = "text" if kind == "text" else "numbers"
        raise InputError(f"{path.name}, column {name!r} holds {column.type}", wanted, str(error)) from error


def _series(column: Any, kind: ColumnType, path: Path) -> pd.Series[Any]:
    """An astropy column, masked or not, as text or numbers; missing values become NaN."""
    values = np.ma.getdata(column)
    if values.ndim != 1:
        raise InputError(f"{path.name}, column {column.name!r} holds an array in each row", "one value in each row")
    gaps = np.ma.getmaskarray(column)
    if kind != "text":
        return pd.Series(_numbers(values, gaps, column.name, path).astype(delimited.NUMPY_TYPES[kind]))
    if values.dtype.kind == "f":
        return pd.Series(np.where(gaps, np.nan, values.astype(np.float64)))
    words = pd.Series([_word(value) for value in values.tolist()], dtype="str")
    return words.mask(gaps | (words == "").to_numpy())


def _numbers(values: NDArray[Any], gaps: NDArray[np.bool_], name: str, path: Path) -> NDArray[np.float64]:
    if values.dtype.kind in "SUO":
        words = pd.Series([_word(value) for value in values.tolist()], dtype="str")
        numbers = pd.to_numeric(words, errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & ~words.str.lower().isin(delimited.MISSING) & ~gaps)
        if wrong.size:
            given = f"{path.name}, row {wrong[0] + 1}, column {name!r}: {words[wrong[0]]!r}"
            raise InputError(given, "A number was expected", "Leave the field empty where the value is unknown.")
        values = numbers.to_numpy()
    return np.where(gaps, np.nan, values.astype(np.float64))


def _word(value: object) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read: {error}",
        "a table: CSV, FITS, VOTable or Parquet, plain, .gz or .bz2",
        "If it was downloaded, it may be cut short: fetch it again and compare its size.",
    )
