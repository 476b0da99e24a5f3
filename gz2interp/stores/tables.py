"""Tables in Parquet, and in the formats astronomers exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.stores.files import replaced

__all__ = [
    "FORMATS",
    "ascii_of",
    "read_columns",
    "write_blocks",
    "write_parquet",
    "write_table",
    "write_table_of_blocks",
]


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a Parquet file, whole or not at all; the index is not kept."""
    with replaced(path) as aside:
        frame.to_parquet(aside, index=False)


def write_blocks(path: Path, blocks: Iterable[pd.DataFrame]) -> None:
    """Write a Parquet file from blocks of rows, one row group each, whole or not at all.

    Raises
    ------
    InputError
        There is no block, or one has other columns than the first.
    """
    with replaced(path) as aside, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for block in blocks:
            table = pa.Table.from_pandas(block, preserve_index=False)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(aside, table.schema))
            if table.schema.names != writer.schema.names:
                raise InputError("A block of the table has other columns than the first", "The same in each")
            writer.write_table(table.cast(writer.schema))
        if writer is None:
            raise InputError("The table has no rows", "At least one")


def write_table_of_blocks(path: Path, blocks: Iterable[pd.DataFrame]) -> int:
    """Write a table block by block in the format that the suffix names, whole or not at all; returns its rows.

    Parquet and CSV are written as the blocks come; other formats need the whole table in memory.

    Raises
    ------
    InputError
        The suffix is not one of `FORMATS`, or there is no block.
    """
    suffix, count = path.suffix.lower(), 0
    if suffix not in FORMATS:
        raise InputError(f"The file {path.name} was asked for", f"The suffix may be {choices(FORMATS)}")

    def counted() -> Iterator[pd.DataFrame]:
        nonlocal count
        for block in blocks:
            count += len(block)
            yield block

    if suffix == ".parquet":
        write_blocks(path, counted())
    elif suffix == ".csv":
        with replaced(path) as aside:
            for first, block in enumerate(counted()):
                block.to_csv(aside, index=False, header=first == 0, mode="a")
    else:
        write_table(path, pd.concat(counted(), ignore_index=True))
    return count


def read_columns(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Those of the named columns that a Parquet file has; a catalogue of 231 columns need not be read for three."""
    there = pq.read_schema(path).names
    return pd.read_parquet(path, columns=[column for column in columns if column in there])


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table in the format that the suffix names.

    Raises
    ------
    InputError
        The suffix is not one of `FORMATS`.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"The file {path.name} was asked for", f"The suffix may be {choices(FORMATS)}")
    with replaced(path) as aside:
        FORMATS[suffix](frame, aside)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


def _write_fits(frame: pd.DataFrame, path: Path) -> None:
    """FITS knows ASCII only: see `ascii_of`."""
    columns = {ascii_of(str(name)): _column(frame[name]) for name in frame.columns}
    texts = {name: values for name, values in columns.items() if values.dtype.kind == "U"}
    columns |= {name: np.char.encode(values, "ascii", "backslashreplace") for name, values in texts.items()}
    Table(columns).write(path, format="fits")


def _write_votable(frame: pd.DataFrame, path: Path) -> None:
    columns = {str(name): _column(frame[name]) for name in frame.columns}
    Table(columns).write(path, format="votable", tabledata_format="binary2")


def ascii_of(text: str) -> str:
    """The text with letters beyond ASCII escaped, for FITS."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _column(values: pd.Series[Any]) -> NDArray[Any]:
    """As NumPy, text as text: astropy does not know pandas' own string type."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return np.array(values.to_numpy())
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=np.str_)


FORMATS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".fits": _write_fits,
    ".vot": _write_votable,
    ".xml": _write_votable,
}
"""What `write_table` can write, by suffix."""
