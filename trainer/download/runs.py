"""A run of a download: the survey it fills, the galaxies it requests, and the entry of results into the survey."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE, DEC, RA
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import digest_of_file, read_record, write_json
from gz2interp.stores.survey import Survey
from gz2interp.stores.writer import SurveyWriter
from trainer.download.duplicates import ImageFingerprints
from trainer.download.staging import Outcome, Staging
from trainer.download.watch import DownloadForecast
from trainer.sources.remote import Field

__all__ = ["DownloadPlan", "DownloadRun", "NewRows", "OutcomeStore", "Retry", "open_download"]


@dataclass(frozen=True)
class OutcomeStore:
    """The stores of the outcomes of a download."""

    survey: Survey
    writer: SurveyWriter
    staging: Staging
    fingerprints: ImageFingerprints


class DownloadRun:
    """Base class of a first download and of a retry."""

    def __init__(self, store: OutcomeStore) -> None:
        self._store = store

    def expected(self) -> DownloadForecast:
        """Forecast of the run."""
        raise NotImplementedError

    def galaxies(self) -> Iterator[Galaxy]:
        """The galaxies to request."""
        raise NotImplementedError

    def status_of(self, row: int) -> str | None:
        """The present status of a row; None if it has none."""
        store = self._store
        return store.staging.status_of(row) or (
            store.survey.journal.status_of(row) if row < store.writer.rows_written else None
        )

    def store(self, outcome: Outcome) -> None:
        """Store an outcome."""
        self._store.fingerprints.add(outcome)  # first, so that a killed run never misses a stored image
        self._put(outcome)

    def withdraw(self, row: int) -> bool:
        """Remove an outcome if it is staged; returns whether it was."""
        if not self._unstage(row):
            return False
        self._store.staging.drop([row])
        self._store.fingerprints.remove([row])
        return True

    def finish(self) -> None:
        """Write staged outcomes to the survey where possible."""
        raise NotImplementedError

    def _put(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def _unstage(self, row: int) -> bool:
        """Unmark a row as staged; returns whether it was."""
        raise NotImplementedError

    def _replace(self, outcome: Outcome) -> None:
        """Replace an outcome in the survey."""
        self._store.writer.replace({outcome.row: (outcome.result, outcome.source, outcome.tries)})


class NewRows(DownloadRun):
    """First download: outcomes arrive in any order and are appended to the survey in the order of rows."""

    def __init__(self, store: OutcomeStore) -> None:
        super().__init__(store)
        written = store.writer.rows_written
        store.staging.drop(row for row in store.staging.rows() if row < written)
        self._staged = {row for row in store.staging.rows() if row < len(store.survey)}
        self._staged_before = frozenset(self._staged)
        self._advance(SHARD_ROWS)

    def expected(self) -> DownloadForecast:
        """Forecast for all galaxies without an outcome."""
        survey, store = self._store.survey, self._store
        written = survey.journal.counts(store.writer.rows_written)
        counts = Counter(written) + Counter(store.staging.counts())
        return DownloadForecast(len(survey), len(survey) - counts.total(), counts)

    def galaxies(self) -> Iterator[Galaxy]:
        """All galaxies without an outcome."""
        for galaxy in self._store.survey.galaxies(self._store.writer.rows_written):
            if galaxy.row not in self._staged_before:
                yield galaxy

    def finish(self) -> None:
        """Append contiguous rows, even if they do not fill a shard."""
        self._advance(1)

    def _put(self, outcome: Outcome) -> None:
        if outcome.row < self._store.writer.rows_written:
            return self._replace(outcome)
        self._store.staging.put(outcome)
        self._staged.add(outcome.row)
        return self._advance(SHARD_ROWS)

    def _unstage(self, row: int) -> bool:
        was_staged = row in self._staged
        self._staged.discard(row)
        return was_staged

    def _advance(self, least: int) -> None:
        """Append the rows contiguous with the written ones, once they fill a shard or are at least `least`."""
        writer, staging = self._store.writer, self._store.staging
        first = writer.rows_written
        while True:
            to_shard = SHARD_ROWS - first % SHARD_ROWS
            ready = 0
            while ready < to_shard and first + ready in self._staged:
                ready += 1
            if ready < min(to_shard, least) or not ready:
                return
            rows = range(first, first + ready)
            for outcome in staging.take(rows):
                writer.append(outcome.result, source=outcome.source, tries=outcome.tries)
            if ready == to_shard:  # now they are committed
                staging.drop(rows)
                self._staged.difference_update(rows)
            first += ready


class Retry(DownloadRun):
    """Retry of committed rows with some statuses, which are replaced shard by shard."""

    def __init__(self, store: OutcomeStore, statuses: Collection[str]) -> None:
        super().__init__(store)
        refused = store.survey.journal.without_image(store.writer.rows_written)
        self._rows = frozenset(row for row, _, status, _, _ in refused if status in statuses)
        self._requested = Counter(row // SHARD_ROWS for row in self._rows)
        self._staged: dict[int, set[int]] = {}
        store.staging.drop(self._rows)
        store.fingerprints.remove(self._rows)

    def expected(self) -> DownloadForecast:
        """Forecast for the galaxies requested again."""
        written = self._store.writer.rows_written
        return DownloadForecast(written, len(self._rows), self._store.survey.journal.counts(written))

    def galaxies(self) -> Iterator[Galaxy]:
        """The galaxies requested again."""
        for galaxy in self._store.survey.galaxies():
            if galaxy.row in self._rows:
                yield galaxy

    def finish(self) -> None:
        """Replace the staged rows."""
        for shard in list(self._staged):
            self._replace_shard(shard)

    def _put(self, outcome: Outcome) -> None:
        if outcome.row >= self._store.writer.rows_written:
            return self._store.staging.put(outcome)
        if outcome.row not in self._rows:
            return self._replace(outcome)
        shard = outcome.row // SHARD_ROWS
        self._store.staging.put(outcome)
        staged = self._staged.setdefault(shard, set())
        staged.add(outcome.row)
        return self._replace_shard(shard) if len(staged) == self._requested[shard] else None

    def _unstage(self, row: int) -> bool:
        staged = self._staged.get(row // SHARD_ROWS, set())
        was_staged = row in staged
        staged.discard(row)
        return was_staged

    def _replace_shard(self, shard: int) -> None:
        rows = sorted(self._staged.pop(shard))
        outcomes = {o.row: (o.result, o.source, o.tries) for o in self._store.staging.take(rows)}
        self._store.writer.replace(outcomes)
        self._store.staging.drop(rows)


@dataclass(frozen=True)
class DownloadPlan:
    """Settings that must stay the same when a download is continued.

    Attributes
    ----------
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
    path: str | Path, table: Path, read: Callable[[Path], pd.DataFrame], plan: DownloadPlan, *, source: str = "archives"
) -> Survey:
    """Open the survey to which a catalogue is downloaded, or create it.

    Parameters
    ----------
    path : path
        Folder of the survey.
    table : Path
        File of the catalogue.
    read : callable
        Reads the catalogue; not called if the survey exists.
    source : str
        For the header of the survey.

    Raises
    ------
    InputError
        The catalogue has no positions.
    SurveyError
        The survey at `path` was created from another catalogue or plan, or not by a download.
    """
    folder = Path(path).expanduser()
    settings = folder / "download" / "settings.json"
    # The digest covers the whole table: positions matter as much as ids.
    requested = {**plan.to_json(), "catalog": digest_of_file(table) if table.is_file() else ""}
    if not (folder / "survey.json").exists():
        catalog = read(table)
        if not (catalog[RA].notna() & catalog[DEC].notna()).any():
            raise InputError(
                f"{table.name} has no positions, by which archives are queried",
                "Columns such as ra and dec",
                "With images of your own use python -m trainer ingest",
            )
        survey = Survey.create(folder, catalog, bands=plan.bands, shape=(plan.size, plan.size), source=source)
        write_json(settings, requested)
        return survey
    survey = Survey.open(folder)
    if not settings.exists() and survey.rows_committed == 0 and survey.header.source == source:
        write_json(settings, requested)  # the process was killed between the two lines above
    if not settings.exists():
        raise SurveyError(f"{folder} was not begun by a download", remedy="Choose a new folder")
    previous = read_record(settings, lambda record: dict(record))
    differing = [name for name, value in previous.items() if requested.get(name) != value]
    if differing:
        was = ", ".join(f"{name} {previous[name]}" for name in differing)
        now = ", ".join(f"{name} {requested.get(name)}" for name in differing)
        raise SurveyError(f"{folder} was begun with {was}, and now {now} was given", "The same", "Or a new folder")
    return survey
