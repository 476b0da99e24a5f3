"""The resumable, polite, concurrent loop over any sources: every galaxy ends as ok, or with a status and a reason."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

from gz2interp.results import Galaxy
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.survey import Survey
from gz2interp.stores.writer import SurveyWriter
from trainer.archives.trouble import Trouble
from trainer.download.crew import Crew
from trainer.download.report import Report
from trainer.download.staging import Outcome, Staging
from trainer.download.watch import Expected, Watch
from trainer.sources import Source

__all__ = ["download"]

_TICK = 0.5


def download(
    survey: Survey,
    sources: Sequence[Source],
    *,
    workers: int = 8,
    stop: threading.Event | None = None,
    retry: Collection[str] = (),
    listen: Callable[[Report], None] | None = None,
) -> Report:
    """Ask archives for every galaxy that a survey still lacks, or again for those that have no image.

    Parameters
    ----------
    survey : Survey
    sources : sequence of Source
        Asked in this order; the next where one has no image.
    workers : int
        Galaxies under way at the same time.
    stop : Event, optional
        The one that the sources were given; set from elsewhere, it ends the run.
    retry : collection of str
        Statuses. With any, only galaxies of these are asked for, and what they have is replaced by what comes now.
    listen : callable, optional
        Called twice a second with how it stands.

    Returns
    -------
    Report
        Also in the survey, as ``download/report.json``, from the first second on.

    Notes
    -----
    An outcome is on the disk before it is counted. It waits beside the survey until all rows before it have one, and
    then enters the survey with its shard. So a process that is killed loses only what was under way, and the survey
    that comes out does not depend on how often that happened, as far as the services answer the same.

    Raises
    ------
    SurveyLocked
        Another process is writing the survey.
    """
    stop = stop or threading.Event()
    with survey.writer() as writer, Staging(survey.path / "download" / "staged.sqlite") as staging:
        run = _Retry(survey, writer, staging, retry) if retry else _Fresh(survey, writer, staging)
        watch = Watch(survey, staging, sources, workers, run.expected(), listen)
        ended = "interrupted"
        try:
            ended = _run(run, watch, Crew(sources, workers, stop), stop)
        finally:
            run.finish()
            report = watch.end(ended)
    return report


def _run(run: _Run, watch: Watch, crew: Crew, stop: threading.Event) -> str:
    """Hand out galaxies and take in outcomes until there are no more, or it makes no sense to go on."""
    waiting, under_way, left = run.galaxies(), 0, True
    with crew:
        while not stop.is_set():
            while left and crew.room > 0:
                galaxy = next(waiting, None)
                left = galaxy is not None
                if galaxy is not None:
                    crew.give(galaxy)
                    under_way += 1
            if not left and not under_way:
                return "finished"
            result = crew.next(_TICK)
            if isinstance(result, Trouble):
                return f"stopped: {result.words}"
            if result is not None:
                under_way -= 1
                run.keep(result)
                watch.saw(result, run.was(result.row))
            watch.tick()
    return "interrupted"


class _Run:
    """What differs between asking for the first time and asking again."""

    def __init__(self, survey: Survey, writer: SurveyWriter, staging: Staging) -> None:
        self._survey, self._writer, self._staging = survey, writer, staging

    def expected(self) -> Expected:
        """What this run has before it."""
        raise NotImplementedError

    def galaxies(self) -> Iterator[Galaxy]:
        """Those to ask for."""
        raise NotImplementedError

    def was(self, row: int) -> str | None:
        """The status that a row had; None for none."""
        raise NotImplementedError

    def keep(self, outcome: Outcome) -> None:
        """Take an outcome in."""
        raise NotImplementedError

    def finish(self) -> None:
        """Bring into the survey what can be."""
        raise NotImplementedError


class _Fresh(_Run):
    """Rows behind the committed ones, in any order, into the survey in theirs."""

    def __init__(self, survey: Survey, writer: SurveyWriter, staging: Staging) -> None:
        super().__init__(survey, writer, staging)
        staging.drop(row for row in staging.rows() if row < writer.rows_written)
        self._staged = set(staging.rows())
        self._known = frozenset(self._staged)
        self._advance(SHARD_ROWS)

    def expected(self) -> Expected:
        written = self._survey.journal.counts(self._writer.rows_written)
        counts = Counter(written) + Counter(self._staging.counts())
        return Expected(len(self._survey), len(self._survey) - counts.total(), counts)

    def galaxies(self) -> Iterator[Galaxy]:
        for galaxy in self._survey.galaxies(self._writer.rows_written):
            if galaxy.row not in self._known:
                yield galaxy

    def was(self, row: int) -> str | None:
        return None

    def keep(self, outcome: Outcome) -> None:
        self._staging.put(outcome)
        self._staged.add(outcome.row)
        self._advance(SHARD_ROWS)

    def finish(self) -> None:
        self._advance(1)

    def _advance(self, least: int) -> None:
        """Append the rows that follow the written ones without a gap, once they fill a shard or are `least`."""
        first = self._writer.rows_written
        while True:
            to_shard = SHARD_ROWS - first % SHARD_ROWS
            ready = 0
            while ready < to_shard and first + ready in self._staged:
                ready += 1
            if ready < min(to_shard, least) or not ready:
                return
            rows = range(first, first + ready)
            for outcome in self._staging.take(rows):
                self._writer.append(outcome.result, source=outcome.source, tries=outcome.tries)
            if ready == to_shard:  # now they are committed
                self._staging.drop(rows)
                self._staged.difference_update(rows)
            first += ready


class _Retry(_Run):
    """Committed rows without an image, replaced shard by shard."""

    def __init__(self, survey: Survey, writer: SurveyWriter, staging: Staging, statuses: Collection[str]) -> None:
        super().__init__(survey, writer, staging)
        self._statuses = {
            row: status
            for row, _, status, _, _ in survey.journal.without_image(writer.rows_written)
            if status in statuses
        }
        self._asked = Counter(row // SHARD_ROWS for row in self._statuses)
        self._kept: dict[int, list[int]] = {}

    def expected(self) -> Expected:
        written = self._writer.rows_written
        return Expected(written, len(self._statuses), self._survey.journal.counts(written))

    def galaxies(self) -> Iterator[Galaxy]:
        for galaxy in self._survey.galaxies():
            if galaxy.row in self._statuses:
                yield galaxy

    def was(self, row: int) -> str | None:
        return self._statuses[row]

    def keep(self, outcome: Outcome) -> None:
        shard = outcome.row // SHARD_ROWS
        self._staging.put(outcome)
        self._kept.setdefault(shard, []).append(outcome.row)
        if len(self._kept[shard]) == self._asked[shard]:
            self._replace(shard)

    def finish(self) -> None:
        for shard in list(self._kept):
            self._replace(shard)

    def _replace(self, shard: int) -> None:
        rows = self._kept.pop(shard)
        outcomes = {o.row: (o.result, o.source, o.tries) for o in self._staging.take(rows)}
        self._writer.replace(outcomes)
        self._staging.drop(rows)
