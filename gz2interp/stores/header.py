"""``survey.json``, the location of a survey, and the creation of its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.records import record_from_json
from gz2interp.results import digest_of
from gz2interp.schema import DEC, GALAXY_ID, RA, UNIT, pixel_unit
from gz2interp.stores.arrays import create_array, is_readable_chunk, open_array
from gz2interp.stores.files import atomic_folder, digest_of_file, read_record, write_json
from gz2interp.stores.journal import StatusJournal
from gz2interp.stores.tables import write_blocks, write_parquet

__all__ = ["FORMAT", "Header", "SurveyLocation", "make_survey_folder"]


FORMAT = 1
"""Version of the folder's layout; a reader refuses a newer one."""

_BAND = re.compile(r"[A-Za-z]\w*")
_MOST_PIXELS = 1 << 15
_MOST_ROWS = 1 << 31


@dataclass(frozen=True)
class Header:
    """The content of ``survey.json``.

    Attributes
    ----------
    bands : tuple of str
        Along the last axis of a cutout.
    shape : (y, x)
        Of a cutout, in pixels.
    source : str
        Where the cutouts come from.
    rows : int
        Galaxies of the catalogue.
    catalog_digest, pixels_digest : str
        Of ``catalog.parquet``, and of the digests of the committed shards.
    rows_committed : int
        Rows with cutouts; later ones are never read.
    unit : str
        Of the pixels: nanomaggies, or `gz2interp.schema.DISPLAY_UNIT` of colour images.
    central : float
        Of colour images: the central share of their width that a cutout shows.
    """

    bands: tuple[str, ...]
    shape: tuple[int, int]
    source: str
    rows: int
    catalog_digest: str
    pixels_digest: str
    rows_committed: int = 0
    unit: str = UNIT
    central: float = 1.0
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any pixel and any catalogue entry."""
        return digest_of([self.catalog_digest, self.pixels_digest, list(self.bands)])[:16]

    @classmethod
    def read(cls, folder: Path) -> Header:
        """Read the header of a survey folder.

        Raises
        ------
        SurveyError
            The folder is no survey, or a newer gz2interp wrote it.
        """
        file = folder / "survey.json"
        if not file.is_file():
            raise SurveyError(
                f"{folder} is not a survey: it has no survey.json",
                "A folder made by python -m trainer demo, paint or ingest",
                f"Run python -m trainer demo {folder} to make one",
            )

        def build(record: Any) -> Header:
            version = record.get("format") if isinstance(record, dict) else None
            if isinstance(version, int) and version > FORMAT:
                raise SurveyError(
                    f"{folder} has format {version}", f"This gz2interp reads formats up to {FORMAT}", "Update gz2interp"
                )
            if isinstance(record, dict):
                record = {"central": 1.0} | record  # absent in surveys of earlier versions
            return record_from_json(cls, record)

        return read_record(file, build)

    def __post_init__(self) -> None:
        """Raise a ValueError for invalid values."""
        if not self.bands or len(set(self.bands)) != len(self.bands) or not all(map(_BAND.fullmatch, self.bands)):
            raise ValueError(f"it does not describe a survey: its bands are {self.bands}")
        if not all(1 <= side <= _MOST_PIXELS for side in self.shape):
            raise ValueError(f"it does not describe a survey: a cutout is {self.shape} pixels")
        if not 0 <= self.rows_committed <= self.rows <= _MOST_ROWS:
            raise ValueError(f"it does not describe a survey: {self.rows_committed} of {self.rows} rows are committed")
        if not 0.0 < self.central <= 1.0:
            raise ValueError(f"it does not describe a survey: a cutout shows {self.central} of an image's width")

    def write(self, folder: Path) -> None:
        """Replace the header on disk."""
        write_json(folder / "survey.json", asdict(self))


@dataclass(frozen=True)
class SurveyLocation:
    """A survey's folder.

    Attributes
    ----------
    folder : Path
        On this machine; files are written here.
    """

    folder: Path

    @property
    def address(self) -> str:
        """The address that data are read from; "" for a folder on this machine."""
        return ""

    def __str__(self) -> str:
        return self.address or str(self.folder)

    def header(self) -> Header:
        """The present header.

        Raises
        ------
        SurveyError
            There is no survey here.
        """
        return Header.read(self.folder)

    def has(self, name: str) -> bool:
        """Whether a file exists."""
        return (self.folder / name).is_file()

    def file(self, name: str) -> Path:
        """A file of the survey, on this machine."""
        return self.folder / name

    def array(self, name: str, shape: tuple[int | None, ...] | None = None) -> Any:
        """One of its Zarr arrays for reading; `shape` as in `open_array`."""
        return open_array(self.folder / name, shape=shape)

    def models(self) -> list[str]:
        """Names of its models and imported latents, alphabetically."""
        models = self.folder / "models"
        files = (*models.glob("[!.]*/model.keras"), *models.glob("[!.]*/latents.json"))
        return sorted({file.parent.name for file in files})

    def model(self, name: str) -> Path:
        """The folder of a model, on this machine."""
        return self.folder / "models" / name


def make_survey_folder(
    folder: Path,
    catalog: pd.DataFrame | Iterable[pd.DataFrame],
    bands: tuple[str, ...],
    shape: tuple[int, int],
    source: str,
    central: float = 1.0,
) -> None:
    """Create the folder of a survey without cutouts, atomically.

    Parameters and errors are those of `gz2interp.stores.survey.Survey.create`.
    """
    _refuse_unfit(bands, shape)
    with atomic_folder(folder, f"the survey {folder}") as being_made:
        n, pixels = _write_catalog(being_made / "catalog.parquet", catalog), (*shape, len(bands))
        create_array(being_made / "cutouts.zarr" / "images", (n, *pixels), np.float32)
        create_array(being_made / "cutouts.zarr" / "valid", (n, *shape), np.bool_)
        StatusJournal(being_made / "status.sqlite", bands).create()
        digest = digest_of_file(being_made / "catalog.parquet")
        Header(bands, shape, source, n, digest, digest_of([]), unit=pixel_unit(bands), central=central).write(
            being_made
        )


def _refuse_unfit(bands: tuple[str, ...], shape: tuple[int, int]) -> None:
    """Refuse bands and shapes that no survey can have."""
    if not bands or len({band.lower() for band in bands}) < len(bands):
        raise InputError(
            f"The bands {' '.join(bands)} were given" if bands else "No band was given",
            "One or more, each once, regardless of case",
            "Name them without commas, such as ugriz, or with commas, such as F606W,F814W",
        )
    if not is_readable_chunk((*shape, len(bands)), np.float32):
        raise InputError(
            f"Cutouts of {shape[0]} x {shape[1]} pixels in {len(bands)} bands were requested",
            "Cutouts of a galaxy: 64 to some hundred pixels along a side",
            "Choose a smaller --size",
        )


def _write_catalog(path: Path, catalog: pd.DataFrame | Iterable[pd.DataFrame]) -> int:
    """Write the catalogue and count its galaxies; of a catalogue in blocks only the ids are held in memory."""
    if isinstance(catalog, pd.DataFrame):
        columns = _check_catalog(catalog)
        write_parquet(path, columns)
        ids = [columns[GALAXY_ID].to_numpy()]
    else:
        ids = []
        write_blocks(path, (_collect_ids(_check_catalog(block), ids) for block in catalog))
    all_ids = pd.Series(np.concatenate(ids))
    if all_ids.duplicated().any():
        raise InputError(f"galaxy_id {all_ids[all_ids.duplicated()].iloc[0]} is listed twice", "Each galaxy once")
    return len(all_ids)


def _collect_ids(block: pd.DataFrame, ids: list[NDArray[np.int64]]) -> pd.DataFrame:
    ids.append(block[GALAXY_ID].to_numpy())
    return block


def _check_catalog(catalog: pd.DataFrame) -> pd.DataFrame:
    lacking = [column for column in (GALAXY_ID, RA, DEC) if column not in catalog]
    if lacking:
        raise InputError(f"The catalogue has no column {choices(lacking)}", "galaxy_id, ra and dec are needed")
    ids = catalog[GALAXY_ID]
    if not pd.api.types.is_integer_dtype(ids):
        raise InputError(
            f"galaxy_id is of type {ids.dtype}", "64-bit whole numbers: ids above 2**53 change in any other type"
        )
    return catalog.astype({GALAXY_ID: np.int64, RA: float, DEC: float}).reset_index(drop=True)
