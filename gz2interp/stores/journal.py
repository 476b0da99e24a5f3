"""Status of each cutout in ``status.sqlite``; changes are transactional."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.results import Cutout
from gz2interp.schema import GALAXY_ID, STATUSES
from gz2interp.stores.files import storage_errors
from gz2interp.stores.reading import DamagedFile, errors_as, reading_sqlite

__all__ = ["CutoutStatus", "StatusJournal", "status_entry"]

_COLUMNS = ("row", "galaxy_id", "status", "reason", "source", "tries", "time")
_PIXELS = ("pixel_scale", "field", "position_angle", "native_unit")


@dataclass(frozen=True)
class CutoutStatus:
    """One row of the journal; the fields are the columns, `sky_sigma` and `psf_fwhm` hold one value per band."""

    row: int
    galaxy_id: int
    status: str
    reason: str
    source: str
    tries: int
    time: str
    pixel_scale: float | None = None
    field: float | None = None
    position_angle: float | None = None
    native_unit: str | None = None
    sky_sigma: tuple[float, ...] = ()
    psf_fwhm: tuple[float, ...] = ()


def status_entry(
    row: int, galaxy_id: int, outcome: Cutout | CutoutUnavailable, source: str = "", tries: int = 1
) -> CutoutStatus:
    """The entry for the outcome of one request.

    Parameters
    ----------
    source : str
        Name of the source, if there is no cutout, which has it.
    tries : int
        Number of requests.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if isinstance(outcome, CutoutUnavailable):
        return CutoutStatus(row, galaxy_id, outcome.status, outcome.reason, source, tries, now)
    return CutoutStatus(
        row,
        galaxy_id,
        "ok",
        outcome.note,
        outcome.source,
        tries,
        now,
        outcome.pixel_scale,
        outcome.field,
        outcome.position_angle,
        outcome.native_unit,
        outcome.sky_sigma,
        outcome.psf_fwhm,
    )


