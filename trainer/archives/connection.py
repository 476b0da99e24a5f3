"""Connections that end in time, and only where they should: what `requests` itself does not promise."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from trainer.archives.addresses import Guard

__all__ = ["BoundedAdapter"]


class BoundedAdapter(HTTPAdapter):
    """Transport with a time limit on the head of an answer, and a look at who really answers.

    Parameters
    ----------
    guard : Guard
    whole : float
        [s]. A time-out of `requests` counts between two pieces: a service that sends one byte a second never meets it.
    """

    def __init__(self, guard: Guard, whole: float) -> None:
        self._guard, self._whole = guard, whole
        super().__init__(pool_connections=4, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make our connections."""
        super().init_poolmanager(*args, **kwargs)
        guard, whole = self._guard, self._whole

        class Plain(_Bounded, HTTPConnection):
            _guard, _whole = guard, whole

        class Secure(_Bounded, HTTPSConnection):
            _guard, _whole = guard, whole

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class _Bounded:
    """What both kinds of connection have in common."""

    _guard: Guard
    _whole: float

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if getattr(self, "proxy", None) is None:  # a proxy was chosen by the user, and stands for the address
            peer = self.sock.getpeername()[0]  # type: ignore[attr-defined]
            try:
                self._guard.check_peer(self.host, peer)  # type: ignore[attr-defined]
            except BaseException:
                self.close()  # type: ignore[attr-defined]
                raise

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        with _cut_after(self._whole, self.sock):  # type: ignore[attr-defined]
            return super().getresponse(*args, **kwargs)  # type: ignore[misc]


@contextmanager
def _cut_after(seconds: float, sock: socket.socket) -> Iterator[None]:
    """Cut a connection that has not done its work in time; whoever reads from it meets its end."""

    def cut() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
