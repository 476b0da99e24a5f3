"""One service as a run knows it: its address, its limits, and how it has behaved."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from trainer.archives.addresses import Guard
from trainer.archives.breaker import Breaker
from trainer.archives.limits import Limits
from trainer.archives.pace import Pace

__all__ = ["Service"]


class Service:
    """What all workers share of one service.

    Parameters
    ----------
    name : str
    address : str
        Where it is asked, as astroquery is configured.
    limits : Limits
    stop : Event
        Set when the run is being ended.
    allowed : iterable of str
        Other hosts that it may link or redirect to.
    """

    def __init__(
        self, name: str, address: str, limits: Limits, stop: threading.Event, allowed: Iterable[str] = ()
    ) -> None:
        self.name, self.address, self.limits, self.stop = name, address, limits, stop
        self.guard = Guard(address, allowed)
        self.pace = Pace(limits.rate, stop)
        self.breaker = Breaker(f"{name} ({self.guard.host})", limits, stop)
        self.requests, self.bytes = 0, 0
        self.troubles = Counter[str]()
        self._lock = threading.Lock()

    def note(self, requests: int = 0, size: int = 0, trouble: str = "") -> None:
        """Count what was asked, and what came of it."""
        with self._lock:
            self.requests += requests
            self.bytes += size
            if trouble:
                self.troubles[trouble] += 1

    @property
    def state(self) -> str:
        """``"up"``, ``"down"``, or ``"holding"`` while it wants to be left alone."""
        if self.breaker.is_open:
            return "down"
        return "holding" if self.pace.held_for > 1.0 else "up"
