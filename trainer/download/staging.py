"""What has come but not yet entered the survey: workers end in another order than the catalogue's rows."""

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
    """What became of one galaxy.

    Attributes
    ----------
    row : int
    result : Cutout or CutoutUnavailable
    source : str
        Who gave it, or was asked last.
    tries : int
    """

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
    """What a `Cutout` holds beside its pixels."""

    source: str
    pixel_scale: float
    position_angle: float
    native_unit: str
    sky_sigma: tuple[float, ...]
    psf_fwhm: tuple[float, ...]
    note: str


class Staging:
    """A SQLite file beside the survey: each outcome is on the disk before the next galaxy is asked for.

    Parameters
    ----------
    path : Path
        Of the file; made where it is lacking.
    """

    def __init__(self, path: Path) -> None:
        columns = (
            "row INTEGER PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL, "
            "source TEXT NOT NULL, tries INTEGER NOT NULL, pixels TEXT, image BLOB, valid BLOB"
        )
        self._file = SqliteFile(path, {"outcome": columns}, "Remove it: the galaxies in it are then asked for again")

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def put(self, outcome: Outcome) -> None:
        """Keep an outcome, in the place of an earlier one for that row."""
        self._file.execute("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _values(outcome))

    def rows(self) -> list[int]:
        """The rows that are kept, ascending."""
        return [row for (row,) in self._file.execute("SELECT row FROM outcome ORDER BY row")]

    def take(self, rows: Iterable[int]) -> Iterator[Outcome]:
        """The outcomes of some rows, one after the other; they stay here until they are dropped."""
        for row in rows:
            with self._file.failing():
                (values,) = self._file.execute("SELECT * FROM outcome WHERE row = ?", (row,))
                outcome = _outcome(values)
            yield outcome

    def drop(self, rows: Iterable[int]) -> None:
        """Forget rows that are safe in the survey."""
        self._file.execute_for("DELETE FROM outcome WHERE row = ?", ((row,) for row in rows))

    def status_of(self, row: int) -> str | None:
        """The status of a row that is kept; None for another."""
        statuses = self._file.execute("SELECT status FROM outcome WHERE row = ?", (row,))
        return self._status(statuses[0][0]) if statuses else None

    def counts(self) -> dict[str, int]:
        """How many are kept of each status."""
        counts = self._file.execute("SELECT status, count(*) FROM outcome GROUP BY status")
        return {self._status(status): count for status, count in counts}

    def without_image(self) -> Iterable[tuple[int, str, str]]:
        """Row, status and reason of those that have no image."""
        question = "SELECT row, status, reason FROM outcome WHERE status != 'ok' ORDER BY row"
        for row, status, reason in self._file.execute(question):
            yield row, self._status(status), str(reason)

    def _status(self, status: Any) -> str:
        with self._file.failing():
            return _checked_status(status)


def _values(outcome: Outcome) -> tuple[Any, ...]:
    result = outcome.result
    if isinstance(result, CutoutUnavailable):
        return outcome.row, result.status, result.reason, outcome.source, outcome.tries, None, None, None
    known = {name: value for name, value in _fields(result).items() if name not in ("image", "valid")}
    pixels = json.dumps({**known, "shape": result.image.shape})
    image = np.ascontiguousarray(result.image, "<f4").tobytes()
    return outcome.row, "ok", "", outcome.source, outcome.tries, pixels, image, result.valid.astype(bool).tobytes()


def _fields(cutout: Cutout) -> dict[str, Any]:
    return {name: getattr(cutout, name) for name in cutout.__dataclass_fields__}


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
