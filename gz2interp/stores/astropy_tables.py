"""Tables as FITS and VOTable, with units, UCDs and what is missing marked as missing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from astropy.io.votable import from_table
from astropy.io.votable.exceptions import W03, W50
from astropy.io.votable.tree import Info
from astropy.table import Column, MaskedColumn, Table
from astropy.units import UnitsWarning
from numpy.typing import NDArray

from gz2interp.stores.columns import Meaning, TableDescription

__all__ = ["ascii_of", "write_ecsv", "write_fits", "write_votable"]


_FITS_KEYS: Final = {
    "software": "ORIGIN",
    "survey": "SURVEY",
    "survey_digest": "DATAHASH",
    "selection": "SELECT",
    "model": "MODEL",
    "model_digest": "MODLHASH",
    "layer": "LAYER",
}
"""Keywords of a FITS header for what provenance tells; the rest follows as HISTORY."""


def write_fits(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """A binary table; FITS knows ASCII only: see `ascii_of`.

    Of each column TCOMM and TUCD tell what it means, as TOPCAT reads them; astropy reads its own comments.
    """
    table = _table(frame, description)
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            encoded = Column(np.char.encode(table[name], "ascii", "backslashreplace"))
            table[name] = _with_meaning(description.of(name), encoded)
    table.meta |= _fits_cards(table.colnames, description)
    table.rename_columns(table.colnames, _fits_names(table.colnames))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # a unit of the catalogue that no standard has is still told
        table.write(path, format="fits")


def _fits_names(columns: Sequence[str]) -> list[str]:
    """Names of at most 60 letters of ASCII, no two alike in whatever case: a longer one fits no card."""
    names, taken = list[str](), set[str]()
    for column in columns:
        name, number = ascii_of(column)[:60], 1
        while name.lower() in taken:
            number += 1
            name = f"{ascii_of(column)[:56]}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _fits_cards(columns: Sequence[str], description: TableDescription) -> dict[str, Any]:
    cards: dict[str, Any] = {}
    for place, name in enumerate(columns, start=1):
        meaning = description.of(name)
        words = {f"TCOMM{place}": meaning.words, f"TUCD{place}": meaning.ucd}
        cards |= {key: ascii_of(word) for key, word in words.items() if word}
    history = []
    for name, value in description.provenance.items():
        if name in _FITS_KEYS:
            cards[_FITS_KEYS[name]] = ascii_of(value)
        else:
            history.append(ascii_of(f"{name} = {value}"))
    return cards | ({"HISTORY": history} if history else {})


def write_votable(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """BINARY2, in which a missing whole number is missing and no value stands for it; provenance as INFO."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W03)  # an XML ID takes fewer letters than a name, which stays as it is
        warnings.simplefilter("ignore", W50)  # as of FITS
        document = from_table(_table(frame, description))
    for name, value in description.provenance.items():
        document.resources[0].infos.append(Info(name=name, value=value))
    document.to_xml(str(path), tabledata_format="binary2")


def write_ecsv(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """Enhanced CSV: units, descriptions and provenance in comments above the table, as astropy and TOPCAT read them."""
    table = _table(frame, description)
    table.meta |= dict(description.provenance)
    table.write(path, format="ascii.ecsv", delimiter=",")


def ascii_of(text: str) -> str:
    """The text with letters beyond ASCII escaped, for FITS."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _table(frame: pd.DataFrame, description: TableDescription) -> Table:
    columns = {str(name): _column(frame[name]) for name in frame.columns}
    told = {name: _with_meaning(description.of(name), column) for name, column in columns.items()}
    return Table(told, copy=False)


def _with_meaning(meaning: Meaning, column: Column) -> Column:
    """A unit only on numbers: a magnitude that an archive wrote as text is a text."""
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
