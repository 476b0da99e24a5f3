"""Repeated attempts at a request, with random exponential backoff."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

from gz2interp.errors import CutoutUnavailable
from trainer.archives.limits import ArchiveError, Stopped
from trainer.archives.service import Service

__all__ = ["TRIES", "persist"]

TRIES: Final = ContextVar("tries", default=1)
"""Attempts made for the present galaxy, recorded in its status."""

_MAX_HOLDS: Final = 100

Answer = TypeVar("Answer")


def persist(attempt: Callable[[], Answer], service: Service, left: Callable[[], int] = lambda: 0) -> Answer:
    """Repeat an attempt until it succeeds, at most `Limits.tries` times without progress, with growing random pauses.

    Parameters
    ----------
    attempt : callable
        Raises `ArchiveError` on failure.
    left : callable, optional
        Number of missing parts of the answer; a decrease is progress.

    Notes
    -----
    Pauses double, and each is drawn between half and all of its length, so that workers that failed together do not
    retry together. Attempts that fail while the service is down, or that the service deferred (Retry-After), do not
    count.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``, with the most frequent failure.
    ArchiveError
        The service has been down for longer than the patience allows.
    Stopped
        The run is being stopped.
    """
    counter = _AttemptCounter(service, left)
    while True:
        try:
            return attempt()
        except ArchiveError as trouble:
            if trouble.kind == "down":
                raise
            if trouble.lasting:
                raise CutoutUnavailable("failed", trouble.words) from None
            pause = counter.pause_after(trouble)
        if service.stop.wait(pause):
            raise Stopped


class _AttemptCounter:
    """Counts the failed attempts for one galaxy at one service."""

    def __init__(self, service: Service, left: Callable[[], int]) -> None:
        self._service, self._left, self._lacking = service, left, left()
        self._failures = self._holds = 0
        self._doubtful = 0  # failures that may turn out to belong to an outage
        self._times_down = service.breaker.times_down
        self._words = Counter[str]()

    def pause_after(self, trouble: ArchiveError) -> float:
        """Count a failure and return the pause that follows [s].

        Raises
        ------
        CutoutUnavailable
            The number of tries is exhausted.
        """
        limits, breaker = self._service.limits, self._service.breaker
        if trouble.kind == "held" and self._holds < _MAX_HOLDS:
            self._holds += 1
            return 0.0
        if breaker.times_down != self._times_down:
            self._failures -= self._doubtful
            self._doubtful, self._times_down = 0, breaker.times_down
        if trouble.of_service and breaker.is_open:
            return 0.0
        if self._left() != self._lacking:
            self._failures, self._doubtful, self._lacking = 0, 0, self._left()
        self._failures += 1
        self._doubtful = self._doubtful + 1 if trouble.of_service else 0
        self._words[trouble.words] += 1
        if self._failures >= limits.tries:
            raise CutoutUnavailable("failed", f"gave up after {limits.tries} tries: {self._most_frequent}")
        TRIES.set(TRIES.get() + 1)
        longest: float = min(limits.backoff * 2.0 ** (self._failures - 1), limits.longest_backoff)
        return longest * random.uniform(0.5, 1.0)

    @property
    def _most_frequent(self) -> str:
        """The most frequent failure, which unlike the last one does not depend on timing."""
        return min(self._words, key=lambda words: (-self._words[words], words))
