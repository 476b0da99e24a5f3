"""A service during a run: its addresses and mirrors, its limits, and its state."""

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
    """Lets requests through to a configured service and to hosts that were allowed beside it.

    Parameters
    ----------
    address : str
        The service's, as configured.
    allowed : iterable of str
        Other hosts that it may link or redirect to.

    Notes
    -----
    Loopback, private and otherwise special addresses are asked only where the configured address is itself one, and
    then only at its own port; this is checked on the address that the connection really has, so that a name that
    suddenly stands for another machine does not help. A service configured with https is not asked without.

    Raises
    ------
    InputError
        The address is not one of http or https.
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
            self._private = any(not _is_public(found) for found in _addresses(self.host))
        return self._private

    def check(self, url: str) -> None:
        """Let an address pass.

        Raises
        ------
        ArchiveError
            It leads elsewhere.
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
                "address", f"the service leads to another host, {host}:{port}; only {self.host} may be asked"
            )

    def check_peer(self, host: str, peer: str) -> None:
        """Let a connection pass by the address that it really has.

        Raises
        ------
        ArchiveError
            It is a loopback or private one, and the configured address is not.
        """
        if not _is_public(peer) and not (host == self.host and self.private):
            raise ArchiveError("address", f"{host} leads to {peer}, an address of this machine or of a private network")


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:  # a name that cannot be resolved now is told when it is asked
        return set()


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


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
        self.pace = RateLimiter(limits.rate, stop)
        self.breaker = CircuitBreaker(f"{name} ({self.guard.host})", limits, stop)
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


_LOOK_AGAIN = 0.25


def available(services: Sequence[Service]) -> Service:
    """The first that is up, or whose turn it is to be asked whether it is back; while there is none, wait.

    Parameters
    ----------
    services : sequence of Service
        In the order of preference.

    Raises
    ------
    ArchiveError
        All have been down for longer than the patience allows.
    Stopped
        The run is being ended.
    """
    while True:
        for service in services:
            if not service.breaker.is_open or service.breaker.claim():
                return service
        if all(service.breaker.down_for > service.limits.patience for service in services):
            told = "; ".join(f"{service.name} is down ({service.breaker.words})" for service in services)
            raise ArchiveError("down", told)
        if services[0].stop.wait(_LOOK_AGAIN):
            raise Stopped


def configured(section: str, item: str) -> str | None:
    """The address in astroquery's configuration file; None where the file says nothing.

    Parameters
    ----------
    section : str
        Such as ``"hips2fits"``.
    item : str
        Such as ``"server"``.

    Notes
    -----
    astroquery lists two addresses of hips2fits and refuses, already while it is imported, a file that gives another.
    So the file is read here, and what it says about that service is kept from astroquery, which is then told directly.
    """
    from astropy.config import get_config

    with warnings.catch_warnings(action="ignore"):
        settings = get_config("astroquery", rootname="astropy")
    value = settings.get(section, {}).get(item)
    if isinstance(value, (list, tuple)):  # several, separated by commas: the first is asked
        value = next(iter(value), None)
    return str(value) if value else None
