"""Staging of outcomes that arrive in another order than the rows of the survey."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gz2interp.errors import CutoutUnavailable
from gz2interp.records import record_from_json
from gz2interp.results import Cutout
from gz2interp.schema import STATUSES
from gz2interp.stores.reading import DamagedFile, SqliteFile

__all__ = ["Outcome", "Staging"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of the requests for one galaxy; `source` is the one that gave the result, or the last one tried."""

    row: int
    result: Cutout | CutoutUnavailable
    source: str
    tries: int

    @property
    def status(self) -> str:
        """As in the survey's journal."""
        return "ok" if isinstance(self.result, Cutout) else self.result.status


@dataclass(frozen=True)
class _Traits:
    """Fields of a `Cutout` other than pixels."""

    source: str
    pixel_scale: float
    position_angle: float
    native_unit: str
    sky_sigma: tuple[float, ...]
    psf_fwhm: tuple[float, ...]
    note: str


class Staging:
    """A SQLite file of outcomes, which are durable at once."""

    def __init__(self, path: Path) -> None:
        columns = (
            "row INTEGER PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL, "
            "source TEXT NOT NULL, tries INTEGER NOT NULL, pixels TEXT, image BLOB, valid BLOB"
        )
        self._file = SqliteFile(path, {"outcome": columns}, "Remove it: the galaxies in it are then requested again")

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def put(self, outcome: Outcome) -> None:
        """Store an outcome, replacing an earlier one of that row."""
        self._file.execute("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _values(outcome))

    def rows(self) -> list[int]:
        """The stored rows, ascending."""
        return [row for (row,) in self._file.execute("SELECT row FROM outcome ORDER BY row")]

    def take(self, rows: Iterable[int]) -> Iterator[Outcome]:
        """Iterate over the outcomes of some rows, which stay stored until they are dropped."""
        for row in rows:
            with self._file.failing():
                (values,) = self._file.execute("SELECT * FROM outcome WHERE row = ?", (row,))
                outcome = _outcome(values)
            yield outcome

    def drop(self, rows: Iterable[int]) -> None:
        """Remove rows."""
        self._file.execute_for("DELETE FROM outcome WHERE row = ?", ((row,) for row in rows))

    def status_of(self, row: int) -> str | None:
        """The status of a row; None if it is not stored."""
        statuses = self._file.execute("SELECT status FROM outcome WHERE row = ?", (row,))
        return self._status(statuses[0][0]) if statuses else None

    def counts(self) -> dict[str, int]:
        """Number of rows by status."""
        counts = self._file.execute("SELECT status, count(*) FROM outcome GROUP BY status")
        return {self._status(status): count for status, count in counts}

    def without_image(self) -> Iterable[tuple[int, str, str]]:
        """Row, status and reason of rows without an image."""
        query = "SELECT row, status, reason FROM outcome WHERE status != 'ok' ORDER BY row"
        for row, status, reason in self._file.execute(query):
            yield row, self._status(status), str(reason)

    def _status(self, status: Any) -> str:
        with self._file.failing():
            return _checked_status(status)


def _values(outcome: Outcome) -> tuple[Any, ...]:
    result = outcome.result
    if isinstance(result, CutoutUnavailable):
        return outcome.row, result.status, result.reason, outcome.source, outcome.tries, None, None, None
    traits = {name: getattr(result, name) for name in result.__dataclass_fields__ if name not in ("image", "valid")}
    pixels = json.dumps({**traits, "shape": result.image.shape})
    image = np.ascontiguousarray(result.image, "<f4").tobytes()
    return outcome.row, "ok", "", outcome.source, outcome.tries, pixels, image, result.valid.astype(bool).tobytes()


def _outcome(values: tuple[Any, ...]) -> Outcome:
    row, status, reason, source, tries, pixels, image, valid = values
    if not isinstance(tries, int):
        raise DamagedFile(f"row {row} has {tries!r} tries")
    if _checked_status(status) != "ok":
        return Outcome(row, CutoutUnavailable(status, str(reason)), str(source), tries)
    record = json.loads(pixels)
    shape = tuple(record["shape"])
    cutout = Cutout(
        image=np.frombuffer(image, "<f4").reshape(shape).astype(np.float32),
        valid=np.frombuffer(valid, np.uint8).reshape(shape[:2]).astype(bool),
        **vars(record_from_json(_Traits, record)),
    )
    if any(len(values) not in (0, shape[2]) for values in (cutout.sky_sigma, cutout.psf_fwhm)):
        raise DamagedFile(f"row {row} has another number of values than bands")
    return Outcome(row, cutout, str(source), tries)


def _checked_status(status: Any) -> str:
    if status not in STATUSES:
        raise DamagedFile(f"it holds the status {str(status)[:20]!r}")
    return str(status)
