"""A selection as the bytes of a file: what ``gz2interp export`` writes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from dashboards.loading.caching import cached
from gz2interp.stores.table_formats import ColumnMeaning, TableDescription
from gz2interp.stores.tables import write_table
from gz2interp.workflows.export import export_selection
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = ["bytes_of", "columns_of", "ecsv_bytes"]


@cached(lambda subset: (str(subset.survey.path), subset.survey.digest, subset.model, tuple(subset.extra)), 64)
def columns_of(subset: SelectedGalaxies) -> list[str]:
    """All columns that the table of a selection can have."""
    return subset.all_columns


def bytes_of(subset: SelectedGalaxies, suffix: str) -> bytes:
    """The file of a selection.

    Parameters
    ----------
    suffix : str
        A suffix that ``gz2interp export --out`` takes, or ``".zip"`` for the folder of cutouts. ``".csv"`` gives a ZIP
        of two files: the table and its description.

    Raises
    ------
    Gz2interpError
        The file cannot be written; the error gives the reason.
    """
    with TemporaryDirectory() as folder:
        inside = Path(folder) / "galaxies"
        inside.mkdir()
        path = inside if suffix == ".zip" else inside / f"galaxies{suffix}"
        export_selection(subset, path)
        return (_zip_folder(inside) if suffix in (".zip", ".csv") else path).read_bytes()


def ecsv_bytes(table: pd.DataFrame, provenance: Mapping[str, Any], meanings: Mapping[str, str]) -> bytes:
    """A table as ECSV with its provenance and the meanings of its columns, by name."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.ecsv"
        columns = {name: ColumnMeaning(words=text) for name, text in meanings.items()}
        write_table(path, table, TableDescription({key: str(value) for key, value in provenance.items()}, columns))
        return path.read_bytes()


def _zip_folder(folder: Path) -> Path:
    """The folder as a ZIP beside it, uncompressed, since pixels are mostly noise; hidden files are left out."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.glob("[!.]*")):
            archive.write(file, file.name)
    return path
