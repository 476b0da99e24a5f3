"""How hard a service may be asked, and how long an answer may take."""

from __future__ import annotations

from dataclasses import dataclass

from gz2interp.errors import InputError

__all__ = ["Limits"]


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
