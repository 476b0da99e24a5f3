"""The ASGI middleware of the dashboard: allowed hosts, security headers, and the first words of a page."""

from __future__ import annotations

import importlib
import re
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final

from streamlit import config

__all__ = ["LOOPBACK", "Gatekeeper", "is_allowed_host", "lifespan", "wait_for_imports"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts that are always allowed: a browser on this machine, or at the end of a tunnel."""

HEADERS: Final = {
    "x-frame-options": "DENY",
    "content-security-policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self' ws://{host} wss://{host}; "
        "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
"""No other site may show the dashboard in a frame, receive its address, or be fetched from."""

ROOT: Final = b'<div id="root">'

FIRST_WORDS: Final = b"""<p role="status" style="position: fixed; left: 0; right: 0; top: 38vh; text-align: center;
font: 15px sans-serif; color: GrayText">Opening the survey \xe2\x80\xa6</p><script>{
  // Streamlit adds an entry to the browser's history for every change of the address. Changes that no user has made
  // are marked (dashboards/selection.py), and replace the entry.
  const push = history.pushState;
  history.pushState = function (state, title, url) {
    const target = new URL(url ?? location.href, location.href);
    const marked = target.searchParams.has("in_place");
    target.searchParams.delete("in_place");
    // On the way to another page it sometimes pushes an entry without parameters first, to which Back would lead.
    if (target.pathname !== location.pathname && !target.search) target.search = location.search;
    if (marked) history.replaceState(state, title, target);
    else push.call(history, state, title, target);
  };
}</script>"""
"""Inserted into the page before Streamlit's scripts: a message, which they replace, and a script for the history."""

FIRST_PAGE: Final = "/galaxies"

NEEDED: Final = ("pandas", "scipy.spatial", "plotly.graph_objects", "zarr", "dashboards.parts.galaxy")
"""Imported at the start for the first page; nothing that loads TensorFlow."""


def is_allowed_host(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a request with this host header is allowed.

    Another site can let its own name resolve to 127.0.0.1 (DNS rebinding); the browser then sends that name.

    Parameters
    ----------
    host : str
        Value of the header ``Host``, with or without a port.
    allowed : tuple of str
        Names beside `LOOPBACK`; ``"*.example.org"`` stands for all below it, ``"*"`` for every name.
    """
    split = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", host)
    if split is None:
        return False
    name = split[1].strip("[]").lower().rstrip(".")
    patterns = [pattern.strip().lower().rstrip(".") for pattern in (*LOOPBACK, *allowed)]
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])) for pattern in patterns
    )


class Gatekeeper:
    """ASGI middleware: checks the host of requests and websockets, and adds headers to every response.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or one websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not is_allowed_host(hosts[0], _allowed()):
            await _refuse(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        with_headers = _adding_headers(send, hosts[0])
        if scope["path"].rstrip("/") == FIRST_PAGE and scope["method"] in ("GET", "HEAD"):
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            await _answer(with_headers, 307, b"", ((b"location", b"/" + query),))
            return
        await self._app(_uncompressed(scope), receive, _with_first_words(with_headers))


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Start the imports of the first page, and open the browser, as ``streamlit run`` does."""
    _imports.start()
    yield


def wait_for_imports() -> None:
    """Return when the imports of the first page are done.

    Two threads that import packages with circular imports (astropy's are) at the same time may see half of one.
    """
    if _imports.ident is not None:
        _imports.join()


def _prepare() -> None:
    if not config.get_option("server.headless"):
        host = config.get_option("browser.serverAddress")
        webbrowser.open(f"http://{host}:{config.get_option('server.port')}")
    for name in NEEDED:
        importlib.import_module(name)


_imports: Final = threading.Thread(target=_prepare, daemon=True)
"""Of this process; started with the server, never where a test runs a page by itself."""


def _allowed() -> tuple[str, ...]:
    named = [config.get_option(option) for option in ("browser.serverAddress", "server.address")]
    return (*config.get_option("server.allowedHosts"), *(name for name in named if name and name != "0.0.0.0"))


def _adding_headers(send: Send, host: str) -> Send:
    ours = {name.encode(): value.format(host=host).encode("latin-1") for name, value in HEADERS.items()}

    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            others = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
            message = {**message, "headers": [*others, *ours.items()]}
        await send(message)

    return with_headers


def _uncompressed(scope: Scope) -> Scope:
    """A request for an HTML page without compression and ranges, so that the page can be edited; others unchanged."""
    if b"text/html" not in dict(scope["headers"]).get(b"accept", b""):
        return scope
    dropped = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in dropped]}


def _with_first_words(send: Send) -> Send:
    """Add `FIRST_WORDS` to Streamlit's page, which is empty until some megabytes of scripts have arrived."""
    held: list[MutableMapping[str, Any]] = []
    parts: list[bytes] = []

    async def add(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
            if message["status"] == 200 and kinds and kinds[0].startswith(b"text/html"):
                held.append(message)
                return
        elif held and message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts).replace(ROOT, ROOT + FIRST_WORDS, 1)
            dropped = (b"content-length", b"etag", b"last-modified", b"accept-ranges")
            headers = [pair for pair in held[0]["headers"] if pair[0].lower() not in dropped]
            length = (b"content-length", str(len(body)).encode())
            await send({**held.pop(), "headers": [*headers, length]})
            message = {"type": "http.response.body", "body": body}
        await send(message)

    return add


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before the handshake: the server answers 403
        return
    words = (
        "This dashboard answers to localhost only. To reach it under another name, start it with "
        "--server.allowedHosts=NAME.\n"
    )
    await _answer(
        _adding_headers(send, "localhost"), 421, words.encode(), ((b"content-type", b"text/plain; charset=utf-8"),)
    )


async def _answer(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
