"""A survey to be filled from archives: made at the first start, found again at the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.schema import BANDS, CUTOUT_SIZE, DEC, RA
from gz2interp.stores.files import digest_of_file, read_record, write_json
from gz2interp.stores.survey import Survey
from trainer.sources.field import Field

__all__ = ["Plan", "open_download"]


@dataclass(frozen=True)
class Plan:
    """What must stay the same from one start to the next.

    Attributes
    ----------
    field : Field
    bands : tuple of str
    size : int
        Pixels along a side.
    """

    field: Field = dataclasses.field(default_factory=Field)
    bands: tuple[str, ...] = BANDS
    size: int = CUTOUT_SIZE

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"arcsec": self.field.arcsec, "radii": self.field.radii, "bands": list(self.bands), "size": self.size}


def open_download(
    path: str | Path, table: Path, read: Callable[[Path], pd.DataFrame], plan: Plan, *, source: str = "archives"
) -> Survey:
    """Open the survey that a catalogue is downloaded to, or make it.

    Parameters
    ----------
    path : path
        Of the survey's folder.
    table : Path
        The catalogue's file.
    read : callable
        Reads it; not called if the survey has been made from this very file already.
    plan : Plan
    source : str
        For the survey's header.

    Raises
    ------
    InputError
        The catalogue has no positions.
    SurveyError
        The survey at `path` was begun with another catalogue or another plan, or was not begun by a download.
    """
    folder = Path(path).expanduser()
    settings = folder / "download" / "settings.json"
    # A table changed on the way is another table: positions matter as much as ids.
    wanted = {**plan.to_json(), "catalog": digest_of_file(table) if table.is_file() else ""}
    if not (folder / "survey.json").exists():
        catalog = read(table)
        if not (catalog[RA].notna() & catalog[DEC].notna()).any():
            raise InputError(
                f"{table.name} has no positions, and archives find galaxies by position",
                "Columns such as ra and dec",
                "With images of your own use python -m trainer ingest",
            )
        survey = Survey.create(folder, catalog, bands=plan.bands, shape=(plan.size, plan.size), source=source)
        write_json(settings, wanted)
        return survey
    survey = Survey.open(folder)
    if not settings.exists() and survey.rows_committed == 0 and survey.header.source == source:
        write_json(settings, wanted)  # killed between the two lines above
    if not settings.exists():
        raise SurveyError(f"{folder} was not begun by a download", remedy="Choose a new folder")
    begun = read_record(settings, lambda record: dict(record))
    differing = [name for name, value in begun.items() if wanted.get(name) != value]
    if differing:
        was = ", ".join(f"{name} {begun[name]}" for name in differing)
        now = ", ".join(f"{name} {wanted.get(name)}" for name in differing)
        raise SurveyError(f"{folder} was begun with {was}, and now {now} was given", "The same", "Or a new folder")
    return survey
