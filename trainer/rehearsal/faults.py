"""A bad day, drawn beforehand: what goes wrong for which galaxy, how often, and what it ends as."""

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
"""Faults that pass, by the share of galaxies that meet them."""

LASTING: Final = {"500": 0.004, "page": 0.004, "truncated": 0.004, "wrong place": 0.004, "zeros": 0.004, "nan": 0.002}
"""Faults that stay, whatever is asked."""


@dataclass
class Faults:
    """Draws each galaxy's fate from (seed, position), so that a test knows what must come out.

    Attributes
    ----------
    seed : int
    transient, lasting : mapping
        Fault to the share of galaxies that meet it. One that passes spoils the first one or two answers to one of the
        galaxy's questions.
    outage : (int, float), optional
        After so many requests, every request is refused for so many seconds.
    patience : float
        For how long a hanging answer hangs, and a dripping one drips [s].
    """

    seed: int = 0
    transient: Mapping[str, float] = field(default_factory=lambda: TRANSIENT)
    lasting: Mapping[str, float] = field(default_factory=lambda: LASTING)
    outage: tuple[int, float] | None = None
    patience: float = 30.0
    _left: dict[tuple[str, str], int] = field(default_factory=dict)
    _began: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fate(self, place: str) -> str:
        """The fault that stays with a galaxy; empty for none."""
        return self._drawn("lasting", place, self.lasting)

    def passing(self, place: str) -> str:
        """The fault that a galaxy meets at first; empty for none."""
        return self._drawn("transient", place, self.transient)

    def meet(self, place: str, band: str) -> str:
        """What happens to the next answer about a galaxy's band (``""`` for the list of its images)."""
        if lasting := self.fate(place):
            return lasting
        fault = self.passing(place)
        # A service's list of images has troubles of its own.
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
        """Whether the service is gone at this request."""
        if self.outage is None or requests < self.outage[0]:
            return False
        self._began = self._began or time.monotonic()
        return time.monotonic() - self._began < self.outage[1]

    def _drawn(self, what: str, place: str, shares: Mapping[str, float]) -> str:
        at = self._share(what, place)
        for fault, share in shares.items():
            at -= share
            if at < 0:
                return fault
        return ""

    def _share(self, what: str, key: str) -> float:
        digest = hashlib.blake2b(f"{self.seed} {what} {key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
