"""All pages in a real Chromium: the browser's history, quick clicks, text of others, and who may ask the server."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from browsing import DRAWN, IDLE, chromium, page, served, settle
from dashboard_fixtures import CLASSES, FIRST_ID, add_analysis, make_survey, small_network
from layer_fixtures import add_blocks, add_features

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    surveys = tmp_path_factory.mktemp("surveys")
    survey = make_survey(surveys / "tiny", 40, network=small_network(), analysed=False)
    add_analysis(survey, layer="seen")
    add_blocks(survey)
    add_features(survey)
    make_survey(surveys.parent / "elsewhere", 20, model=False, analysed=False)
    return surveys


@pytest.fixture(scope="module")
def address(surveys: Path) -> Iterator[str]:
    with served(surveys) as address:
        yield address


@pytest.fixture
def visitor(chromium: Any) -> Iterator[Any]:
    """A page for links that lead below the first one: Streamlit looks for its server there first, and logs a 404."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def show(page: Any, galaxy_id: str) -> None:
    """Wait until a galaxy is on the screen, and in the address."""
    page.wait_for_function(f"document.querySelector('[data-testid=galaxy-id]')?.innerText === '{galaxy_id}'")
    page.wait_for_function(f"new URL(location.href).searchParams.get('galaxy_id') === '{galaxy_id}'")


