"""Tables in Parquet and in the formats astronomers exchange, and lists of galaxies named by a file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from numpy.typing import NDArray

from gz2interp.errors import Gz2interpError, InputError, SurveyError, choices
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.files import atomic_write, write_json
from gz2interp.stores.reading import DamagedFile, reading, unpacked
from gz2interp.stores.table_formats import TableDescription, write_ecsv, write_fits, write_votable

__all__ = [
    "FORMATS",
    "UNITS",
    "parquet_schema",
    "read_columns",
    "read_csv",
    "read_named_galaxies",
    "read_parquet",
    "read_some_rows",
    "write_blocks",
    "write_parquet",
    "write_table",
    "write_table_of_blocks",
]


_READ_ROWS = 16_384

UNITS: Final = "units"
"""Name in ``DataFrame.attrs`` of a mapping of column to unit."""


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a Parquet file without the index; units in ``frame.attrs["units"]`` become metadata of the columns."""
    with atomic_write(path) as aside:
        pq.write_table(_with_units(frame), aside, write_page_checksum=True)


def _with_units(frame: pd.DataFrame) -> pa.Table:
    units = frame.attrs.get(UNITS, {})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_metadata({"unit": units[field.name]}) if field.name in units else field for field in table.schema
    ]
    return table.cast(pa.schema(fields, table.schema.metadata)) if units else table


def write_blocks(path: Path, blocks: Iterable[pd.DataFrame]) -> None:
    """Write a Parquet file from blocks of rows, one row group each.

    Raises
    ------
    InputError
        There is no block, or one has other columns than the first.
    """
    with atomic_write(path) as aside, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for block in blocks:
            table = _with_units(block)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(aside, table.schema, write_page_checksum=True))
            if table.schema.names != writer.schema.names:
                raise InputError("A block of the table has other columns than the first", "The same in each")
            writer.write_table(table.cast(writer.schema))
        if writer is None:
            raise InputError("The table has no rows", "At least one")


def write_table_of_blocks(path: Path, blocks: Iterable[pd.DataFrame]) -> int:
    """Write a table block by block in the format of the suffix, and return the number of rows.

    Parquet and CSV are written block by block; other formats need the whole table in memory.

    Raises
    ------
    InputError
        The suffix is not one of `FORMATS`, or there is no block.
    """
    suffix, count = path.suffix.lower(), 0
    if suffix not in FORMATS:
        raise InputError(f"The file {path.name} was requested", f"The suffix may be {choices(FORMATS)}")

    def count_rows() -> Iterator[pd.DataFrame]:
        nonlocal count
        for block in blocks:
            count += len(block)
            yield block

    if suffix == ".parquet":
        write_blocks(path, count_rows())
    elif suffix == ".csv":
        with atomic_write(path) as aside:
            for first, block in enumerate(count_rows()):
                block.to_csv(aside, index=False, header=first == 0, mode="a")
    else:
        write_table(path, pd.concat(count_rows(), ignore_index=True))
    return count


def read_parquet(
    path: Path,
    columns: Sequence[str] | None = None,
    needs: Mapping[str, str] | None = None,
    error: type[Gz2interpError] = SurveyError,
) -> pd.DataFrame:
    """Read a Parquet file, and compare the checksums of its pages, if any.

    Parameters
    ----------
    columns : sequence of str, optional
        By default all.
    needs : mapping, optional
        Required columns with their allowed kinds, letters as in `numpy.dtype.kind`; "" for any.
    error : type of Gz2interpError
        What a failure becomes.

    Raises
    ------
    error
        The file is absent or damaged, or a column is missing or of another kind.
    """
    with reading(path, error):
        names = None if columns is None else list(columns)
        frame = pd.read_parquet(path, columns=names, engine="pyarrow", page_checksum_verification=True)
        for name, kinds in (needs or {}).items():
            if name not in frame:
                raise DamagedFile(f"it has no column {name}")
            if kinds and frame[name].dtype.kind not in kinds:
                raise DamagedFile(f"its column {name} is of type {frame[name].dtype}")
        return frame


def read_csv(
    path: Path,
    error: type[Gz2interpError] = SurveyError,
    remedy: str = "",
    *,
    dtype: Any = None,
    keep_default_na: bool = True,
) -> pd.DataFrame:
    """Read a CSV file with a header line; errors as in `read_parquet`.

    Parameters
    ----------
    error : type of Gz2interpError
    remedy : str
        What to try where it cannot be read.
    dtype, keep_default_na
        As in `pandas.read_csv`.

    Notes
    -----
    A row with more fields than names is refused: if it is the first, pandas takes the first column for the index and
    shifts the others by one.
    """
    with reading(path, error, remedy=remedy), warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
        try:
            return pd.read_csv(path, index_col=False, dtype=dtype, keep_default_na=keep_default_na)
        except pd.errors.ParserWarning as cause:
            raise DamagedFile("its first row has more fields than there are names above it") from cause


