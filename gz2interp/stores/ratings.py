"""What people said of galaxies, in SQLite: on the disk before the call returns, and never overwritten.

``SURVEY/ratings.sqlite`` is a journal: a rating is an entry, a later rating of the same galaxy another one, and to undo
is to note which entries count no longer. Several pages and processes may write at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.files import writing
from gz2interp.stores.reading import DamagedFile, failing_as, reading_sqlite

__all__ = ["HIGHEST", "Rating", "Ratings"]

HIGHEST: Final = 5
"""Ratings are 0, an ordinary galaxy, to 5, which must be looked at."""

_COLUMNS: Final = (GALAXY_ID, "rating", "tag", "note", "time")
_LONGEST: Final = 2000
_REMEDY: Final = "Put back a copy of it, or look at the folder's rights and the space that is left"
_NOT_UNDONE: Final = "action NOT IN (SELECT action FROM undone)"


@dataclass(frozen=True)
class Rating:
    """What was said of one galaxy.

    Attributes
    ----------
    rating : int
        0 to 5.
    tag, note : str
        A word to find it by, such as ``merger``, and anything else.
    time : str
        When, in UTC; "" for now.
    """

    galaxy_id: int
    rating: int
    tag: str = ""
    note: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        if self.rating not in range(HIGHEST + 1):
            raise InputError(f"The rating {self.rating!r} was given to galaxy {self.galaxy_id}", f"0 to {HIGHEST}")
        if not 0 <= self.galaxy_id < 2**63:
            raise InputError(f"The galaxy {self.galaxy_id} was rated", "An id is a whole number below 2^63")
        if max(len(self.tag), len(self.note)) > _LONGEST:
            raise InputError("A tag or a note is too long", f"At most {_LONGEST} letters")
        _instant(self.time)


class Ratings:
    """The ratings of a survey.

    Parameters
    ----------
    path : Path
        Of ``ratings.sqlite``; it is made with the first rating.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rate(self, rating: Rating, by: str = "") -> None:
        """Note a rating; it is on the disk when this returns. An earlier one of the same galaxy counts no longer.

        Parameters
        ----------
        by : str
            Whose page it was, so that `undo` can take back one's own.
        """
        self.add([rating], by)

    def add(self, ratings: Iterable[Rating], by: str = "") -> None:
        """Note several ratings together or not at all; `undo` takes them back together."""
        with self._writing() as connection:
            self._add(connection, ratings, by)

    def merge(self, ratings: Iterable[Rating], by: str = "import") -> int:
        """Note those that are later than what is known of their galaxy; the others count no longer. Returns how many.

        Of two ratings of one galaxy the later one by its time counts, wherever it came from; one without a time counts
        only where there is no other. Taking in the same ratings twice changes nothing.
        """
        with self._writing() as connection:
            known = {row[0]: row[4] for row in connection.execute(_current())}
            latest: dict[int, Rating] = {}
            for rating in ratings:
                before = latest[rating.galaxy_id].time if rating.galaxy_id in latest else known.get(rating.galaxy_id)
                if before is None or _instant(rating.time) > _instant(before):
                    latest[rating.galaxy_id] = rating
            self._add(connection, latest.values(), by)
        return len(latest)

    def undo(self, by: str | None = None) -> list[Rating]:
        """Take back the last act that has not been undone: a rating, or all those that were taken in together.

        Parameters
        ----------
        by : str, optional
            Only what was rated under that name.

        Returns
        -------
        list of Rating
            What was taken back; empty if there is nothing.
        """
        if not self.path.is_file():
            return []
        mine, names = ("AND by = ?", (by,)) if by is not None else ("", ())
        with self._writing() as connection:
            question = f"SELECT max(action) FROM rating WHERE {_NOT_UNDONE} {mine}"
            (action,) = connection.execute(question, names).fetchone()
            if action is None:
                return []
            connection.execute("INSERT INTO undone VALUES (?, ?)", (action, _now()))
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM rating WHERE action = ? ORDER BY entry", (action,)
            )
            return [Rating(*row) for row in rows]

    def table(self) -> pd.DataFrame:
        """What counts now, in the order in which it was said: galaxy_id, rating, tag, note, time."""
        rows: list[tuple[object, ...]] = []
        if self.path.is_file():
            with self._reading() as connection:
                rows = connection.execute(_current()).fetchall()
        with failing_as(SurveyError, self.path.name, remedy=_REMEDY):  # SQLite keeps any value in any column
            frame = pd.DataFrame(rows, columns=list(_COLUMNS))
            texts = dict.fromkeys(("tag", "note", "time"), "str")
            frame = frame.astype({GALAXY_ID: "int64", "rating": "int64"} | texts)
            if not (frame["rating"].between(0, HIGHEST) & (frame[GALAXY_ID] >= 0)).all():
                raise DamagedFile("it holds a rating that is none")
            return frame

    def count(self) -> int:
        """How many acts were noted, undone ones twice: it changes with every act."""
        if not self.path.is_file():
            return 0
        with self._reading() as connection:
            question = "SELECT (SELECT count(*) FROM rating) + (SELECT count(*) FROM undone)"
            return int(connection.execute(question).fetchone()[0])

    def _add(self, connection: sqlite3.Connection, ratings: Iterable[Rating], by: str) -> None:
        (action,) = connection.execute("SELECT coalesce(max(action), 0) + 1 FROM rating").fetchone()
        connection.executemany(
            f"INSERT INTO rating (action, by, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(action, by, r.galaxy_id, r.rating, r.tag, r.note, r.time or _now()) for r in ratings],
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """It may write: a killed writer's journal is taken in by whoever opens the file next."""
        with reading_sqlite(self.path, remedy=_REMEDY) as connection:
            kinds = dict(connection.execute("SELECT name, type FROM sqlite_master WHERE name IN ('rating', 'undone')"))
            if len(kinds) < 2:
                _make(connection)  # a process was killed before its first rating
            elif set(kinds.values()) != {"table"}:
                raise DamagedFile("what is called rating or undone in it is no table")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with (
            failing_as(SurveyError, self.path.name, "The ratings of a survey, in SQLite", _REMEDY, "written"),
            writing(self.path),
            closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA synchronous = FULL")
            _write_ahead(connection)
            # The lock first: who reads what is known and then writes must not be overtaken in between.
            connection.execute("BEGIN IMMEDIATE")
            try:
                _make(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Readers do not wait for writers. Who cannot switch to it now, because others write, works as they do."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")


def _make(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS rating (entry INTEGER PRIMARY KEY AUTOINCREMENT, action INTEGER NOT NULL, "
        "by TEXT NOT NULL, galaxy_id INTEGER NOT NULL, rating INTEGER NOT NULL, tag TEXT NOT NULL, "
        "note TEXT NOT NULL, time TEXT NOT NULL)"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS undone (action INTEGER PRIMARY KEY, time TEXT NOT NULL)")


def _current() -> str:
    """The last entry of each galaxy that is not undone."""
    last = f"SELECT max(entry) FROM rating WHERE {_NOT_UNDONE} GROUP BY galaxy_id"
    return f"SELECT {', '.join(_COLUMNS)} FROM rating WHERE entry IN ({last}) ORDER BY entry"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _instant(time: str) -> datetime:
    """A time as it was written; without a zone it is UTC, and none at all is before every other."""
    if not time:
        return datetime.min.replace(tzinfo=UTC)
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        raise InputError(f"The time of a rating is {time!r}", "As in 2026-01-31T12:00:00+00:00") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
