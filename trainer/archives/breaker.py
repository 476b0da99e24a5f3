"""When a service is down: everybody waits, one asks now and then whether it is back."""

from __future__ import annotations

import logging
import random
import threading
import time

from trainer.archives.limits import Limits
from trainer.archives.trouble import Stopped, Trouble

__all__ = ["Breaker"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 2.0


class Breaker:
    """A circuit breaker for one service (Nygard, *Release It!*, 2007): closed, open, and one question while half open.

    Parameters
    ----------
    name : str
        Of the service, for the log.
    limits : Limits
    stop : Event
        Ends every wait.
    """

    def __init__(self, name: str, limits: Limits, stop: threading.Event) -> None:
        self._name, self._limits, self._stop = name, limits, stop
        self._lock = threading.Condition()
        self._failures, self._pause = 0, _FIRST_PAUSE
        self.times_down = 0
        self._since = self._until = 0.0
        self._asking: int | None = None  # the thread that finds out
        self._words = ""

    @property
    def is_open(self) -> bool:
        """Whether the service counts as down."""
        return self._since > 0

    @property
    def down_for(self) -> float:
        """For how long it has been down [s]."""
        since = self._since
        return time.monotonic() - since if since else 0.0

    @property
    def words(self) -> str:
        """What it failed with last; empty while it is up."""
        return self._words if self.is_open else ""

    @property
    def is_closed_to_me(self) -> bool:
        """Whether it is down, and another thread or none finds out whether it is back."""
        return self.is_open and self._asking != threading.get_ident()

    def claim(self) -> bool:
        """Become the thread that finds out whether it is back, if it is time for that and nobody else does."""
        with self._lock:
            due = self.is_open and self._asking is None and time.monotonic() >= self._until
            if due:
                self._asking = threading.get_ident()
            return due

    def wait(self) -> None:
        """Return at once while the service is up; while it is down, for one thread at a time and only now and then.

        Raises
        ------
        Trouble
            It has been down for longer than the patience allows.
        Stopped
            The run is being ended.
        """
        with self._lock:
            while self.is_open and self._asking != threading.get_ident():
                if self._stop.is_set():
                    raise Stopped
                left = self._until - time.monotonic()
                if left <= 0 and self._asking is None:
                    self._asking = threading.get_ident()
                    return
                if self.down_for > self._limits.patience:
                    raise Trouble("down", f"{self._name} is down ({self._words})")
                self._lock.wait(min(max(left, 0.05), 0.5))

    def succeeded(self) -> None:
        """An answer came: the service is up."""
        if not self._failures and not self.is_open:
            return
        with self._lock:
            if self.is_open:
                _log.info("%s is back after %.0f seconds", self._name, self.down_for)
            self._failures, self._pause, self._since, self._asking = 0, _FIRST_PAUSE, 0.0, None
            self._lock.notify_all()

    def failed(self, words: str) -> None:
        """No answer came, for a reason that is the service's."""
        with self._lock:
            self._failures += 1
            if not self.is_open and self._failures < self._limits.failures_until_down:
                return
            mine = self._asking == threading.get_ident()
            if self.is_open and not mine:
                return  # an answer to a question from before it went down
            if not self.is_open:
                self._since = time.monotonic()
                self.times_down += 1
            self._words, self._asking = words, None
            self._until = time.monotonic() + self._pause * random.uniform(0.8, 1.2)
            _log.warning("%s is down (%s). Asking again in %.0f seconds", self._name, words, self._pause)
            self._pause = min(2 * self._pause, self._limits.longest_pause)
            self._lock.notify_all()

    def abandoned(self) -> None:
        """The question whether it is back ended without saying so; somebody else asks."""
        with self._lock:
            if self._asking == threading.get_ident():
                self._asking = None
                self._lock.notify_all()
