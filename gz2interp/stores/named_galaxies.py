"""Galaxies that a file names: any table with a column of ids, or a text with an id a line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from astropy.table import Table

from gz2interp.errors import InputError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.reading import reading, unpacked
from gz2interp.stores.tables import read_csv, read_parquet

__all__ = ["read_named_galaxies"]


def read_named_galaxies(path: Path) -> pd.DataFrame:
    """A table whose column ``galaxy_id`` is text, digits as they stand in the file; other columns are kept.

    Raises
    ------
    InputError
        The file is not there, cannot be read, or names no galaxies.
    """
    with reading(path, wanted="A table (CSV, ECSV, FITS, VOTable, Parquet), or a text with an id a line"):
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
        with unpacked(path) as file:  # of an open file astropy reads all, and unpacks nothing without a limit
            return _frame(Table.read(file, format="fits" if suffix == ".fits" else "votable"))
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return pd.DataFrame({GALAXY_ID: [line for line in lines if line and not line.startswith("#")]})


def _frame(table: Table) -> pd.DataFrame:
    table.convert_bytestring_to_unicode()
    frame: pd.DataFrame = table[[name for name in table.colnames if table[name].ndim == 1]].to_pandas()
    return frame
