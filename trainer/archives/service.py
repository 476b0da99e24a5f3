"""State of a service during a run: its address, limits and circuit breaker."""

from __future__ import annotations

import ipaddress
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from gz2interp.errors import InputError
from trainer.archives.limits import ArchiveError, CircuitBreaker, Limits, RateLimiter, Stopped

__all__ = ["Guard", "Service", "available", "configured"]


_PORTS = {"http": 80, "https": 443}


class Guard:
    """Restricts requests to a configured service and to explicitly allowed hosts.

    Parameters
    ----------
    address : str
        Configured address of the service.
    allowed : iterable of str
        Other hosts that it may link or redirect to.

    Notes
    -----
    Loopback, private and otherwise special addresses are allowed only if the configured address is one itself, and
    only at its port. This is checked on the peer address of the connection, which prevents DNS rebinding. A service
    configured with https is never contacted without.

    Raises
    ------
    InputError
        The scheme of the address is not http or https.
    """

    def __init__(self, address: str, allowed: Iterable[str] = ()) -> None:
        parts = urlsplit(address)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InputError(f"The address {address!r} was given", "One that begins with https:// or http://")
        self.host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._secure = parts.scheme == "https"
        self._allowed = {name.lower() for name in allowed}
        self._private: bool | None = None

    @property
    def private(self) -> bool:
        """Whether the configured address is on this machine or in a private network."""
        if self._private is None:
            self._private = not all(map(_is_global, _addresses(self.host)))
        return self._private

    def check(self, url: str) -> None:
        """Check a URL.

        Raises
        ------
        ArchiveError
            The host, port or scheme is not allowed.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise ArchiveError("address", f"the service gave an address that is none: {url[:100]!r}") from None
        host = (parts.hostname or "").lower()
        if parts.scheme not in _PORTS or (self._secure and parts.scheme != "https"):
            raise ArchiveError("address", f"the service leads to {parts.scheme}://{host}, which is not secure")
        if host == self.host and (port == self._port or not self.private):
            return
        if host not in self._allowed:
            raise ArchiveError(
                "address", f"the service leads to another host, {host}:{port}; only {self.host} is allowed"
            )

    def check_peer(self, host: str, peer: str) -> None:
        """Check the peer address of a connection.

        Raises
        ------
        ArchiveError
            It is loopback or private, and the configured address is not.
        """
        if not _is_global(peer) and not (host == self.host and self.private):
            raise ArchiveError("address", f"{host} leads to {peer}, an address of this machine or of a private network")


def _addresses(host: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:  # unresolvable names are reported at the request
        return set()


def _is_global(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


class Service:
    """State of one service, shared by all workers.

    Parameters
    ----------
    address : str
        As configured in astroquery.
    stop : Event
        Set to stop the run.
    allowed : iterable of str
        Other hosts that it may link or redirect to.
    """

    def __init__(
        self, name: str, address: str, limits: Limits, stop: threading.Event, allowed: Iterable[str] = ()
    ) -> None:
        self.name, self.address, self.limits, self.stop = name, address, limits, stop
        self.guard = Guard(address, allowed)
        self.rate_limiter = RateLimiter(limits.rate, stop)
        self.breaker = CircuitBreaker(f"{name} ({self.guard.host})", limits, stop)
        self.requests, self.bytes = 0, 0
        self.troubles = Counter[str]()
        self._lock = threading.Lock()

    def note(self, requests: int = 0, size: int = 0, trouble: str = "") -> None:
        """Count requests, bytes and failures."""
        with self._lock:
            self.requests += requests
            self.bytes += size
            if trouble:
                self.troubles[trouble] += 1

    @property
    def state(self) -> str:
        """``"up"``, ``"down"``, or ``"holding"`` (Retry-After)."""
        if self.breaker.is_open:
            return "down"
        return "holding" if self.rate_limiter.held_for > 1.0 else "up"


_POLL_SECONDS = 0.25


def available(services: Sequence[Service]) -> Service:
    """Wait for a service that is up or due for a test, in the order of preference.

    Raises
    ------
    ArchiveError
        All have been down for longer than `Limits.patience`.
    Stopped
        The run is being stopped.
    """
    while True:
        for service in services:
            if not service.breaker.is_open or service.breaker.claim():
                return service
        if all(service.breaker.down_for > service.limits.patience for service in services):
            message = "; ".join(f"{service.name} is down ({service.breaker.words})" for service in services)
            raise ArchiveError("down", message)
        if services[0].stop.wait(_POLL_SECONDS):
            raise Stopped


def configured(section: str, item: str) -> str | None:
    """An address from astroquery's configuration file, such as item ``"server"`` of ``"hips2fits"``; None if not set.

    Notes
    -----
    On import, astroquery rejects a configuration file with any other than its two addresses of hips2fits. So the file
    is read here, and that entry is hidden from astroquery (see `trainer.sources.hips2fits`).
    """
    from astropy.config import get_config

    with warnings.catch_warnings(action="ignore"):
        settings = get_config("astroquery", rootname="astropy")
    value = settings.get(section, {}).get(item)
    if isinstance(value, (list, tuple)):  # several, separated by commas: the first is used
        value = next(iter(value), None)
    return str(value) if value else None
