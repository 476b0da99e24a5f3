"""Reproducible random faults of simulated archives."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["LASTING", "TRANSIENT", "Faults"]

TRANSIENT: Final = {
    "reset": 0.03,
    "429": 0.005,
    "500": 0.03,
    "503": 0.03,
    "page": 0.03,
    "truncated": 0.03,
    "empty": 0.02,
    "zeros": 0.02,
    "constant": 0.01,
    "nan": 0.01,
    "wrong place": 0.03,
    "wrong band": 0.02,
    "wrong shape": 0.01,
    "empty list": 0.02,
    "duplicate": 0.02,
    "twin": 0.01,
    "drip": 0.003,
    "slow head": 0.002,
    "hang": 0.003,
    "elsewhere": 0.005,
}
"""Transient faults, by the fraction of affected galaxies."""

LASTING: Final = {"500": 0.004, "page": 0.004, "truncated": 0.004, "wrong place": 0.004, "zeros": 0.004, "nan": 0.002}
"""Permanent faults, by the fraction of affected galaxies."""


@dataclass
class Faults:
    """Faults of each galaxy, drawn from (seed, position), so that a test knows the expected outcome.

    Attributes
    ----------
    transient, lasting : mapping
        Fraction of affected galaxies by fault. A transient fault spoils the first one or two answers to a request.
    outage : (int, float), optional
        Number of requests after which all are refused, and the duration [s].
    patience : float
        Duration of hanging and dripping answers [s].
    """

    seed: int = 0
    transient: Mapping[str, float] = field(default_factory=lambda: TRANSIENT)
    lasting: Mapping[str, float] = field(default_factory=lambda: LASTING)
    outage: tuple[int, float] | None = None
    patience: float = 30.0
    _left: dict[tuple[str, str], int] = field(default_factory=dict)
    _began: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def permanent(self, place: str) -> str:
        """The permanent fault of a galaxy; "" for none."""
        return self._draw("lasting", place, self.lasting)

    def temporary(self, place: str) -> str:
        """The transient fault of a galaxy; "" for none."""
        return self._draw("transient", place, self.transient)

    def next_fault(self, place: str, band: str) -> str:
        """The fault of the next answer for a band of a galaxy (``""`` for its list of images)."""
        if permanent := self.permanent(place):
            return permanent
        fault = self.temporary(place)
        # The list of images has separate faults.
        of_list = fault == "empty list" or (
            fault in ("500", "503", "429", "reset") and self._share("list", place) < 0.5
        )
        if not fault or of_list != (band == ""):
            return ""
        if band and self._share("band", place + band) > 0.5:
            return ""
        with self._lock:
            left = self._left.setdefault((place, band), 1 + int(self._share("times", place) * 2))
            self._left[place, band] = left - 1
        return fault if left > 0 else ""

    def out(self, requests: int) -> bool:
        """Whether the service is down at this request."""
        if self.outage is None or requests < self.outage[0]:
            return False
        self._began = self._began or time.monotonic()
        return time.monotonic() - self._began < self.outage[1]

    def _draw(self, what: str, place: str, shares: Mapping[str, float]) -> str:
        at = self._share(what, place)
        for fault, share in shares.items():
            at -= share
            if at < 0:
                return fault
        return ""

    def _share(self, what: str, key: str) -> float:
        digest = hashlib.blake2b(f"{self.seed} {what} {key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
