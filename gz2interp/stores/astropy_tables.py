"""Tables as FITS and VOTable, with units, UCDs and what is missing marked as missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.table import Column, MaskedColumn, Table
from numpy.typing import NDArray

from gz2interp.stores.columns import meaning_of

__all__ = ["ascii_of", "write_fits", "write_votable"]


def write_fits(frame: pd.DataFrame, path: Path) -> None:
    """A binary table; FITS knows ASCII only: see `ascii_of`."""
    table = _table(frame)
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            table[name] = _with_meaning(name, Column(np.char.encode(table[name], "ascii", "backslashreplace")))
    table.rename_columns(table.colnames, [ascii_of(name) for name in table.colnames])
    table.write(path, format="fits")


def write_votable(frame: pd.DataFrame, path: Path) -> None:
    """BINARY2, in which a missing whole number is missing and no value stands for it."""
    _table(frame).write(path, format="votable", tabledata_format="binary2")


def ascii_of(text: str) -> str:
    """The text with letters beyond ASCII escaped, for FITS."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _table(frame: pd.DataFrame) -> Table:
    columns = {str(name): _column(frame[name]) for name in frame.columns}
    return Table({name: _with_meaning(name, column) for name, column in columns.items()}, copy=False)


def _with_meaning(name: str, column: Column) -> Column:
    """A unit only on numbers: a magnitude that an archive wrote as text is a text."""
    meaning = meaning_of(name)
    if column.dtype.kind in "iuf":
        column.unit = meaning.unit or None
    column.description = meaning.words or None
    if meaning.ucd:
        column.meta["ucd"] = meaning.ucd
    return column


def _column(values: pd.Series[Any]) -> Column:
    """Numbers as they are, text as text: astropy does not know pandas' own types."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_integer_dtype(values):
        return _whole(values)
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan) if values.dtype == "Float64" else values.to_numpy()
        return Column(np.array(numbers, np.float32 if numbers.dtype == np.float16 else None))
    return Column(_text(values))


def _whole(values: pd.Series[Any]) -> Column:
    """Whole numbers and truths; one that is missing is masked, because there is no NaN among them."""
    missing = values.isna().to_numpy()
    if not missing.any():
        plain = np.array(values.to_numpy(getattr(values.dtype, "numpy_dtype", None)))
        if plain.dtype != np.uint64:
            return Column(plain)
        # VOTable has no unsigned 64 bits.
        return Column(plain.astype(np.int64)) if (plain < 2**63).all() else Column(_text(values))
    filled = values.astype("Int64").fillna(0).to_numpy(np.int64)
    return MaskedColumn(filled, mask=missing, fill_value=np.iinfo(np.int64).min)


def _text(values: pd.Series[Any]) -> NDArray[np.str_]:
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=np.str_)