def parquet_schema(path: Path, error: type[Gz2interpError] = SurveyError) -> pa.Schema:
    """The names and types of the columns of a Parquet file; errors as in `read_parquet`."""
    with reading(path, error):
        return pq.read_schema(path)


def read_columns(path: Path, columns: Iterable[str], kinds: str = "") -> pd.DataFrame:
    """Read those of the columns that a Parquet file has.

    Parameters
    ----------
    kinds : str, optional
        Allowed kinds, as in `read_parquet`.
    """
    names = parquet_schema(path).names
    present = [column for column in columns if column in names]
    return read_parquet(path, present, dict.fromkeys(present, kinds))


def read_some_rows(path: Path, rows: NDArray[np.int64], columns: list[str] | None = None) -> pd.DataFrame:
    """Rows of a Parquet file, in the order of `rows` and indexed by them; other rows are not held in memory."""
    order, parts, first = np.unique(rows), [], 0
    with reading(path, SurveyError), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(_READ_ROWS, columns=columns):
            part = order[np.searchsorted(order, first) : np.searchsorted(order, first + batch.num_rows)]
            parts.append(pa.Table.from_batches([batch]).take(pa.array(part - first)))
            first += batch.num_rows
        empty = file.schema_arrow.empty_table()
        empty = empty if columns is None else empty.select(columns)
        some: pd.DataFrame = pa.concat_tables([empty, *parts]).to_pandas()
        return some.set_axis(order).loc[rows]


def write_table(path: Path, frame: pd.DataFrame, description: TableDescription | None = None) -> list[Path]:
    """Write a table in the format of the suffix.

    Parameters
    ----------
    description : TableDescription, optional
        Provenance, and the meaning of columns. With provenance, those of a CSV file are written to
        ``NAME.csv.json``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        The suffix is not one of `FORMATS`.
    """
    suffix, description = path.suffix.lower(), description or TableDescription()
    if suffix not in FORMATS:
        raise InputError(f"The file {path.name} was requested", f"The suffix may be {choices(FORMATS)}")
    with atomic_write(path) as aside:
        FORMATS[suffix](frame, aside, description)
    if suffix != ".csv" or not description.provenance:
        return [path]
    beside = path.with_name(f"{path.name}.json")
    columns = {str(name): description.of(str(name)).to_json() for name in frame.columns}
    write_json(beside, {"provenance": dict(description.provenance), "columns": columns})
    return [path, beside]


def _write_csv(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """CSV with a header line."""
    frame.to_csv(path, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """Parquet with unit, UCD and description of each known column, and the provenance, as metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata(description.of(field.name).to_json() or None) for field in table.schema]
    metadata = dict(table.schema.metadata or {})
    if description.provenance:
        metadata[b"gz2interp"] = json.dumps(dict(description.provenance)).encode()
    pq.write_table(table.cast(pa.schema(fields, metadata)), path, write_page_checksum=True)


FORMATS: dict[str, Callable[[pd.DataFrame, Path, TableDescription], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".fits": write_fits,
    ".vot": write_votable,
    ".xml": write_votable,
    ".ecsv": write_ecsv,
}
"""Writers of `write_table` by suffix."""


def read_named_galaxies(path: Path) -> pd.DataFrame:
    """Read a table with ``galaxy_id`` as text, with the digits of the file, and any other columns.

    Raises
    ------
    InputError
        The file is absent, cannot be read, or has no galaxies.
    """
    with reading(path, expected="A table (CSV, ECSV, FITS, VOTable, Parquet), or a text with an id a line"):
        table = _read(path)
    if GALAXY_ID not in table or table.empty:
        raise InputError(f"{path.name} names no galaxies", f"A column {GALAXY_ID}, or a text with an id a line")
    if pd.api.types.is_float_dtype(table[GALAXY_ID]):
        raise InputError(
            f"The column {GALAXY_ID} of {path.name} holds floating-point numbers",
            "Whole numbers or text: among floats an id beyond 2**53 is another galaxy's",
        )
    return table.assign(**{GALAXY_ID: [str(galaxy_id).strip() for galaxy_id in table[GALAXY_ID].tolist()]})


def _read(path: Path) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_csv(path, InputError, dtype={GALAXY_ID: str})
    if suffix == ".parquet":
        return read_parquet(path, error=InputError)
    if suffix == ".ecsv":
        lines = path.read_text(encoding="utf-8").splitlines()
        return _frame(Table.read(lines, format="ascii.ecsv"))
    if suffix in (".fits", ".vot", ".xml"):
        with unpacked(path) as file:  # an open file: astropy would unpack a path without limits
            return _frame(Table.read(file, format="fits" if suffix == ".fits" else "votable"))
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return pd.DataFrame({GALAXY_ID: [line for line in lines if line and not line.startswith("#")]})


def _frame(table: Table) -> pd.DataFrame:
    table.convert_bytestring_to_unicode()
    frame: pd.DataFrame = table[[name for name in table.colnames if table[name].ndim == 1]].to_pandas()
    return frame
