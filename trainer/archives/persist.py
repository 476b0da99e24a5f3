"""Asking until there is an answer, or until there is no point in it."""

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
"""How often the present galaxy has been asked for, for whoever wants to write it down."""

_MOST_HOLDS: Final = 100

Answer = TypeVar("Answer")


def persist(attempt: Callable[[], Answer], service: Service, left: Callable[[], int] = lambda: 0) -> Answer:
    """Try until it works, at most `Limits.tries` times without progress, with growing pauses drawn at random.

    Parameters
    ----------
    attempt : callable
        Raises `ArchiveError` where it fails.
    service : Service
    left : callable, optional
        How many parts of the answer are still lacking; getting one of them is progress.

    Notes
    -----
    Pauses double, and each is drawn between half and all of its length, so that workers that failed together do not
    come back together. What is not the galaxy's fault is not counted against it: an attempt that fails while the
    service is down, or that the service asked to put off.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: given up, and why.
    ArchiveError
        The service has been down for longer than the patience allows.
    Stopped
        The run is being ended.
    """
    patience = _AttemptCounter(service, left)
    while True:
        try:
            return attempt()
        except ArchiveError as trouble:
            if trouble.kind == "down":
                raise
            if trouble.lasting:
                raise CutoutUnavailable("failed", trouble.words) from None
            pause = patience.after(trouble)
        if service.stop.wait(pause):
            raise Stopped


class _AttemptCounter:
    """Counts what counts against one galaxy at one service."""

    def __init__(self, service: Service, left: Callable[[], int]) -> None:
        self._service, self._left, self._lacking = service, left, left()
        self._failures = self._holds = 0
        self._doubtful = 0  # of them, those that may turn out to be an outage's
        self._times_down = service.breaker.times_down
        self._words = Counter[str]()

    def after(self, trouble: ArchiveError) -> float:
        """The pause after a failure [s].

        Raises
        ------
        CutoutUnavailable
            It was one too many.
        """
        limits, breaker = self._service.limits, self._service.breaker
        if trouble.kind == "held" and self._holds < _MOST_HOLDS:
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
            raise CutoutUnavailable("failed", f"gave up after {limits.tries} tries: {self._mostly}")
        TRIES.set(TRIES.get() + 1)
        longest: float = min(limits.backoff * 2.0 ** (self._failures - 1), limits.longest_backoff)
        return longest * random.uniform(0.5, 1.0)

    @property
    def _mostly(self) -> str:
        """What was met most often: which failure came last is chance, and the reason shall be the galaxy's own."""
        return min(self._words, key=lambda words: (-self._words[words], words))
