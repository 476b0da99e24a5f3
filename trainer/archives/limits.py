"""Limits and errors of requests to a service: rate limiter, time-outs and circuit breaker."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass

from gz2interp.errors import InputError

__all__ = ["ArchiveError", "CircuitBreaker", "Limits", "RateLimiter", "Stopped"]


class ArchiveError(Exception):
    """An answer that did not come, or is not what was asked for.

    Parameters
    ----------
    kind : str
        One word for counting. Of the service: ``"timeout"``, ``"connection"``, ``"busy"``, ``"server"``, ``"down"``;
        it asked to wait: ``"held"``; of this question: ``"passing"``, ``"refused"``; of this answer: ``"answer"``,
        ``"blank"``, and ``"address"``, which leads elsewhere, as the page of a hotel's network does.
    words : str
        What happened, in plain words.
    """

    def __init__(self, kind: str, words: str) -> None:
        self.kind, self.words = kind, words
        super().__init__(words)

    @property
    def of_service(self) -> bool:
        """Whether it says something of the service, and not of the one galaxy."""
        return self.kind in ("timeout", "connection", "busy", "server", "held")

    @property
    def lasting(self) -> bool:
        """Whether asking again would give the same."""
        return self.kind == "refused"


class Stopped(BaseException):
    """The run is being ended: whoever waits or asks lets go. It is no `Exception`: nothing takes it for an answer."""


@dataclass(frozen=True)
class Limits:
    """Limits for each host.

    Attributes
    ----------
    workers : int
        Galaxies that are asked for at the same time.
    rate : float
        Requests per second; 0 lifts the limit.
    tries : int
        After how many a galaxy is given up. Tries while the service is down do not count.
    connect, read, whole : float
        Time limits of one request [s]: until the connection stands, between two pieces of the answer, and in all.
    most_bytes : int
        Of one answer, after decompression.
    backoff, longest_backoff : float
        The first pause after a failure and the longest [s]; each is doubled, and drawn between half and all of it.
    down_after : int
        Failures of the service in a row, over all workers, after which it counts as down; 0 for one a worker, six at
        least.
    longest_pause : float
        Between two questions whether a service that was down is back [s].
    longest_hold : float
        The longest Retry-After that is waited for as asked [s].
    patience : float
        How long a service may stay down before another source is asked, or the run ends [s].
    """

    workers: int = 8
    rate: float = 8.0
    tries: int = 6
    connect: float = 10.0
    read: float = 30.0
    whole: float = 120.0
    most_bytes: int = 64 * 2**20
    backoff: float = 1.0
    longest_backoff: float = 60.0
    down_after: int = 0
    longest_pause: float = 300.0
    longest_hold: float = 3600.0
    patience: float = 24 * 3600.0

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 64:
            raise InputError(f"{self.workers} workers were asked for", "1 to 64: archives are shared by everybody")
        if self.rate < 0 or self.tries < 1:
            raise InputError(f"A rate of {self.rate:g} and {self.tries} tries were given", "A rate of 0 or more, a try")
        if min(self.connect, self.read, self.whole) <= 0:
            raise InputError("A time limit of 0 was given", "Seconds above 0: an answer that never comes must end")

    @property
    def failures_until_down(self) -> int:
        """How many failures in a row mean that the service is down."""
        return self.down_after or max(self.workers, 6)


_CATCH_UP = 2.0
"""Intervals that a late worker may make good, so that the wanted rate is reached and never exceeded by a burst."""


class RateLimiter:
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


_log = logging.getLogger(__name__)
_FIRST_PAUSE = 2.0


class CircuitBreaker:
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
        ArchiveError
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
                    raise ArchiveError("down", f"{self._name} is down ({self._words})")
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
