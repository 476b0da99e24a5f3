"""What has come but not yet entered the survey: workers end in another order than the catalogue's rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout

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


class Staging:
    """A SQLite file beside the survey: each outcome is on the disk before the next galaxy is asked for.

    Parameters
    ----------
    path : Path
        Of the file; made where it is lacking.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, timeout=30, isolation_level=None)
        # A write-ahead log needs one flush an outcome; a process that is killed loses nothing that was written.
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS outcome (row INTEGER PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL, "
            "source TEXT NOT NULL, tries INTEGER NOT NULL, pixels TEXT, image BLOB, valid BLOB)"
        )

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
        with closing(self._file.cursor()) as cursor:
            for row in rows:
                yield _outcome(cursor.execute("SELECT * FROM outcome WHERE row = ?", (row,)).fetchone())

    def drop(self, rows: Iterable[int]) -> None:
        """Forget rows that are safe in the survey."""
        self._file.execute("BEGIN")
        self._file.executemany("DELETE FROM outcome WHERE row = ?", ((row,) for row in rows))
        self._file.execute("COMMIT")

    def status_of(self, row: int) -> str | None:
        """The status of a row that is kept; None for another."""
        found = self._file.execute("SELECT status FROM outcome WHERE row = ?", (row,)).fetchone()
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """How many are kept of each status."""
        return dict(self._file.execute("SELECT status, count(*) FROM outcome GROUP BY status"))

    def without_image(self) -> Iterable[tuple[int, str, str]]:
        """Row, status and reason of those that have no image."""
        yield from self._file.execute("SELECT row, status, reason FROM outcome WHERE status != 'ok' ORDER BY row")


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
    if status != "ok":
        return Outcome(row, CutoutUnavailable(status, reason), source, tries)
    known = json.loads(pixels)
    shape = tuple(known.pop("shape"))
    known |= {name: tuple(known[name]) for name in ("sky_sigma", "psf_fwhm")}
    cutout = Cutout(
        image=np.frombuffer(image, "<f4").reshape(shape).astype(np.float32),
        valid=np.frombuffer(valid, bool).reshape(shape[:2]),
        **known,
    )
    return Outcome(row, cutout, source, tries)
