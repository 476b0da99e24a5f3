"""A selection as the bytes of a file, made when it is asked for: what ``gz2interp export`` writes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from gz2interp.workflows.giving import Subset, export_selection

__all__ = ["bytes_of", "columns_of"]


def columns_of(subset: Subset) -> list[str]:
    """All columns that the table of a selection can have."""
    return _columns(str(subset.survey.path), subset.survey.digest, subset.model, tuple(subset.extra), subset)


@st.cache_data(show_spinner=False, max_entries=64)
def _columns(path: str, digest: str, model: str | None, extra: tuple[str, ...], _subset: Subset) -> list[str]:
    return _subset.all_columns


def bytes_of(subset: Subset, form: str) -> bytes:
    """The file of a selection.

    Parameters
    ----------
    subset : Subset
    form : str
        A suffix that ``gz2interp export --out`` takes, or ``".zip"`` for the folder of cutouts.

    Raises
    ------
    Gz2interpError
        It cannot be written; the error says why.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("cutouts" if form == ".zip" else f"galaxies{form}")
        export_selection(subset, path)
        return (_packed(path) if form == ".zip" else path).read_bytes()


def _packed(folder: Path) -> Path:
    """The folder as a ZIP beside it, file by file; pixels are mostly noise and hardly shrink.

    A name that begins with a dot is the folder's own business: who is filling it.
    """
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.glob("[!.]*")):
            archive.write(file, file.name)
    return path
