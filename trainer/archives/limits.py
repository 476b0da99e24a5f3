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
    """A failed request, or an answer that does not match the request.

    Parameters
    ----------
    kind : str
        Failures of the service: ``"timeout"``, ``"connection"``, ``"busy"``, ``"server"``, ``"down"``, and ``"held"``
        (Retry-After); of the request: ``"passing"``, ``"refused"``; of the answer: ``"answer"``, ``"blank"``, and
        ``"address"`` (a redirect to another host, such as a captive portal).
    words : str
        Description for the user.
    """

    def __init__(self, kind: str, words: str) -> None:
        self.kind, self.words = kind, words
        super().__init__(words)

    @property
    def of_service(self) -> bool:
        """Whether it concerns the service rather than one galaxy."""
        return self.kind in ("timeout", "connection", "busy", "server", "held")

    @property
    def lasting(self) -> bool:
        """Whether the same request would fail again."""
        return self.kind == "refused"


class Stopped(BaseException):
    """The run is being stopped. No `Exception`, so that handlers of failures do not catch it."""


@dataclass(frozen=True)
class Limits:
    """Limits for each host.

    Attributes
    ----------
    workers : int
        Galaxies requested at the same time.
    rate : float
        Requests per second; 0 lifts the limit.
    tries : int
        Attempts per galaxy, not counting those while the service is down.
    connect, read, whole : float
        Time limits of one request [s]: to connect, between two parts of the answer, and in total.
    most_bytes : int
        Size limit of one answer, after decompression.
    backoff, longest_backoff : float
        First and longest pause after a failure [s]; pauses double, each drawn between half and all of its length.
    down_after : int
        Consecutive failures of the service, over all workers, after which it counts as down; 0 for the number of
        workers, at least six.
    longest_pause : float
        Longest interval between two tests whether the service is up again [s].
    longest_hold : float
        Longest Retry-After that is honoured in full [s].
    patience : float
        Longest time a service may stay down before another source is used, or the run ends [s].
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
            raise InputError(f"{self.workers} workers were requested", "1 to 64: archives are shared resources")
        if self.rate < 0 or self.tries < 1:
            raise InputError(f"A rate of {self.rate:g} and {self.tries} tries were given", "A rate of 0 or more, a try")
        if min(self.connect, self.read, self.whole) <= 0:
            raise InputError("A time limit of 0 was given", "Seconds above 0: an answer that never comes must end")

    @property
    def failures_until_down(self) -> int:
        """Consecutive failures after which the service counts as down."""
        return self.down_after or max(self.workers, 6)


_CATCH_UP = 2.0
"""Intervals that a late worker may catch up on, so that the rate is reached without bursts."""


class RateLimiter:
    """Spaces the requests to a host.

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
        """Wait until the next request may be sent.

        Raises
        ------
        Stopped
            The run is being stopped.
        """
        at = -1.0
        while (
            at < self._held_until
        ):  # also for turns assigned before the hold, which would otherwise all follow at its end
            with self._lock:
                at = max(self._next, time.monotonic() - _CATCH_UP * self._interval, self._held_until)
                self._next = at + self._interval
            self._stop.wait(max(at - time.monotonic(), 0.0))
            if self._stop.is_set():
                raise Stopped

    def hold(self, seconds: float) -> None:
        """Send no request for some seconds (Retry-After)."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    @property
    def held_for(self) -> float:
        """Remaining seconds of the hold."""
        return max(self._held_until - time.monotonic(), 0.0)


_log = logging.getLogger(__name__)
_FIRST_PAUSE = 2.0


class CircuitBreaker:
    """A circuit breaker for one service (Nygard, *Release It!*, 2007): closed, open, or half open.

    Parameters
    ----------
    name : str
        Name of the service, for the log.
    stop : Event
        Ends every wait.
    """

    def __init__(self, name: str, limits: Limits, stop: threading.Event) -> None:
        self._name, self._limits, self._stop = name, limits, stop
        self._lock = threading.Condition()
        self._failures, self._pause = 0, _FIRST_PAUSE
        self.times_down = 0
        self._since = self._until = 0.0
        self._tester: int | None = None  # the thread that tests the service
        self._words = ""

    @property
    def is_open(self) -> bool:
        """Whether the service counts as down."""
        return self._since > 0

    @property
    def down_for(self) -> float:
        """How long the service has been down [s]."""
        since = self._since
        return time.monotonic() - since if since else 0.0

    @property
    def words(self) -> str:
        """The last failure; empty while the service is up."""
        return self._words if self.is_open else ""

    @property
    def is_closed_to_this_thread(self) -> bool:
        """Whether the service is down and this thread is not the one that tests it."""
        return self.is_open and self._tester != threading.get_ident()

    def claim(self) -> bool:
        """Make this thread the one that tests the service, if a test is due and no other thread runs it."""
        with self._lock:
            due = self.is_open and self._tester is None and time.monotonic() >= self._until
            if due:
                self._tester = threading.get_ident()
            return due

    def wait(self) -> None:
        """Return at once while the service is up; while it is down, only for the thread that tests it.

        Raises
        ------
        ArchiveError
            The service has been down for longer than `Limits.patience`.
        Stopped
            The run is being stopped.
        """
        with self._lock:
            while self.is_open and self._tester != threading.get_ident():
                if self._stop.is_set():
                    raise Stopped
                left = self._until - time.monotonic()
                if left <= 0 and self._tester is None:
                    self._tester = threading.get_ident()
                    return
                if self.down_for > self._limits.patience:
                    raise ArchiveError("down", f"{self._name} is down ({self._words})")
                self._lock.wait(min(max(left, 0.05), 0.5))

    def succeeded(self) -> None:
        """Record an answer: the service is up."""
        if not self._failures and not self.is_open:
            return
        with self._lock:
            if self.is_open:
                _log.info("%s is back after %.0f seconds", self._name, self.down_for)
            self._failures, self._pause, self._since, self._tester = 0, _FIRST_PAUSE, 0.0, None
            self._lock.notify_all()

    def failed(self, words: str) -> None:
        """Record a failure of the service."""
        with self._lock:
            self._failures += 1
            if not self.is_open and self._failures < self._limits.failures_until_down:
                return
            testing = self._tester == threading.get_ident()
            if self.is_open and not testing:
                return  # a request from before the service went down
            if not self.is_open:
                self._since = time.monotonic()
                self.times_down += 1
            self._words, self._tester = words, None
            self._until = time.monotonic() + self._pause * random.uniform(0.8, 1.2)
            _log.warning("%s is down (%s). Trying again in %.0f seconds", self._name, words, self._pause)
            self._pause = min(2 * self._pause, self._limits.longest_pause)
            self._lock.notify_all()

    def abandoned(self) -> None:
        """End a test without a result; another thread may test next."""
        with self._lock:
            if self._tester == threading.get_ident():
                self._tester = None
                self._lock.notify_all()
