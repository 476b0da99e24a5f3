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

__all__ = ["DownloadPlan", "NewRows", "OutcomeStore", "Retry", "RunSettings", "open_download"]


@dataclass(frozen=True)
class OutcomeStore:
    """Where outcomes go.

    Attributes
    ----------
    survey : Survey
    writer : SurveyWriter
    staging : Staging
        Where they wait.
    twins : ImageFingerprints
        What they looked like.
    """

    survey: Survey
    writer: SurveyWriter
    staging: Staging
    twins: ImageFingerprints


class RunSettings:
    """What differs between asking for the first time and asking again.

    Parameters
    ----------
    store : OutcomeStore
    """

    def __init__(self, store: OutcomeStore) -> None:
        self._store = store

    def expected(self) -> DownloadForecast:
        """What this run has before it."""
        raise NotImplementedError

    def galaxies(self) -> Iterator[Galaxy]:
        """Those to ask for."""
        raise NotImplementedError

    def status_of(self, row: int) -> str | None:
        """The status that a row has by now; None for none."""
        store = self._store
        return store.staging.status_of(row) or (
            store.survey.journal.status_of(row) if row < store.writer.rows_written else None
        )

    def keep(self, outcome: Outcome) -> None:
        """Take an outcome in."""
        self._store.twins.remember(outcome)  # before it counts: a killed run may know too many images, never too few
        self._keep(outcome)

    def take_back(self, row: int) -> bool:
        """Forget an outcome that still waits beside the survey; whether it did."""
        if not self._waits(row):
            return False
        self._store.staging.drop([row])
        self._store.twins.forget([row])
        return True

    def finish(self) -> None:
        """Bring into the survey what can be."""
        raise NotImplementedError

    def _keep(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def _waits(self, row: int) -> bool:
        """Whether a row waits beside the survey; if so, it does no longer."""
        raise NotImplementedError

    def _replace(self, outcome: Outcome) -> None:
        """Put an outcome in the place of one that is in the survey."""
        self._store.writer.replace({outcome.row: (outcome.result, outcome.source, outcome.tries)})


class NewRows(RunSettings):
    """Rows behind the committed ones, in any order, into the survey in theirs.

    Parameters
    ----------
    store : OutcomeStore
    """

    def __init__(self, store: OutcomeStore) -> None:
        super().__init__(store)
        written = store.writer.rows_written
        store.staging.drop(row for row in store.staging.rows() if row < written)
        self._staged = {row for row in store.staging.rows() if row < len(store.survey)}
        self._known = frozenset(self._staged)
        self._advance(SHARD_ROWS)

    def expected(self) -> DownloadForecast:
        """All that have no outcome yet."""
        survey, store = self._store.survey, self._store
        written = survey.journal.counts(store.writer.rows_written)
        counts = Counter(written) + Counter(store.staging.counts())
        return DownloadForecast(len(survey), len(survey) - counts.total(), counts)

    def galaxies(self) -> Iterator[Galaxy]:
        """All that have no outcome yet."""
        for galaxy in self._store.survey.galaxies(self._store.writer.rows_written):
            if galaxy.row not in self._known:
                yield galaxy

    def finish(self) -> None:
        """Append what follows without a gap."""
        self._advance(1)

    def _keep(self, outcome: Outcome) -> None:
        if outcome.row < self._store.writer.rows_written:
            return self._replace(outcome)
        self._store.staging.put(outcome)
        self._staged.add(outcome.row)
        return self._advance(SHARD_ROWS)

    def _waits(self, row: int) -> bool:
        waits = row in self._staged
        self._staged.discard(row)
        return waits

    def _advance(self, least: int) -> None:
        """Append the rows that follow the written ones without a gap, once they fill a shard or are `least`."""
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


class Retry(RunSettings):
    """Committed rows without an image, replaced shard by shard.

    Parameters
    ----------
    store : OutcomeStore
    statuses : collection of str
        Of the galaxies to ask for.
    """

    def __init__(self, store: OutcomeStore, statuses: Collection[str]) -> None:
        super().__init__(store)
        refused = store.survey.journal.without_image(store.writer.rows_written)
        self._rows = frozenset(row for row, _, status, _, _ in refused if status in statuses)
        self._asked = Counter(row // SHARD_ROWS for row in self._rows)
        self._kept: dict[int, set[int]] = {}
        store.staging.drop(self._rows)
        store.twins.forget(self._rows)

    def expected(self) -> DownloadForecast:
        """Those asked for again."""
        written = self._store.writer.rows_written
        return DownloadForecast(written, len(self._rows), self._store.survey.journal.counts(written))

    def galaxies(self) -> Iterator[Galaxy]:
        """Those asked for again."""
        for galaxy in self._store.survey.galaxies():
            if galaxy.row in self._rows:
                yield galaxy

    def finish(self) -> None:
        """Replace what has come."""
        for shard in list(self._kept):
            self._replace_shard(shard)

    def _keep(self, outcome: Outcome) -> None:
        if outcome.row >= self._store.writer.rows_written:
            return self._store.staging.put(outcome)
        if outcome.row not in self._rows:
            return self._replace(outcome)
        shard = outcome.row // SHARD_ROWS
        self._store.staging.put(outcome)
        kept = self._kept.setdefault(shard, set())
        kept.add(outcome.row)
        return self._replace_shard(shard) if len(kept) == self._asked[shard] else None

    def _waits(self, row: int) -> bool:
        kept = self._kept.get(row // SHARD_ROWS, set())
        waits = row in kept
        kept.discard(row)
        return waits

    def _replace_shard(self, shard: int) -> None:
        rows = sorted(self._kept.pop(shard))
        outcomes = {o.row: (o.result, o.source, o.tries) for o in self._store.staging.take(rows)}
        self._store.writer.replace(outcomes)
        self._store.staging.drop(rows)


@dataclass(frozen=True)
class DownloadPlan:
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
    path: str | Path, table: Path, read: Callable[[Path], pd.DataFrame], plan: DownloadPlan, *, source: str = "archives"
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
    plan : DownloadPlan
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