class StatusJournal:
    """The file ``status.sqlite`` of a survey.

    Parameters
    ----------
    bands : sequence of str
        Each has a column ``sky_sigma_BAND`` and ``psf_fwhm_BAND``.
    """

    def __init__(self, path: Path, bands: Sequence[str]) -> None:
        self.path, self.bands = path, tuple(bands)

    def create(self) -> None:
        """Make the empty tables."""
        for band in self.bands:
            if not re.fullmatch(r"[A-Za-z]\w*", band):
                raise InputError(f"The band name {band!r} was given", "Names of letters and digits, such as u or F606W")
        measured = ", ".join(f"{column} REAL" for column in self._band_columns)
        with self._writing() as connection:
            connection.execute(
                "CREATE TABLE cutout (row INTEGER PRIMARY KEY, galaxy_id INTEGER NOT NULL, status TEXT NOT NULL, "
                "reason TEXT NOT NULL, source TEXT NOT NULL, tries INTEGER NOT NULL, time TEXT NOT NULL, "
                f"pixel_scale REAL, field REAL, position_angle REAL, native_unit TEXT, {measured})"
            )
            connection.execute("CREATE TABLE shard (shard INTEGER PRIMARY KEY, digest TEXT NOT NULL)")

    def record(self, entries: Iterable[CutoutStatus], shard: int, digest: str) -> None:
        """Write the entries of one shard and the digest of its pixels, together or not at all."""
        columns = (*_COLUMNS, *_PIXELS, *self._band_columns)
        marks = ", ".join("?" * len(columns))
        values = [self._values(entry) for entry in entries]
        with self._writing() as connection:
            connection.executemany(f"INSERT OR REPLACE INTO cutout ({', '.join(columns)}) VALUES ({marks})", values)
            connection.execute("INSERT OR REPLACE INTO shard VALUES (?, ?)", (shard, digest))

    def remove_from(self, row: int, shards: Sequence[str]) -> None:
        """Remove entries from `row` on, left by an interrupted writer, and replace the digests of all shards."""
        with self._writing() as connection:
            connection.execute("DELETE FROM cutout WHERE row >= ?", (row,))
            connection.execute("DELETE FROM shard")
            connection.executemany("INSERT INTO shard VALUES (?, ?)", enumerate(shards))

    def entries(self, rows_committed: int) -> pd.DataFrame:
        """All committed entries, indexed by row; unknown values are NaN or None."""
        return self.entries_between(0, rows_committed)

    def entries_between(self, first: int, last: int) -> pd.DataFrame:
        """The entries of rows from `first` on and below `last`, indexed by row; unknown values are NaN or None."""
        query = "SELECT * FROM cutout WHERE row >= ? AND row < ? ORDER BY row"
        with self._reading() as connection:
            return self._convert_types(pd.read_sql_query(query, connection, params=(first, last), index_col="row"))

    def _convert_types(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Check statuses and convert columns to their types: SQLite stores any value in any column."""
        if not frame["status"].isin(STATUSES).all():
            raise DamagedFile("it holds a status that is none")
        numbers = dict.fromkeys(("pixel_scale", "field", "position_angle", *self._band_columns), "float64")
        return frame.astype({GALAXY_ID: "int64", "tries": "int64"} | numbers)

    def entries_of(self, rows: ArrayLike) -> pd.DataFrame:
        """The entries of these rows, in their order, indexed by row; a KeyError where one is missing."""
        rows = np.asarray(rows, np.int64)
        query = "SELECT * FROM cutout WHERE row IN (SELECT value FROM json_each(?))"
        with self._reading() as connection:
            frame = pd.read_sql_query(query, connection, params=(json.dumps(rows.tolist()),), index_col="row")
            frame = self._convert_types(frame)
        return frame.loc[rows]

    def usable_rows(self, rows_committed: int) -> NDArray[np.int64]:
        """The committed rows that have an image, ascending; much less to read than all entries."""
        query = "SELECT row FROM cutout WHERE status = 'ok' AND row < ? ORDER BY row"
        with self._reading() as connection:
            return np.array([row for (row,) in connection.execute(query, (rows_committed,))], dtype=np.int64)

    def status_of(self, row: int) -> str | None:
        """The status of one cutout; None where there is none yet."""
        with self._reading() as connection:
            entry = connection.execute("SELECT status FROM cutout WHERE row = ?", (row,)).fetchone()
            return str(entry[0]) if entry else None

    def pixel_scales(self, rows_committed: int) -> tuple[float, float]:
        """The smallest and the greatest size of a pixel [arcsec]; NaN where unknown."""
        query = "SELECT min(pixel_scale), max(pixel_scale) FROM cutout WHERE status = 'ok' AND row < ?"
        with self._reading() as connection:
            low, high = connection.execute(query, (rows_committed,)).fetchone()
            return (float("nan"),) * 2 if low is None else (float(low), float(high))

    def native_units(self, rows_committed: int) -> tuple[str, ...]:
        """The native units of the cutouts, alphabetically."""
        query = "SELECT DISTINCT native_unit FROM cutout WHERE status = 'ok' AND row < ? ORDER BY native_unit"
        with self._reading() as connection:
            return tuple(str(unit) for (unit,) in connection.execute(query, (rows_committed,)) if unit)

    def notes(self, rows_committed: int) -> dict[str, int]:
        """Notes on pixels with the number of their cutouts, the most frequent first."""
        query = (
            "SELECT reason, count(*) FROM cutout WHERE status = 'ok' AND reason != '' AND row < ? "
            "GROUP BY reason ORDER BY count(*) DESC, reason"
        )
        with self._reading() as connection:
            return dict(connection.execute(query, (rows_committed,)))

    def counts(self, rows_committed: int) -> dict[str, int]:
        """Number of committed cutouts by status."""
        query = "SELECT status, count(*) FROM cutout WHERE row < ? GROUP BY status"
        with self._reading() as connection:
            return {str(status): int(count) for status, count in connection.execute(query, (rows_committed,))}

    def without_image(self, rows_committed: int) -> Iterator[tuple[int, int, str, str, str]]:
        """Row, galaxy_id, status, reason and source of each committed galaxy that has no image, by rows."""
        query = (
            "SELECT row, galaxy_id, status, reason, source FROM cutout WHERE status != 'ok' AND row < ? ORDER BY row"
        )
        with self._reading() as connection:
            for row, galaxy_id, *words in connection.execute(query, (rows_committed,)):
                status, reason, source = map(str, words)
                yield int(row), int(galaxy_id), status, reason, source

    def shard_digests(self) -> list[str]:
        """The digests of the shards' pixels, in order."""
        with self._reading() as connection:
            return [str(digest) for (digest,) in connection.execute("SELECT digest FROM shard ORDER BY shard")]

    @property
    def _band_columns(self) -> tuple[str, ...]:
        return tuple(f"{what}_{band}" for what in ("sky_sigma", "psf_fwhm") for band in self.bands)

    def _values(self, entry: CutoutStatus) -> tuple[Any, ...]:
        unknown = (None,) * len(self.bands)
        return (
            *(getattr(entry, column) for column in (*_COLUMNS, *_PIXELS)),
            *(entry.sky_sigma or unknown),
            *(entry.psf_fwhm or unknown),
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to the existing file; for writing, so that SQLite rolls back what a killed writer left."""
        with reading_sqlite(self.path, tables=("cutout", "shard")) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with (
            errors_as(
                SurveyError,
                self.path.name,
                verb="written",
                remedy="Look at the folder's rights and the space that is left",
            ),
            storage_errors(self.path),
            closing(sqlite3.connect(self.path, timeout=30)) as connection,
            connection,
        ):
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
