"""The survey: a folder with catalogue, cutouts and results of one set of galaxies.

Row i of the catalogue is cutout i. Rows beyond `rows_committed` are never read: an interrupted writer may have left
anything there. Whole shards are read and written, so memory does not grow with the survey.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices, shorten
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import (
    BANDS,
    CUTOUT_SIZE,
    DEC,
    DISPLAY_NOTE,
    DISPLAY_UNIT,
    GALAXY_ID,
    PETRO_RADIUS,
    RA,
    parse_galaxy_id,
)
from gz2interp.stores.arrays import SHARD_ROWS, Rows, read_rows
from gz2interp.stores.header import Header, SurveyLocation, make_survey_folder
from gz2interp.stores.journal import StatusJournal
from gz2interp.stores.locations import find_survey, is_name, location_of, writable_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.tables import read_columns, read_parquet
from gz2interp.stores.writer import SurveyWriter

__all__ = ["Batch", "Survey"]

_NEEDED = {GALAXY_ID: "iu", RA: "fiu", DEC: "fiu"}


@dataclass(frozen=True, eq=False)
class Batch:
    """Cutouts of some galaxies.

    Attributes
    ----------
    rows : int64 (n,)
    images : float32 (n, y, x, band), nanomaggies per cutout pixel
    valid : bool (n, y, x)
    """

    rows: NDArray[np.int64]
    images: NDArray[np.float32]
    valid: NDArray[np.bool_]


class Survey:
    """A survey on disk or in an object store, opened for reading; `writer` appends to it.

    Parameters
    ----------
    location : SurveyLocation
        Use `Survey.open` or `Survey.create`.
    header : Header
        The content of ``survey.json``.
    """

    def __init__(self, location: SurveyLocation, header: Header) -> None:
        self.location = location
        self.header = header

    # -- opening ------------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: str | Path) -> Survey:
        """Open a survey for reading.

        Parameters
        ----------
        path : path or str
            A folder, the name of a survey in `surveys_folder`, or an address that fsspec understands, such as
            ``s3://bucket/survey``. An address is only read; results are written on this machine, in `Survey.path`.

        Raises
        ------
        SurveyError
            There is no survey at `path`, it cannot be reached, or a newer gz2interp wrote it.
        InputError
            An address holds a password, or needs a package that is not installed.
        """
        location = location_of(find_survey(path) if is_name(path) else path)
        return cls(location, location.header())

    @classmethod
    def create(
        cls,
        path: str | Path,
        catalog: pd.DataFrame | Iterable[pd.DataFrame],
        *,
        bands: Sequence[str] = BANDS,
        shape: tuple[int, int] = (CUTOUT_SIZE, CUTOUT_SIZE),
        source: str = "",
        central: float = 1.0,
    ) -> Survey:
        """Create a survey with its catalogue and no cutout.

        Parameters
        ----------
        path : path
            Must not exist, or be an empty folder.
        catalog : DataFrame, or iterable of DataFrame
            With ``galaxy_id`` (unique whole numbers), ``ra`` and ``dec`` [deg], and any other columns. In blocks of
            rows, all with the same columns, if it is too large for memory.
        shape : (y, x)
        source : str
            Where its cutouts come from.
        central : float
            Of colour images: the central share of their width that a cutout shows.

        Raises
        ------
        SurveyError
            Something is at `path` already.
        InputError
            The catalogue lacks a column or names a galaxy twice.
        """
        folder = writable_folder(path)
        make_survey_folder(folder, catalog, tuple(bands), shape, source, central)
        return cls.open(folder)

    def refreshed(self) -> Survey:
        """The same survey as it is on disk now."""
        return Survey.open(self.path)

    # -- properties ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.header.rows

    def __repr__(self) -> str:
        bands = " ".join(self.bands)
        return f"Survey({str(self.location)!r}: {self.rows_committed} of {len(self)} cutouts, bands {bands})"

    @property
    def path(self) -> Path:
        """The folder on this machine: of the survey, or of the results for a survey elsewhere."""
        return self.location.folder

    @property
    def address(self) -> str:
        """The address of an object store or a server; "" for a folder on this machine."""
        return self.location.address

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands of the last axis, in order."""
        return self.header.bands

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of a cutout, in pixels."""
        return self.header.shape

    @property
    def unit(self) -> str:
        """Unit of the pixels: nanomaggy, or `gz2interp.schema.DISPLAY_UNIT`; see also `notes`."""
        return self.header.unit

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the pixels: no linear flux, an unknown unit, a resampling, assumed bands.

        Of notes that differ only in numbers and bands, the most frequent one is an example for all.
        """
        kinds = dict[str, tuple[str, int]]()
        for note, count in self.journal.notes(self.rows_committed).items():
            kind = re.sub(rf"[\d.]+|\b(?:{'|'.join(map(re.escape, self.bands))})\b", "", note).replace(" ", "")
            example, before = kinds.get(kind, (note, 0))
            kinds[kind] = example, before + count
        sentences = [
            f"{count} {'galaxy' if count == 1 else 'galaxies'}: {example}." for example, count in kinds.values()
        ]
        if self.unit == DISPLAY_UNIT:
            sentences.insert(0, DISPLAY_NOTE)
        return tuple(sentences)

    @property
    def rows_committed(self) -> int:
        """Number of requested rows; each is ok or has another status and a reason."""
        return self.header.rows_committed

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any pixel and any catalogue entry."""
        return self.header.digest

    @cached_property
    def catalog(self) -> pd.DataFrame:
        """The catalogue, one row per galaxy in the order of the cutouts."""
        return self._rows_of(read_parquet(self.location.file("catalog.parquet"), needs=_NEEDED))

    @cached_property
    def status(self) -> pd.DataFrame:
        """The status of each committed cutout, indexed by row."""
        return self.journal.entries(self.rows_committed)

    @cached_property
    def galaxy_ids(self) -> NDArray[np.int64]:
        """The ids of the catalogue (n,), without reading its other columns."""
        ids = read_parquet(self.location.file("catalog.parquet"), [GALAXY_ID], {GALAXY_ID: "iu"})
        return self._rows_of(ids)[GALAXY_ID].to_numpy(np.int64)

    def _rows_of(self, catalog: pd.DataFrame) -> pd.DataFrame:
        if len(catalog) != len(self):
            raise SurveyError(
                f"catalog.parquet of {self.name} has {len(catalog)} rows, and survey.json says {len(self)}",
                remedy="Put back a copy of the one that is not right",
            )
        return catalog

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """True for the committed rows that have an image (rows_committed,)."""
        usable = np.zeros(self.rows_committed, dtype=np.bool_)
        usable[self.journal.usable_rows(self.rows_committed)] = True
        return usable

    @property
    def journal(self) -> StatusJournal:
        """The journal of `status`."""
        return StatusJournal(self.location.file("status.sqlite"), self.bands)

    def galaxies(self, first: int = 0) -> Iterator[Galaxy]:
        """The catalogue's galaxies in order, from row `first` on."""
        columns = (GALAXY_ID, RA, DEC, PETRO_RADIUS)
        catalog = read_columns(self.location.file("catalog.parquet"), columns, "fiu").iloc[first:]
        radii = catalog[PETRO_RADIUS] if PETRO_RADIUS in catalog else np.full(len(catalog), np.nan)
        galaxies = zip(catalog[GALAXY_ID], catalog[RA], catalog[DEC], radii, strict=True)
        for row, (galaxy_id, ra, dec, radius) in enumerate(galaxies, first):
            yield Galaxy(row, int(galaxy_id), float(ra), float(dec), float(radius))

    def row_of(self, galaxy_id: int | str) -> int:
        """The row of a galaxy.

        Raises
        ------
        InputError
            The catalogue does not have it, or `galaxy_id` is not a whole number.
        """
        reason = ""
        try:
            row = self._rows_by_id.get(parse_galaxy_id(galaxy_id))
            if row is not None:
                return row
        except ValueError as error:
            reason = f": {error}"
        raise InputError(
            f"No galaxy {_id_text(galaxy_id)} is in {self.name}{reason}",
            f"A whole number, as text or integer; its {len(self)} ids begin with {choices(self.galaxy_ids[:3])}",
        )

    @cached_property
    def _rows_by_id(self) -> dict[int, int]:
        return {int(galaxy_id): row for row, galaxy_id in enumerate(self.galaxy_ids)}

    # -- pixels -------------------------------------------------------------------------------------------------------

    def images(self, rows: Rows) -> NDArray[np.float32]:
        """Images of the given rows, float32 (n, y, x, band) [nanomaggies]; zeros where a galaxy has none."""
        images: NDArray[np.float32] = read_rows(self._images, self._committed_rows(rows))
        if self.address:
            self._refuse_lost(np.asarray(rows, np.int64), images)
        return images

    def valid(self, rows: Rows) -> NDArray[np.bool_]:
        """Masks of the given rows, bool (n, y, x)."""
        return read_rows(self._valid, self._committed_rows(rows))

    def cutout(self, row: int) -> Cutout:
        """One galaxy with the properties of its pixels.

        Raises
        ------
        SurveyError
            The galaxy has no image.
        """
        entry: Any = self.status.loc[int(self._committed_rows([row])[0])]
        if entry["status"] != "ok":
            raise SurveyError(f"Galaxy {entry['galaxy_id']} has no image: {entry['status']}, {entry['reason']}")
        return Cutout(
            image=self.images([row])[0],
            valid=self.valid([row])[0],
            source=entry["source"],
            pixel_scale=float(entry["pixel_scale"]),
            position_angle=float(entry["position_angle"]),
            native_unit=entry["native_unit"],
            sky_sigma=tuple(float(entry[f"sky_sigma_{band}"]) for band in self.bands),
            psf_fwhm=tuple(float(entry[f"psf_fwhm_{band}"]) for band in self.bands),
            note=entry["reason"],
        )

    def batches(self, size: int = SHARD_ROWS, rows: Rows | None = None) -> Iterator[Batch]:
        """Batches of at most `size` galaxies, by default of every galaxy that has an image, in order of rows."""
        rows = np.flatnonzero(self.usable) if rows is None else self._committed_rows(rows)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield Batch(part, self.images(part), self.valid(part))

    def _committed_rows(self, rows: Rows) -> NDArray[np.int64]:
        indices = np.asarray(rows, dtype=np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= self.rows_committed):
            raise SurveyError(
                f"Rows {indices.min()} to {indices.max()} of {self.name} were requested",
                f"Cutouts 0 to {self.rows_committed - 1} are present",
                "Let the download or painting go on, and open the survey again",
            )
        return indices

    def _refuse_lost(self, rows: NDArray[np.int64], images: NDArray[np.float32]) -> None:
        """Refuse zeros of galaxies with an image: a file missing in the store reads as zeros."""
        dark = rows[~images.any(axis=(1, 2, 3))]
        lost = dark[self.usable[dark]] if len(dark) else dark
        if len(lost):
            raise SurveyError(
                f"{self.address} has no pixels of {len(lost)} galaxies, the first on row {lost[0]}",
                "A complete copy of a survey",
                "Copy cutouts.zarr there again, and run gz2interp survey check on it",
            )

    @cached_property
    def _images(self) -> Any:
        return self.location.array("cutouts.zarr/images", (len(self), *self.shape, len(self.bands)))

    @cached_property
    def _valid(self) -> Any:
        return self.location.array("cutouts.zarr/valid", (len(self), *self.shape))

    # -- writer and models --------------------------------------------------------------------------------------------

    def writer(self) -> SurveyWriter:
        """A context manager that appends cutouts behind the committed ones; only one process may hold it.

        Raises
        ------
        SurveyLocked
            Another process is writing.
        SurveyError
            The survey is at an address: it is only read.
        """
        return SurveyWriter(writable_folder(self.path))

    def models(self) -> list[str]:
        """Names of its models, trained or imported, and of imported latents, alphabetically."""
        return self.location.models()

    def model(self, name: str | None = None) -> ModelFolder:
        """One of its models; without a name, the only one.

        Raises
        ------
        InputError
            There is none of that name, or there are several and `name` is None.
        """
        names = self.models()
        if name is None and len(names) == 1:
            name = names[0]
        if name is None or not (name in names or self.location.has(f"models/{name}/model.keras")):
            raise InputError(
                f"{self.name} has no model {name!r}" if name else f"{self.name} has {len(names)} models",
                f"Its models: {choices(names, like=name)}",
                f"Choose one with --model, or train one: python -m trainer fit {self.path}",
            )
        return ModelFolder(self.location.model(name))


def _id_text(galaxy_id: object) -> str:
    """An id for a message: Python refuses to write a number of more than 4,300 digits."""
    long = isinstance(galaxy_id, int) and abs(galaxy_id) >= 10**40
    return "of more than 40 digits" if long else shorten(str(galaxy_id), 43)
