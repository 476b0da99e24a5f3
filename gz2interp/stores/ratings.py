"""Ratings of galaxies in ``SURVEY/ratings.sqlite``, flushed to the disk before a call returns.

The file is a journal: each rating is an entry, also a later one of the same galaxy, and undoing adds an entry too. The
last entry of a galaxy that is not undone counts. Several pages and processes may write at once.
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
from gz2interp.stores.files import storage_errors
from gz2interp.stores.reading import DamagedFile, errors_as, reading_sqlite

__all__ = ["HIGHEST", "Rating", "Ratings"]

HIGHEST: Final = 5
"""Ratings are 0 (ordinary) to 5 (very interesting)."""

_COLUMNS: Final = (GALAXY_ID, "rating", "tag", "note", "time")
_LONGEST: Final = 2000
_REMEDY: Final = "Put back a copy of it, or look at the folder's rights and the space that is left"
_NOT_UNDONE: Final = "action NOT IN (SELECT action FROM undone)"


@dataclass(frozen=True)
class Rating:
    """The rating of one galaxy.

    Attributes
    ----------
    rating : int
        0 to 5.
    tag, note : str
        A keyword such as ``merger``, and any text.
    time : str
        ISO 8601, in UTC; "" for now.
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
        Of ``ratings.sqlite``; created with the first rating.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rate(self, rating: Rating, by: str = "") -> None:
        """Add a rating, which replaces an earlier one of the same galaxy.

        Parameters
        ----------
        by : str
            Name of the page, for `undo`.
        """
        self.add([rating], by)

    def add(self, ratings: Iterable[Rating], by: str = "") -> None:
        """Add several ratings in one transaction, which `undo` takes back together."""
        with self._writing() as connection:
            self._add(connection, ratings, by)

    def merge(self, ratings: Iterable[Rating], by: str = "import") -> int:
        """Add the ratings that are later than the present one of their galaxy, and return their number.

        A rating without a time is added only where there is no other. Merging the same ratings twice changes nothing.
        """
        with self._writing() as connection:
            times = {row[0]: row[4] for row in connection.execute(_current())}
            latest: dict[int, Rating] = {}
            for rating in ratings:
                before = latest[rating.galaxy_id].time if rating.galaxy_id in latest else times.get(rating.galaxy_id)
                if before is None or _instant(rating.time) > _instant(before):
                    latest[rating.galaxy_id] = rating
            self._add(connection, latest.values(), by)
        return len(latest)

    def undo(self, by: str | None = None) -> list[Rating]:
        """Undo the last action that is not undone: a rating, or all ratings that were added together.

        Parameters
        ----------
        by : str, optional
            Only actions of that page.

        Returns
        -------
        list of Rating
            The ratings undone; empty if there are none.
        """
        if not self.path.is_file():
            return []
        mine, names = ("AND by = ?", (by,)) if by is not None else ("", ())
        with self._writing() as connection:
            query = f"SELECT max(action) FROM rating WHERE {_NOT_UNDONE} {mine}"
            (action,) = connection.execute(query, names).fetchone()
            if action is None:
                return []
            connection.execute("INSERT INTO undone VALUES (?, ?)", (action, _now()))
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM rating WHERE action = ? ORDER BY entry", (action,)
            )
            return [Rating(*row) for row in rows]

    def table(self) -> pd.DataFrame:
        """The present ratings in the order of their entries: galaxy_id, rating, tag, note, time."""
        rows: list[tuple[object, ...]] = []
        if self.path.is_file():
            with self._reading() as connection:
                rows = connection.execute(_current()).fetchall()
        with errors_as(SurveyError, self.path.name, remedy=_REMEDY):  # SQLite stores any value in any column
            frame = pd.DataFrame(rows, columns=list(_COLUMNS))
            texts = dict.fromkeys(("tag", "note", "time"), "str")
            frame = frame.astype({GALAXY_ID: "int64", "rating": "int64"} | texts)
            if not (frame["rating"].between(0, HIGHEST) & (frame[GALAXY_ID] >= 0)).all():
                raise DamagedFile("it holds a rating that is none")
            return frame

    def count(self) -> int:
        """Number of entries, which changes with every action."""
        if not self.path.is_file():
            return 0
        with self._reading() as connection:
            query = "SELECT (SELECT count(*) FROM rating) + (SELECT count(*) FROM undone)"
            return int(connection.execute(query).fetchone()[0])

    def _add(self, connection: sqlite3.Connection, ratings: Iterable[Rating], by: str) -> None:
        (action,) = connection.execute("SELECT coalesce(max(action), 0) + 1 FROM rating").fetchone()
        connection.executemany(
            f"INSERT INTO rating (action, by, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(action, by, r.galaxy_id, r.rating, r.tag, r.note, r.time or _now()) for r in ratings],
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that may write, to recover the journal of a killed writer."""
        with reading_sqlite(self.path, remedy=_REMEDY) as connection:
            kinds = dict(connection.execute("SELECT name, type FROM sqlite_master WHERE name IN ('rating', 'undone')"))
            if len(kinds) < 2:
                _create_tables(connection)  # a process was killed before its first rating
            elif set(kinds.values()) != {"table"}:
                raise DamagedFile("what is called rating or undone in it is no table")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with (
            errors_as(SurveyError, self.path.name, "The ratings of a survey, in SQLite", _REMEDY, "written"),
            storage_errors(self.path),
            closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA synchronous = FULL")
            _write_ahead(connection)
            # The lock first: no other process may write between reading the present ratings and adding new ones.
            connection.execute("BEGIN IMMEDIATE")
            try:
                _create_tables(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log, so that readers do not wait for writers, unless others are writing without one."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")


def _create_tables(connection: sqlite3.Connection) -> None:
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
    """Parse a time; without a zone it is UTC, and "" is before all others."""
    if not time:
        return datetime.min.replace(tzinfo=UTC)
    try:
        instant = datetime.fromisoformat(time)
    except ValueError:
        raise InputError(f"The time of a rating is {time!r}", "As in 2026-01-31T12:00:00+00:00") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
