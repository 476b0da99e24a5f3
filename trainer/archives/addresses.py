"""Which addresses may be asked: what an answer links or redirects to is not trusted."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from gz2interp.errors import InputError
from trainer.archives.trouble import Trouble

__all__ = ["Guard"]

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
        Trouble
            It leads elsewhere.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise Trouble("address", f"the service gave an address that is none: {url[:100]!r}") from None
        host = (parts.hostname or "").lower()
        if parts.scheme not in _PORTS or (self._secure and parts.scheme != "https"):
            raise Trouble("address", f"the service leads to {parts.scheme}://{host}, which is not secure")
        if host == self.host and (port == self._port or not self.private):
            return
        if host not in self._allowed:
            raise Trouble("address", f"the service leads to another host, {host}:{port}; only {self.host} may be asked")

    def check_peer(self, host: str, peer: str) -> None:
        """Let a connection pass by the address that it really has.

        Raises
        ------
        Trouble
            It is a loopback or private one, and the configured address is not.
        """
        if not _is_public(peer) and not (host == self.host and self.private):
            raise Trouble("address", f"{host} leads to {peer}, an address of this machine or of a private network")


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:  # a name that cannot be resolved now is told when it is asked
        return set()


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global
