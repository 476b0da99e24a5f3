"""How often one host is asked: evenly, at most so many times a second, and not before it says so."""

from __future__ import annotations

import threading
import time

from trainer.archives.trouble import Stopped

__all__ = ["Pace"]

_CATCH_UP = 2.0
"""Intervals that a late worker may make good, so that the wanted rate is reached and never exceeded by a burst."""


class Pace:
    """Gives out the moments at which a host may be asked.

    Parameters
    ----------
    rate : float
        Requests per second; 0 for no limit.
    stop : Event
        Ends every wait.
    """

    def __init__(self, rate: float, stop: threading.Event) -> None:
        self._interval = 1.0 / rate if rate > 0 else 0.0
        self._stop, self._lock = stop, threading.Lock()
        self._next = self._held_until = 0.0

    def wait(self) -> None:
        """Return when the next request may go out.

        Raises
        ------
        Stopped
            The run is being ended.
        """
        at = -1.0
        while at < self._held_until:  # also a turn that was given before the hold: else all come at once when it ends
            with self._lock:
                at = max(self._next, time.monotonic() - _CATCH_UP * self._interval, self._held_until)
                self._next = at + self._interval
            self._stop.wait(max(at - time.monotonic(), 0.0))
            if self._stop.is_set():
                raise Stopped

    def hold(self, seconds: float) -> None:
        """Ask nothing for so long: what Retry-After wants."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    @property
    def held_for(self) -> float:
        """Seconds that the host still wants to be left alone."""
        return max(self._held_until - time.monotonic(), 0.0)
