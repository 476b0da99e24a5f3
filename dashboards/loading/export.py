"""A selection as the bytes of a file: what ``gz2interp export`` writes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import streamlit as st

from gz2interp.stores.table_formats import ColumnMeaning, TableDescription
from gz2interp.stores.tables import write_table
from gz2interp.workflows.export import export_selection
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = ["bytes_of", "columns_of", "ecsv_bytes"]


def columns_of(subset: SelectedGalaxies) -> list[str]:
    """All columns that the table of a selection can have."""
    return _columns(str(subset.survey.path), subset.survey.digest, subset.model, tuple(subset.extra), subset)


@st.cache_data(show_spinner=False, max_entries=64)
def _columns(path: str, digest: str, model: str | None, extra: tuple[str, ...], _subset: SelectedGalaxies) -> list[str]:
    return _subset.all_columns


def bytes_of(subset: SelectedGalaxies, form: str) -> bytes:
    """The file of a selection.

    Parameters
    ----------
    subset : SelectedGalaxies
    form : str
        A suffix that ``gz2interp export --out`` takes, or ``".zip"`` for the folder of cutouts. Of ``".csv"`` both
        files are packed: the table, and its description.

    Raises
    ------
    Gz2interpError
        It cannot be written; the error says why.
    """
    with TemporaryDirectory() as folder:
        inside = Path(folder) / "galaxies"
        inside.mkdir()
        path = inside if form == ".zip" else inside / f"galaxies{form}"
        export_selection(subset, path)
        return (_zip_folder(inside) if form in (".zip", ".csv") else path).read_bytes()


def ecsv_bytes(table: pd.DataFrame, provenance: Mapping[str, Any], words: Mapping[str, str]) -> bytes:
    """A table as ECSV with its provenance and, by the names of its columns, what they mean."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.ecsv"
        meanings = {name: ColumnMeaning(words=text) for name, text in words.items()}
        write_table(path, table, TableDescription({key: str(value) for key, value in provenance.items()}, meanings))
        return path.read_bytes()


def _zip_folder(folder: Path) -> Path:
    """The folder as a ZIP beside it, file by file; pixels are mostly noise and hardly shrink.

    A name that begins with a dot is the folder's own business: who is filling it.
    """
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.glob("[!.]*")):
            archive.write(file, file.name)
    return path
