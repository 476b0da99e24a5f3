"""The HTTP session that astroquery's requests use: bounded in time, size and hosts."""

from __future__ import annotations

import email.utils
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from html import unescape
from typing import Any, Final

import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from trainer.archives.limits import ArchiveError
from trainer.archives.service import Guard, Service

__all__ = ["BoundedAdapter", "PoliteSession", "plain_words"]


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


_PIECE: Final = 64 * 1024
_MOST_REDIRECTS: Final = 5
_BUSY: Final = (429, 503)
_PASSING: Final = (408, 425, 429)
"""Refusals that mean later, not never."""


class PoliteSession(requests.Session):
    """A session of `requests` for one worker and one service.

    Parameters
    ----------
    service : Service
        Shared by all workers.

    Notes
    -----
    It takes the place of the session that an astroquery service makes for itself, so astroquery builds its requests and
    reads its answers as always. Every request, also each redirect, waits for its turn, and is checked for where it
    leads; every answer is read whole, within the time and the size allowed. TLS is verified, always.
    """

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self.max_redirects = _MOST_REDIRECTS
        self.last = b""
        """The last answer: what it says helps where astroquery makes nothing of it."""
        self.headers["User-Agent"] = "gz2interp (astroquery)"
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter(service.guard, service.limits.whole))

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send one request, and follow where it is led.

        Raises
        ------
        ArchiveError
            Whatever kept a good answer from coming.
        Stopped
            The run is being ended.
        """
        following = kwargs.pop("allow_redirects", True)
        response = self._ask(request, **kwargs)
        if following and response.is_redirect:
            try:
                hops = list(self.resolve_redirects(response, request, **kwargs))
            except requests.TooManyRedirects:
                raise ArchiveError("refused", f"the service redirects more than {_MOST_REDIRECTS} times") from None
            except ValueError:
                raise ArchiveError("address", "the service leads to an address that is none") from None
            response = hops[-1] if hops else response
        return response

    def resolve_redirects(self, *arguments: Any, yield_requests: bool = False, **kwargs: Any) -> Any:
        """As `requests` does it, but for its look ahead at the next address, which reads a body of any size."""
        if not yield_requests:
            yield from super().resolve_redirects(*arguments, **kwargs)

    def _ask(self, request: PreparedRequest, **kwargs: Any) -> Response:
        service = self._service
        service.guard.check(str(request.url))
        service.breaker.wait()
        try:
            service.pace.wait()
            service.note(requests=1)
            response = self._answer(request, **kwargs)
            service.breaker.succeeded()
        except ArchiveError as trouble:
            service.note(trouble=trouble.kind)
            if trouble.of_service:
                service.breaker.failed(trouble.words)
            raise
        finally:
            service.breaker.abandoned()
        self.last = response.content
        return response

    def _answer(self, request: PreparedRequest, **kwargs: Any) -> Response:
        limits = self._service.limits
        ends = time.monotonic() + limits.whole
        kwargs |= {"timeout": (limits.connect, limits.read), "stream": True, "verify": kwargs.get("verify") or True}
        try:
            response = super().send(request, allow_redirects=False, **kwargs)
            try:
                self._read(response, ends)
            finally:
                response.close()
        except (requests.Timeout, ReadTimeoutError) as error:
            part = "connect" if isinstance(error, requests.ConnectTimeout) else "answer"
            seconds = limits.connect if part == "connect" else limits.read
            raise ArchiveError("timeout", f"the service did not {part} within {seconds:g} seconds") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            if time.monotonic() >= ends - 0.05:
                raise _too_slow(limits.whole) from None
            raise ArchiveError("connection", f"the connection failed ({_cause(error)})") from None
        self._refuse(response)
        return response

    def _read(self, response: Response, ends: float) -> None:
        """Take in the answer piece by piece, as the pieces come."""
        limits, pieces, size = self._service.limits, list[bytes](), 0
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > limits.most_bytes:
                raise ArchiveError("answer", f"the answer is larger than {limits.most_bytes / 2**20:.0f} MiB")
            if time.monotonic() > ends:
                raise _too_slow(limits.whole)
        self._service.note(size=size)
        wanted = response.headers.get("Content-Length", "")
        if wanted.isdecimal() and not response.headers.get("Content-Encoding") and size < int(wanted):
            raise ArchiveError("connection", f"the answer broke off after {size} of {wanted} bytes")
        response._content, response._content_consumed = b"".join(pieces), True  # as requests itself keeps it

    def _refuse(self, response: Response) -> None:
        code = response.status_code
        if code < 400:
            return
        hold = _retry_after(response.headers.get("Retry-After", ""))
        if code in _BUSY and hold is not None:
            self._service.pace.hold(min(hold, self._service.limits.longest_hold))
            raise ArchiveError("held", f"the service said {code}: ask again in {hold:.0f} seconds")
        said = plain_words(response.content)
        words = f"the service said {code} {response.reason or ''}".rstrip() + (f": {said}" if said else "")
        if code == 429:
            raise ArchiveError("busy", words)
        raise ArchiveError("server" if code >= 500 else "passing" if code in _PASSING else "refused", words)


def plain_words(content: bytes, most: int = 160) -> str:
    """What a page or a JSON answer says, in one line: its title, or its first words."""
    text = content[:20_000].decode("utf-8", errors="replace")
    told = re.findall(r'"(?:title|description|message)"\s*:\s*"([^"]*)"', text)
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    if told:
        text = ": ".join(told[:2])
    elif title and title[1].strip():
        text = title[1]
    else:
        text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    line = " ".join(unescape(text).split())
    readable = "".join(letter for letter in line if letter.isprintable() and letter != "\N{REPLACEMENT CHARACTER}")
    return readable if len(readable) <= most else readable[: most - 3].rstrip() + "..."


def _retry_after(value: str) -> float | None:
    """Seconds until a service wants to be asked again, which it says as such or as a date."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _too_slow(whole: float) -> ArchiveError:
    return ArchiveError("timeout", f"the answer was not complete within {whole:g} seconds")


def _cause(error: BaseException) -> str:
    """The innermost reason, short: chains of wrapped errors say the same thing five times."""
    while isinstance(reason := getattr(error, "reason", None) or (error.args[0] if error.args else None), Exception):
        error = reason
    words = str(error.args[-1]) if error.args else type(error).__name__
    return words[:120] or type(error).__name__
