"""Asking until there is an answer, or until there is no point in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

from gz2interp.errors import CutoutUnavailable
from trainer.archives.service import Service
from trainer.archives.trouble import Stopped, Trouble

__all__ = ["TRIES", "persist"]

TRIES: Final = ContextVar("tries", default=1)
"""How often the present galaxy has been asked for, for whoever wants to write it down."""

_MOST_HOLDS: Final = 100

Answer = TypeVar("Answer")


def persist(attempt: Callable[[], Answer], service: Service) -> Answer:
    """Try until it works, at most `Limits.tries` times, with growing pauses drawn at random.

    Parameters
    ----------
    attempt : callable
        Raises `Trouble` where it fails.
    service : Service

    Notes
    -----
    Pauses double, and each is drawn between half and all of its length, so that workers that failed together do not
    come back together. What is not the galaxy's fault is not counted against it: an attempt that fails while the
    service is down, or that the service asked to put off.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: given up, and why.
    Trouble
        The service has been down for longer than the patience allows.
    Stopped
        The run is being ended.
    """
    limits, failures, holds = service.limits, 0, 0
    while True:
        try:
            return attempt()
        except Trouble as trouble:
            if trouble.kind == "down":
                raise
            if trouble.lasting:
                raise CutoutUnavailable("failed", trouble.words) from None
            if trouble.kind == "held" and holds < _MOST_HOLDS:
                holds += 1
                continue
            if trouble.of_service and service.breaker.is_open:
                continue
            failures += 1
            TRIES.set(TRIES.get() + 1)
            if failures >= limits.tries:
                TRIES.set(TRIES.get() - 1)
                raise CutoutUnavailable("failed", f"gave up after {failures} tries: {trouble.words}") from None
        pause = min(limits.backoff * 2 ** (failures - 1), limits.longest_backoff) * random.uniform(0.5, 1.0)
        if service.stop.wait(pause):
            raise Stopped
