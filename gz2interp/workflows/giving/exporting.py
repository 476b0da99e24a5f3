"""A selection as a file or a folder; the name says which kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gz2interp.errors import InputError, choices
from gz2interp.stores.tables import FORMATS, write_table
from gz2interp.workflows.giving.cutouts import write_cutouts
from gz2interp.workflows.giving.regions import write_regions
from gz2interp.workflows.giving.subset import Subset

__all__ = ["Export", "export_selection"]


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes
    ----------
    path : Path
    galaxies : int
        How many were asked for.
    words : str
        What is in it, and what is not, for a person.
    """

    path: Path
    galaxies: int
    words: str


def export_selection(
    subset: Subset, out: str | Path, told: Callable[[str, int, int], None] = lambda stage, done, of: None
) -> Export:
    """Write galaxies in the form that the name of the file says.

    Parameters
    ----------
    subset : Subset
    out : path
        ``.csv``, ``.ecsv``, ``.fits``, ``.vot`` (or ``.xml``) or ``.parquet`` for a table of all that is known;
        ``.reg`` for DS9's circles; a name without a suffix for a folder with a FITS file of each cutout and a table. A
        file is replaced whole or stays as it was; a folder that was interrupted goes on. Each table tells how it was
        made and what its columns mean; a CSV file is plain, and ``NAME.csv.json`` beside it tells them.
    told : callable
        Told (stage, done, of) while cutouts are written.

    Raises
    ------
    InputError
        The suffix is none of these, or the folder holds something else.
    """
    path = Path(out).expanduser()
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        table = subset.table()
        _, *beside = write_table(path, table, subset.description)
        words = f"{len(table)} galaxies, {len(table.columns)} columns"
        more = f"; units and provenance are in {beside[0].name}" if beside else ""
        return Export(path, len(subset), words + more)
    if suffix == ".reg":
        if subset.columns:
            raise InputError("Columns were chosen for a file of regions", "Columns are those of a table")
        return Export(path, len(subset), write_regions(subset, path))
    if suffix and not path.is_dir():
        raise InputError(
            f"The file {path.name} was asked for",
            f"The suffix may be {choices([*FORMATS, '.reg'])}; a name without one is a folder of cutouts",
        )
    return Export(path, len(subset), write_cutouts(subset, path, told))
