"""The download loop and its workers: resumable, rate-limited and concurrent over any sources."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final

from gz2interp.errors import CutoutUnavailable, StorageError
from gz2interp.results import Galaxy
from gz2interp.stores.files import writing
from gz2interp.stores.survey import Survey
from trainer.archives.limits import ArchiveError, Stopped
from trainer.archives.persist import TRIES
from trainer.download.duplicates import DuplicateCounter, DuplicateOutcome, ImageFingerprints
from trainer.download.report import Report
from trainer.download.runs import NewRows, OutcomeStore, Retry, RunSettings
from trainer.download.staging import Outcome, Staging
from trainer.download.watch import DownloadMonitor
from trainer.sources import Source

__all__ = ["DownloadWorkers", "ask", "download"]


_log = logging.getLogger(__name__)
_GRACE: Final = 2.0


class DownloadWorkers:
    """Threads that ask; at most two galaxies a worker are under way, whatever the catalogue's size.

    Parameters
    ----------
    sources : sequence of Source
        The next is asked where one has no image.
    workers : int
    stop : Event
        Set by the end of the block: whoever waits for a service lets go.
    """

    def __init__(self, sources: Sequence[Source], workers: int, stop: threading.Event) -> None:
        self._sources, self._stop = sources, stop
        self._tasks, self._results = queue.SimpleQueue[Galaxy | None](), queue.SimpleQueue[Outcome | ArchiveError]()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self.room = 2 * workers

    def __enter__(self) -> DownloadWorkers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        # A worker in the middle of a request ends with it; nobody waits for that, nothing would come of it.
        for thread in self._threads:
            thread.join(_GRACE / len(self._threads))

    def give(self, galaxy: Galaxy) -> None:
        """A galaxy to ask for, when there is room."""
        self.room -= 1
        self._tasks.put(galaxy)

    def next(self, seconds: float) -> Outcome | ArchiveError | None:
        """What came next; None if nothing came for so long.

        A `ArchiveError` says that the last source stayed down for too long.
        """
        try:
            result = self._results.get(timeout=seconds)
        except queue.Empty:
            return None
        self.room += 1
        return result

    def _work(self) -> None:
        while (galaxy := self._tasks.get()) is not None and not self._stop.is_set():
            try:
                self._results.put(ask(self._sources, galaxy))
            except Stopped:
                return
            except ArchiveError as trouble:
                self._results.put(trouble)
            except StorageError as error:  # the disk of the cache is full: it would be of every galaxy
                self._results.put(ArchiveError("disk", str(error)))


def ask(sources: Sequence[Source], galaxy: Galaxy) -> Outcome:
    """Ask one source after the other until one has an image.

    Raises
    ------
    ArchiveError
        The last source is down, and stayed so for longer than the patience allows.
    """
    TRIES.set(1)
    refusals: list[tuple[str, CutoutUnavailable]] = []
    for place, source in enumerate(sources):
        try:
            return Outcome(galaxy.row, source.fetch(galaxy), source.name, TRIES.get())
        except CutoutUnavailable as error:
            refusals.append((source.name, error))
        except ArchiveError as trouble:
            if place == len(sources) - 1:
                raise
            refusals.append((source.name, CutoutUnavailable("failed", trouble.words)))
        except StorageError:
            raise
        except Exception as error:  # one galaxy must not end a night's work; the log keeps what we have to mend
            _log.exception("Asking %s for galaxy %s met an error of gz2interp's own", source.name, galaxy.galaxy_id)
            told = f"an error of gz2interp's own ({type(error).__name__}: {error}); please report it"
            refusals.append((source.name, CutoutUnavailable("failed", told)))
    return Outcome(galaxy.row, _joined(refusals), refusals[-1][0], TRIES.get())


def _joined(refusals: Sequence[tuple[str, CutoutUnavailable]]) -> CutoutUnavailable:
    """One refusal out of several: failed if any may still work, outside only if all say so."""
    if len(refusals) == 1:
        return refusals[0][1]
    said = [error.status for _, error in refusals]
    status = "failed" if "failed" in said else "missing" if "missing" in said else said[0]
    return CutoutUnavailable(status, "; ".join(f"{name}: {error.reason}" for name, error in refusals))


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

    Two galaxies that come with the same pixels are both asked for again; if that does not help, both end as failed.

    Raises
    ------
    SurveyLocked
        Another process is writing the survey.
    """
    stop = stop or threading.Event()
    beside = survey.path / "download" / "staged.sqlite"
    with (
        writing(survey.path),
        survey.writer() as writer,
        Staging(beside) as staging,
        ImageFingerprints(survey) as twins,
    ):
        store = OutcomeStore(survey, writer, staging, twins)
        run = Retry(store, retry) if retry else NewRows(store)
        watch = DownloadMonitor(survey, staging, sources, workers, run.expected(), listen)
        ended = "interrupted"
        try:
            ended = _run(run, watch, DownloadWorkers(sources, workers, stop), DuplicateCounter(twins), stop)
        finally:
            run.finish()
            report = watch.end(ended)
    return report


def _run(
    run: RunSettings, watch: DownloadMonitor, crew: DownloadWorkers, doubts: DuplicateCounter, stop: threading.Event
) -> str:
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
            if isinstance(result, ArchiveError):
                return f"stopped: {result.words}"
            if result is not None:
                again = _take_in(result, run, watch, doubts)
                for galaxy in again:
                    crew.give(galaxy)
                under_way += len(again) - 1
            watch.tick()
    return "interrupted"


def _take_in(outcome: Outcome, run: RunSettings, watch: DownloadMonitor, doubts: DuplicateCounter) -> list[Galaxy]:
    """Keep an outcome, or doubt it; the galaxies to be asked for again."""
    doubt = doubts.about(outcome)
    if doubt and not doubt.refused:
        return _again(doubt, run, watch)
    for certain in doubt.refused if doubt else (outcome,):
        was = run.status_of(certain.row)
        run.keep(certain)
        watch.saw(certain, was)
    return []


def _again(doubt: DuplicateOutcome, run: RunSettings, watch: DownloadMonitor) -> list[Galaxy]:
    """Of two galaxies with the same pixels, the one that came, and the other unless it has entered the survey."""
    was = run.status_of(doubt.other.row)
    if not run.take_back(doubt.other.row):
        return [doubt.galaxy]
    watch.lost(was, run.status_of(doubt.other.row))
    return [doubt.galaxy, doubt.other]
