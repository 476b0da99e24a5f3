"""Download loop and its workers: resumable and concurrent over any sources."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final

from gz2interp.errors import CutoutUnavailable, StorageError
from gz2interp.results import Galaxy
from gz2interp.stores.files import storage_errors
from gz2interp.stores.survey import Survey
from trainer.archives.limits import ArchiveError, Stopped
from trainer.archives.persist import TRIES
from trainer.download.duplicates import DuplicateCounter, DuplicateOutcome, ImageFingerprints
from trainer.download.report import Report
from trainer.download.runs import DownloadRun, NewRows, OutcomeStore, Retry
from trainer.download.staging import Outcome, Staging
from trainer.download.watch import DownloadMonitor
from trainer.sources import Source

__all__ = ["DownloadWorkers", "download", "fetch_from"]


_log = logging.getLogger(__name__)
_GRACE: Final = 2.0


class DownloadWorkers:
    """Worker threads that fetch galaxies; at most two galaxies per worker are in progress.

    Parameters
    ----------
    sources : sequence of Source
        In the order of use: the next is used if one has no image.
    stop : Event
        Set on exit, which ends all waits for a service.
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
        # Do not wait for requests in progress: their results are not used.
        for thread in self._threads:
            thread.join(_GRACE / len(self._threads))

    def submit(self, galaxy: Galaxy) -> None:
        """Queue a galaxy; check `room` before."""
        self.room -= 1
        self._tasks.put(galaxy)

    def next(self, seconds: float) -> Outcome | ArchiveError | None:
        """The next result, or None after a time-out; an `ArchiveError` if the last source stayed down for too long."""
        try:
            result = self._results.get(timeout=seconds)
        except queue.Empty:
            return None
        self.room += 1
        return result

    def _work(self) -> None:
        while (galaxy := self._tasks.get()) is not None and not self._stop.is_set():
            try:
                self._results.put(fetch_from(self._sources, galaxy))
            except Stopped:
                return
            except ArchiveError as trouble:
                self._results.put(trouble)
            except StorageError as error:  # the disk of the cache is full, which affects every galaxy
                self._results.put(ArchiveError("disk", str(error)))


def fetch_from(sources: Sequence[Source], galaxy: Galaxy) -> Outcome:
    """Fetch a galaxy from the first source that has an image of it.

    Raises
    ------
    ArchiveError
        The last source stayed down for longer than `Limits.patience`.
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
        except Exception as error:  # one galaxy must not end the run; the log keeps the traceback
            _log.exception("Internal error while fetching galaxy %s from %s", galaxy.galaxy_id, source.name)
            reason = f"an internal error of gz2interp ({type(error).__name__}: {error}); please report it"
            refusals.append((source.name, CutoutUnavailable("failed", reason)))
    return Outcome(galaxy.row, _combine(refusals), refusals[-1][0], TRIES.get())


def _combine(refusals: Sequence[tuple[str, CutoutUnavailable]]) -> CutoutUnavailable:
    """Combine refusals: failed if any source may still succeed, out of footprint only if it is so for all."""
    if len(refusals) == 1:
        return refusals[0][1]
    statuses = [error.status for _, error in refusals]
    status = next((status for status in ("failed", "missing") if status in statuses), statuses[0])
    return CutoutUnavailable(status, "; ".join(f"{name}: {error.reason}" for name, error in refusals))


_TICK = 0.5


def download(
    survey: Survey,
    sources: Sequence[Source],
    *,
    workers: int = 8,
    stop: threading.Event | None = None,
    retry: Collection[str] = (),
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Fetch all missing galaxies of a survey, or retry those without an image.

    Parameters
    ----------
    sources : sequence of Source
        In the order of use: the next is used if one has no image.
    workers : int
        Number of galaxies in progress at the same time.
    stop : Event, optional
        The event shared with the sources; setting it ends the run.
    retry : collection of str
        Request only galaxies with these statuses, and replace their outcomes.
    progress : callable, optional
        Called twice a second with the present report.

    Returns
    -------
    Report
        Also written to ``download/report.json`` in the survey during the run.

    Notes
    -----
    An outcome is written to disk before it is counted. It is staged until all earlier rows have an outcome, and then
    appended to the survey with its shard. A killed process loses only galaxies in progress, and interruptions do not
    change the resulting survey, provided that the services give the same answers.

    Two galaxies returned with the same pixels are both requested again; if these remain identical, both fail.

    Raises
    ------
    SurveyLocked
        Another process is writing the survey.
    """
    stop = stop or threading.Event()
    beside = survey.path / "download" / "staged.sqlite"
    with (
        storage_errors(survey.path),
        survey.writer() as writer,
        Staging(beside) as staging,
        ImageFingerprints(survey) as fingerprints,
    ):
        store = OutcomeStore(survey, writer, staging, fingerprints)
        run = Retry(store, retry) if retry else NewRows(store)
        monitor = DownloadMonitor(survey, staging, sources, workers, run.expected(), progress)
        ended = "interrupted"
        try:
            ended = _run(run, monitor, DownloadWorkers(sources, workers, stop), DuplicateCounter(fingerprints), stop)
        finally:
            run.finish()
            report = monitor.end(ended)
    return report


def _run(
    run: DownloadRun,
    monitor: DownloadMonitor,
    workers: DownloadWorkers,
    duplicates: DuplicateCounter,
    stop: threading.Event,
) -> str:
    """Submit galaxies and store outcomes until all are done, or the run is stopped; returns the final state."""
    waiting, in_progress, left = run.galaxies(), 0, True
    with workers:
        while not stop.is_set():
            while left and workers.room > 0:
                galaxy = next(waiting, None)
                left = galaxy is not None
                if galaxy is not None:
                    workers.submit(galaxy)
                    in_progress += 1
            if not left and not in_progress:
                return "finished"
            result = workers.next(_TICK)
            if isinstance(result, ArchiveError):
                return f"stopped: {result.words}"
            if result is not None:
                repeated = _store(result, run, monitor, duplicates)
                for galaxy in repeated:
                    workers.submit(galaxy)
                in_progress += len(repeated) - 1
            monitor.tick()
    return "interrupted"


def _store(outcome: Outcome, run: DownloadRun, monitor: DownloadMonitor, duplicates: DuplicateCounter) -> list[Galaxy]:
    """Store an outcome unless its image is a duplicate; returns the galaxies to request again."""
    duplicate = duplicates.check(outcome)
    if duplicate and not duplicate.refused:
        return _withdraw(duplicate, run, monitor)
    for final in duplicate.refused if duplicate else (outcome,):
        previous = run.status_of(final.row)
        run.store(final)
        monitor.add(final, previous)
    return []


def _withdraw(duplicate: DuplicateOutcome, run: DownloadRun, monitor: DownloadMonitor) -> list[Galaxy]:
    """Withdraw the earlier of two identical outcomes if it is only staged; returns the galaxies to request again."""
    previous = run.status_of(duplicate.other.row)
    if not run.withdraw(duplicate.other.row):
        return [duplicate.galaxy]
    monitor.remove(previous, run.status_of(duplicate.other.row))
    return [duplicate.galaxy, duplicate.other]