def test_back_forward_and_reload_do_what_a_browser_does(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    show(page, str(FIRST_ID))
    entries = page.evaluate("history.length")
    seen = [str(FIRST_ID)]
    for _ in range(3):
        settle(page)
        ids = page.locator(".gz2-card").evaluate_all("cards => cards.map(card => card.dataset.galaxy)")
        wanted = next(each for each in ids if each not in seen)
        page.locator(f'[data-galaxy="{wanted}"]').first.click()
        show(page, wanted)
        seen.append(wanted)
    assert page.evaluate("history.length") == entries + 3  # an entry for each, and none for what a page fills in
    for wanted in seen[2::-1]:
        page.go_back()
        show(page, wanted)
    for wanted in seen[1:]:
        page.go_forward()
        show(page, wanted)
    page.go_back()
    page.go_back()  # without waiting for the first
    show(page, seen[1])
    page.reload()
    show(page, seen[1])
    page.go_back()
    show(page, seen[0])
    page.get_by_role("link", name="Features").click()
    page.wait_for_selector("[data-testid=block]")
    page.go_back()
    page.wait_for_selector(DRAWN)
    show(page, seen[0])


def test_no_entry_of_the_history_lacks_the_selection(page: Any, address: str) -> None:
    page.goto(f"{address}/?survey=tiny&galaxy_id={FIRST_ID + 5}")
    page.wait_for_selector(DRAWN)
    show(page, str(FIRST_ID + 5))
    settle(page)
    page.evaluate("history.pushState({}, '', '/clusters')")  # as Streamlit does, now and then, before it adds the rest
    assert f"/clusters?survey=tiny&model=cnn&galaxy_id={FIRST_ID + 5}" in page.url


def test_a_selection_is_not_lost_where_another_click_follows(visitor: Any, address: str) -> None:
    """Streamlit gives up the run of the first click; under load it had often not even begun."""
    page = visitor
    page.goto(f"{address}/features?survey=tiny&block=channel-3")
    page.wait_for_selector(IDLE)
    for pause in (0, 20, 60, 150, 0, 250):
        cards = page.locator(".st-key-block .gz2-card")
        cards.nth(1).wait_for()  # a component draws its cards after the page's own run has ended
        ids = cards.evaluate_all("cards => cards.map(card => card.dataset.galaxy)")
        before = page.evaluate("new URL(location.href).searchParams.get('galaxy_id')")
        wanted = next(each for each in ids if each != before)
        view, other = page.get_by_text("Dictionary", exact=True), page.get_by_text("Layer", exact=True).first
        page.locator(f'.st-key-block [data-galaxy="{wanted}"]').first.evaluate("card => card.click()")
        page.wait_for_timeout(pause)
        view.click()
        page.get_by_text("At place").wait_for(timeout=120_000)
        show(page, wanted)
        other.click()
        page.wait_for_selector("[data-testid=block]")
        page.wait_for_selector(IDLE)


def test_a_press_of_a_button_is_not_lost_where_another_click_follows(visitor: Any, address: str) -> None:
    page = visitor
    page.goto(f"{address}/features?survey=tiny&block=channel-3&galaxy_id={FIRST_ID + 20}")
    settle(page)
    button = page.get_by_role("button", name="Select the best real galaxy")
    wanted = button.get_attribute("data-value")
    view = page.get_by_text("Groups", exact=True).first
    button.dblclick()
    view.click()
    page.get_by_text("Each group").wait_for(timeout=120_000)
    show(page, wanted)


def test_a_galaxy_that_is_sought_leaves_no_text_and_a_message_stays_on_its_page(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    place = "() => document.querySelector('.gz2-map').getBoundingClientRect().top"
    before = page.evaluate(place)
    field = page.get_by_role("textbox", name="Find")
    field.fill("nonsense")
    field.press("Enter")
    page.get_by_text("neither an id nor a position").wait_for()
    assert page.evaluate(place) == before  # a sentence moves nothing
    page.get_by_role("link", name="Trust").click()
    page.get_by_text("Not checked yet").wait_for(timeout=60_000)
    page.wait_for_selector(IDLE)  # until the run has ended, Streamlit leaves what the page before has drawn
    assert page.get_by_text("neither an id nor a position").count() == 0
    page.goto(address)
    page.wait_for_selector(DRAWN)
    field.fill(str(FIRST_ID + 9))
    field.press("Enter")
    show(page, str(FIRST_ID + 9))
    page.wait_for_function("document.querySelector('.st-key-find input').value === ''")


class Listener(BaseHTTPRequestHandler):
    """Notes whatever is asked of it."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else, and what it has been asked for."""
    asked: list[str] = []
    kind = type("OneListener", (Listener,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.mark.parametrize(
    "parts", [("model", "nonsense"), ("layer", "cluster", "score", "colour", "block"), ("survey",)]
)
def test_text_of_a_link_is_shown_as_text_and_fetches_nothing(
    visitor: Any, address: str, listener: tuple[str, list[str]], parts: tuple[str, ...]
) -> None:
    host, asked = listener
    words = f"![a]({host}/x) <img src={host}/y> $e=1$ :material/home: **b** [l]({host}/z)"
    params = {"survey": "tiny", "method": "grad_cam" if "score" in parts else ""} | dict.fromkeys(parts, words)
    query = "&".join(f"{name}={quote(value)}" for name, value in params.items() if value)
    for path in ("", "clusters", "features"):
        visitor.goto(f"{address}/{path}?{query}")
        visitor.wait_for_selector(".gz2-brand")
        visitor.wait_for_selector(IDLE, timeout=120_000)
        if parts[0] in ("model", "survey"):
            shows = "words => document.body.innerText.replace(/\\u2060/g, '').replace(/\\s+/g, ' ').includes(words)"
            visitor.wait_for_function(shows, arg=re.sub(r"\s+", " ", words))  # Streamlit loads blocks of code late
        assert visitor.locator(f'img[src^="{host}"], a[href^="{host}"], .katex, strong:text-is("b")').count() == 0
    assert asked == []


def test_names_of_a_survey_are_shown_as_text(
    visitor: Any, tmp_path: Path, listener: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, asked = listener
    evil = f"![a]({host}/x)<img src='{host}/y'><b>$e$</b>"
    monkeypatch.setattr("dashboard_fixtures.CLASSES", (evil, CLASSES[1]))
    (tmp_path / "surveys").mkdir()
    make_survey(tmp_path / "surveys" / ":material+home: **x**", 20)
    with served(tmp_path / "surveys") as address:
        for path in ("", "network", "clusters", "download"):
            visitor.goto(f"{address}/{path}")
            visitor.wait_for_selector(".gz2-brand")
            visitor.wait_for_selector(IDLE)
            assert visitor.locator(f'img[src^="{host}"], .katex').count() == 0
        visitor.goto(address)
        visitor.get_by_text(evil).first.wait_for()
        visitor.close()
    assert asked == []


def test_a_link_opens_only_a_survey_that_is_listed(page: Any, address: str, surveys: Path) -> None:
    elsewhere = surveys.parent / "elsewhere"
    page.goto(f"{address}/?survey={quote(str(elsewhere))}")
    page.get_by_text(str(elsewhere)).first.wait_for()
    assert page.locator("[data-testid=galaxy-id]").count() == 0
    page.get_by_role("button", name="Open it").click()
    show(page, str(FIRST_ID))
    page.reload()
    show(page, str(FIRST_ID))


def answer(address: str, path: str, host: str, *headers: str) -> str:
    """The head of an answer to a request as it is written."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "Connection: close" if not headers else "", ""]
        connection.sendall("\r\n".join(line for line in lines if line).encode() + b"\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(4096)
            if not more:
                break
            received += more
    return received.decode("latin-1").lower()


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: streamlit",
)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "a@127.0.0.1", "[::2]"])
def test_a_request_under_another_name_is_refused(address: str, host: str) -> None:
    for path in ("/", "/_stcore/health", "/features", "/_stcore/host-config"):
        head = answer(address, path, host)
        assert head.startswith("http/1.1 421"), head
    assert answer(address, "/_stcore/stream", host, *UPGRADE).startswith("http/1.1 403")


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1", "[::1]:8501"])
def test_a_request_of_this_machine_is_answered_and_may_not_be_framed(address: str, host: str) -> None:
    for path in ("/", "/features", "/_stcore/health"):
        head = answer(address, path, host)
        assert head.startswith("http/1.1 200"), head
        assert "x-frame-options: deny" in head
        assert "frame-ancestors 'none'" in head
    assert answer(address, "/_stcore/stream", host, *UPGRADE).startswith("http/1.1 101")


def test_galaxies_is_the_first_page(page: Any, address: str) -> None:
    page.goto(f"{address}/galaxies?survey=tiny&galaxy_id={FIRST_ID + 5}")
    page.wait_for_selector(DRAWN)
    show(page, str(FIRST_ID + 5))
