"""HTTP session for astroquery with limits on time, size and hosts."""

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
    """Transport adapter with a time limit on response headers and a check of the peer address.

    Parameters
    ----------
    whole : float
        Time limit [s]. The time-out of `requests` applies to each part: one byte per second would never exceed it.
    """

    def __init__(self, guard: Guard, whole: float) -> None:
        self._guard, self._whole = guard, whole
        super().__init__(pool_connections=4, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create pools of bounded connections."""
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
    """Mixin of both connection classes."""

    _guard: Guard
    _whole: float

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if getattr(self, "proxy", None) is None:  # a proxy is the user's choice and hides the peer
            peer = self.sock.getpeername()[0]  # type: ignore[attr-defined]
            try:
                self._guard.check_peer(self.host, peer)  # type: ignore[attr-defined]
            except BaseException:
                self.close()  # type: ignore[attr-defined]
                raise

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        with _close_after(self._whole, self.sock):  # type: ignore[attr-defined]
            return super().getresponse(*args, **kwargs)  # type: ignore[misc]


@contextmanager
def _close_after(seconds: float, sock: socket.socket) -> Iterator[None]:
    """Shut down a connection after a time limit, which ends any read from it."""

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


_CHUNK_BYTES: Final = 64 * 1024
_MAX_REDIRECTS: Final = 5
_BUSY: Final = (429, 503)
_TEMPORARY: Final = (408, 425, 429)
"""Refusals that are temporary."""


class PoliteSession(requests.Session):
    """A session of `requests` for one worker and one service.

    Notes
    -----
    It replaces the session of an astroquery client, which builds its requests and parses its answers as usual. Every
    request, including redirects, is rate limited and checked for its host; every answer is read completely within the
    limits of time and size. TLS is always verified.
    """

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self.max_redirects = _MAX_REDIRECTS
        self.last = b""
        """Content of the last answer, for error messages where astroquery cannot parse it."""
        self.headers["User-Agent"] = "gz2interp (astroquery)"
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter(service.guard, service.limits.whole))

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send a request and follow its redirects.

        Raises
        ------
        ArchiveError
            The request failed.
        Stopped
            The run is being stopped.
        """
        following = kwargs.pop("allow_redirects", True)
        response = self._ask(request, **kwargs)
        if following and response.is_redirect:
            try:
                hops = list(self.resolve_redirects(response, request, **kwargs))
            except requests.TooManyRedirects:
                raise ArchiveError("refused", f"the service redirects more than {_MAX_REDIRECTS} times") from None
            except ValueError:
                raise ArchiveError("address", "the service leads to an address that is none") from None
            response = hops[-1] if hops else response
        return response

    def resolve_redirects(self, *arguments: Any, yield_requests: bool = False, **kwargs: Any) -> Any:
        """As in `requests`, except for its preview of the next redirect, which reads a body of any size."""
        if not yield_requests:
            yield from super().resolve_redirects(*arguments, **kwargs)

    def _ask(self, request: PreparedRequest, **kwargs: Any) -> Response:
        service = self._service
        service.guard.check(str(request.url))
        service.breaker.wait()
        try:
            service.rate_limiter.wait()
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
        self._check_status(response)
        return response

    def _read(self, response: Response, ends: float) -> None:
        """Read the answer in parts, within the limits."""
        limits, pieces, size = self._service.limits, list[bytes](), 0
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > limits.most_bytes:
                raise ArchiveError("answer", f"the answer is larger than {limits.most_bytes / 2**20:.0f} MiB")
            if time.monotonic() > ends:
                raise _too_slow(limits.whole)
        self._service.note(size=size)
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and not response.headers.get("Content-Encoding") and size < int(length):
            raise ArchiveError("connection", f"the answer broke off after {size} of {length} bytes")
        response._content, response._content_consumed = b"".join(pieces), True  # as requests itself keeps it

    def _check_status(self, response: Response) -> None:
        code = response.status_code
        if code < 400:
            return
        hold = _retry_after(response.headers.get("Retry-After", ""))
        if code in _BUSY and hold is not None:
            self._service.rate_limiter.hold(min(hold, self._service.limits.longest_hold))
            raise ArchiveError("held", f"the service answered {code}: retry after {hold:.0f} seconds")
        page = plain_words(response.content)
        words = f"the service answered {code} {response.reason or ''}".rstrip() + (f": {page}" if page else "")
        if code == 429:
            raise ArchiveError("busy", words)
        raise ArchiveError("server" if code >= 500 else "passing" if code in _TEMPORARY else "refused", words)


def plain_words(content: bytes, most: int = 160) -> str:
    """Summary of a page or a JSON answer in one line: its title, or its first words."""
    text = content[:20_000].decode("utf-8", errors="replace")
    messages = re.findall(r'"(?:title|description|message)"\s*:\s*"([^"]*)"', text)
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    if messages:
        text = ": ".join(messages[:2])
    elif title and title[1].strip():
        text = title[1]
    else:
        text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    line = " ".join(unescape(text).split())
    readable = "".join(letter for letter in line if letter.isprintable() and letter != "\N{REPLACEMENT CHARACTER}")
    return readable if len(readable) <= most else readable[: most - 3].rstrip() + "..."


def _retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header, a number or a date; None if it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _too_slow(whole: float) -> ArchiveError:
    return ArchiveError("timeout", f"the answer was not complete within {whole:g} seconds")


def _cause(error: BaseException) -> str:
    """The innermost reason of a chain of wrapped errors, shortened."""
    while isinstance(reason := getattr(error, "reason", None) or (error.args[0] if error.args else None), Exception):
        error = reason
    words = str(error.args[-1]) if error.args else type(error).__name__
    return words[:120] or type(error).__name__
