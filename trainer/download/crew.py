"""The workers: each takes a galaxy, asks one source after the other, and hands back what came of it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from typing import Final

from gz2interp.errors import CutoutUnavailable, StorageError
from gz2interp.results import Galaxy
from trainer.archives.persist import TRIES
from trainer.archives.trouble import Stopped, Trouble
from trainer.download.staging import Outcome
from trainer.sources import Source

__all__ = ["Crew", "ask"]

_log = logging.getLogger(__name__)
_GRACE: Final = 2.0


class Crew:
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
        self._tasks, self._results = queue.SimpleQueue[Galaxy | None](), queue.SimpleQueue[Outcome | Trouble]()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self.room = 2 * workers

    def __enter__(self) -> Crew:
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

    def next(self, seconds: float) -> Outcome | Trouble | None:
        """What came next; None if nothing came for so long.

        A `Trouble` says that the last source stayed down for too long.
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
            except Trouble as trouble:
                self._results.put(trouble)
            except StorageError as error:  # the disk of the cache is full: it would be of every galaxy
                self._results.put(Trouble("disk", str(error)))


def ask(sources: Sequence[Source], galaxy: Galaxy) -> Outcome:
    """Ask one source after the other until one has an image.

    Raises
    ------
    Trouble
        The last source is down, and stayed so for longer than the patience allows.
    """
    TRIES.set(1)
    refusals: list[tuple[str, CutoutUnavailable]] = []
    for place, source in enumerate(sources):
        try:
            return Outcome(galaxy.row, source.fetch(galaxy), source.name, TRIES.get())
        except CutoutUnavailable as error:
            refusals.append((source.name, error))
        except Trouble as trouble:
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
