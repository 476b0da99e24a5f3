"""A real Chromium for the tests of the dashboard: the server, the browser, a page that nothing leaves, and the map."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_fixtures import FIRST_ID, make_survey, small_network

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("GZ2INTERP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DRAWN = ".gz2-map[data-drawn]"
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextlib.contextmanager
def served(surveys: Path) -> Iterator[str]:
    """The dashboard as a person starts it; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboards/explore.py"]
    options = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    environment = {**os.environ, "GZ2INTERP_SURVEYS": str(surveys)}
    log = (surveys.parent / f"{surveys.name}.log").open("w")
    with log, subprocess.Popen([*command, *options], cwd=ROOT, env=environment, stdout=log, stderr=log) as server:
        try:
            wait_until(lambda: answers("127.0.0.1", port))
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(server)


def stop(server: subprocess.Popen[Any]) -> None:
    """End a server as its terminal would; a second signal where a connection without a request keeps it waiting.

    Chromium opens connections in advance. One that arrives while uvicorn shuts down has no request and no time limit,
    so uvicorn waits until a second signal (as Ctrl-C pressed twice).
    """
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM:
        words = "no Chromium here: install it, or name it in GZ2INTERP_CHROMIUM"
        if os.environ.get("GZ2INTERP_REQUIRE_BROWSER") == "1":
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    surveys = tmp_path_factory.mktemp("surveys")
    make_survey(surveys / "tiny", 120, network=small_network())
    with served(surveys) as address:
        yield address


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that fails its test when it logs an error or asks another host for anything."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    strangers: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if _is_local(request.url) else strangers.append(request.url))
    page.on("websocket", lambda socket: None if _is_local(socket.url) else strangers.append(socket.url))
    yield page
    context.close()
    assert not errors
    assert not strangers


def _is_local(url: str) -> bool:
    return url.startswith(("data:", "blob:")) or re.match(r"(http|ws)://127\.0\.0\.1[:/]", url) is not None


def answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def wait_until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def settle(page: Any) -> None:
    """Wait until the page has been drawn to its end, and its components have taken up what they were sent."""
    page.wait_for_selector(IDLE, timeout=120_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def ground(page: Any) -> dict[str, float]:
    page.wait_for_selector(DRAWN)
    settle(page)
    return dict(page.locator(".gz2-plot .nsewdrag").bounding_box())


def place_of(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where map coordinates lie on the screen."""
    box = ground(page)
    inner = "([x, y]) => { const { xaxis, yaxis } = document.querySelector('.gz2-plot')._fullLayout; "
    at = page.evaluate(inner + "return [xaxis.d2p(x), yaxis.d2p(y)] }", [x, y])
    return box["x"] + at[0], box["y"] + at[1]


def coordinates(page: Any, row: int) -> tuple[float, float]:
    """Of a galaxy, from the map's own points."""
    found = page.evaluate(
        """id => { for (const trace of document.querySelector('.gz2-plot').calcdata.map(each => each[0].trace)) {
             const at = (trace.customdata ?? []).findIndex(told => told[0] === id);
             if (at >= 0) return [trace.x[at], trace.y[at]]; } }""",
        str(FIRST_ID + row),
    )
    return found[0], found[1]
