"""The dashboard in a real Chromium: what a person does with mouse and keys, and that nothing leaves the machine."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_fixtures import FIRST_ID, make_survey, small_network

from gz2interp.attribution import METHODS
from trainer.paint import paint_survey

pytestmark = pytest.mark.browser

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
LOOKED = ".st-key-panel-attribution"
BANDS = ".st-key-panel-band_attribution"
PICTURE = f"JSON.stringify(document.querySelector('{LOOKED} .js-plotly-plot')?.data)"
DRAWN = ".gz2-map[data-drawn]"


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
            _await(lambda: _answers("127.0.0.1", port))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


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
    page.set_default_timeout(30_000)
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


def _answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _await(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def galaxy(page: Any) -> str:
    return str(page.locator("[data-testid=galaxy-id]").inner_text())


def ground(page: Any) -> dict[str, float]:
    page.wait_for_selector(DRAWN)
    return dict(page.locator(".gz2-plot .nsewdrag").bounding_box())


def place_of(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where map coordinates lie on the screen."""
    box = ground(page)
    inner = "([x, y]) => { const { xaxis, yaxis } = document.querySelector('.gz2-plot')._fullLayout; "
    at = page.evaluate(inner + "return [xaxis.d2p(x), yaxis.d2p(y)] }", [x, y])
    return box["x"] + at[0], box["y"] + at[1]


def encircle(page: Any, share: float = 0.3) -> None:
    """Draw a lasso around the middle of the map."""
    page.click('[data-tool="lasso"]')
    box = ground(page)
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, share * box["height"]
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 25):
        angle = step * math.tau / 24
        page.mouse.move(x + radius * math.cos(angle), y + radius * math.sin(angle))
    page.mouse.up()


def coordinates(page: Any, row: int) -> tuple[float, float]:
    """Of a galaxy, from the map's own points."""
    found = page.evaluate(
        """id => { for (const trace of document.querySelector('.gz2-plot').calcdata.map(each => each[0].trace)) {
             const at = (trace.customdata ?? []).findIndex(told => told[0] === id);
             if (at >= 0) return [trace.x[at], trace.y[at]]; } }""",
        str(FIRST_ID + row),
    )
    return found[0], found[1]


def test_a_click_on_the_map_moves_the_galaxy_panel_and_a_reload_keeps_it(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    assert galaxy(page) == str(FIRST_ID)
    page.mouse.click(*place_of(page, *coordinates(page, 41)))
    page.wait_for_function(f"document.querySelector('[data-testid=galaxy-id]').innerText === '{FIRST_ID + 41}'")
    page.wait_for_url(f"**galaxy_id={FIRST_ID + 41}**")
    page.reload()
    page.wait_for_selector(DRAWN)
    assert galaxy(page) == str(FIRST_ID + 41)


def test_a_click_beside_the_points_takes_the_nearest_also_with_the_lasso_in_hand(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    page.click('[data-tool="lasso"]')
    x, y = place_of(page, *coordinates(page, 60))
    page.mouse.click(x + 7, y + 3)
    page.wait_for_function(f"document.querySelector('[data-testid=galaxy-id]').innerText === '{FIRST_ID + 60}'")


def test_a_lasso_fills_the_gallery_and_the_escape_key_empties_it(page: Any, address: str) -> None:
    page.goto(address)
    ground(page)
    before = galaxy(page)
    encircle(page)
    page.get_by_text("galaxies inside the lasso").wait_for()
    told = int(re.findall(r"(\d+) galaxies inside", page.content())[0])
    assert 20 < told < 100
    page.wait_for_function(f"document.querySelectorAll('.gz2-gallery')[1]?.children.length === {min(told, 48)}")
    assert galaxy(page) == before
    assert "lasso=" in page.url
    page.reload()
    page.get_by_text(f"{told} galaxies inside the lasso").wait_for()
    page.wait_for_selector(DRAWN)  # the members are there before the map, which hears no key yet
    page.locator(".gz2-map").focus()
    page.keyboard.press("Escape")
    page.get_by_text("galaxies inside the lasso").wait_for(state="detached")
    assert "lasso" not in page.url


def test_a_neighbour_is_a_click_away(page: Any, address: str) -> None:
    page.goto(f"{address}/?galaxy_id={FIRST_ID + 30}")
    card = page.locator(".gz2-card").first
    card.wait_for()
    wanted = card.get_attribute("data-galaxy")
    card.click()
    page.wait_for_function(f"document.querySelector('[data-testid=galaxy-id]').innerText === '{wanted}'")
    page.wait_for_url(f"**galaxy_id={wanted}**")
    ring = "document.querySelector('.gz2-plot').data.find(trace => trace.meta === 'selected')"
    x, y = coordinates(page, int(wanted) - FIRST_ID)
    page.wait_for_function(f"Math.hypot({ring}.x[0] - {x}, {ring}.y[0] - {y}) < 1e-6")


def test_where_it_looked_follows_the_class_and_the_galaxy(page: Any, address: str) -> None:
    page.goto(f"{address}/?galaxy_id={FIRST_ID + 20}")
    page.get_by_role("button", name="Show where it looked").click()
    page.wait_for_selector(".gz2-scale", timeout=120_000)  # TensorFlow is loaded, on a busy machine
    choose(page, "method", METHODS["grad_cam"].title)
    page.wait_for_url("**method=grad_cam**")
    page.get_by_text("Layer seen").wait_for()
    first = looked(page)
    choose(page, "score", "long")
    page.wait_for_url("**score=long**")
    second = wait_for_another(page, first)
    page.mouse.click(*place_of(page, *coordinates(page, 41)))
    page.wait_for_url(f"**galaxy_id={FIRST_ID + 41}**")
    wait_for_another(page, second)
    assert page.get_by_text("Trust: not checked").count() == 1
    page.get_by_role("button", name="Figure for a paper").click()
    page.get_by_role("button", name="Draw it").click()
    page.get_by_role("button", name="Download (PDF)").wait_for(timeout=60_000)
    with page.expect_download() as told:
        page.get_by_role("button", name="Download (PDF)").click()
    assert told.value.suggested_filename == f"{FIRST_ID + 41}-grad_cam.pdf"
    assert told.value.path().read_bytes().startswith(b"%PDF")


def test_views_bands_and_caveats_stand_beside_the_map(page: Any, address: str) -> None:
    page.goto(f"{address}/?galaxy_id={FIRST_ID + 20}&method=grad_cam")
    page.wait_for_selector(".gz2-scale", timeout=120_000)
    first = looked(page)
    page.get_by_text("Mean over its turned and mirrored views").click()
    wait_for_another(page, first)
    page.wait_for_selector(f"{BANDS} .main-svg")
    words = page.locator(BANDS).inner_text()
    assert all(band in words.split() for band in "ugriz")
    choose(page, "method", METHODS["guided_backprop"].title)
    page.get_by_text("no evidence for where the network looks").wait_for()
    choose(page, "method", METHODS["var_grad"].title)
    page.get_by_text("not which way").wait_for()


def test_any_score_can_be_written_and_a_slip_is_told(page: Any, address: str) -> None:
    page.goto(f"{address}/?galaxy_id={FIRST_ID + 20}&method=gradient&score=long")
    page.wait_for_selector(".gz2-scale", timeout=120_000)
    first = looked(page)
    write(page, "logit(long) - logit(round)")
    page.wait_for_url("**score=logit*")
    wait_for_another(page, first)
    page.wait_for_selector(f"{BANDS} .main-svg")
    write(page, "logit(long")
    page.get_by_text("For example logit(spiral)").wait_for()
    write(page, "")
    page.wait_for_selector(".gz2-scale")


def test_the_page_of_trust_offers_a_check(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Trust").click()
    page.get_by_text("Not checked yet").wait_for(timeout=60_000)
    page.get_by_role("button", name="Start").wait_for()


def write(page: Any, score: str) -> None:
    field = page.get_by_role("textbox", name="Or another score")
    field.fill(score)
    field.press("Enter")


def choose(page: Any, part: str, option: str) -> None:
    page.locator(f".st-key-choose_{part} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def looked(page: Any) -> str:
    """The map of where the network looked, as the browser holds it."""
    page.wait_for_selector(f"{LOOKED} .main-svg")
    return str(page.evaluate(PICTURE))


def wait_for_another(page: Any, before: str) -> str:
    page.wait_for_function(f"before => {{ const now = {PICTURE}; return now && now !== before; }}", arg=before)
    return looked(page)


def test_the_events_have_the_shapes_that_the_server_reads(page: Any, address: str) -> None:
    """Plotly.js and Streamlit may change what they say; here it is noticed."""
    page.goto(address)
    ground(page)
    page.evaluate(
        """() => { window.said = []; const map = document.querySelector('.gz2-map').galaxyMap;
             map.tell = (event) => window.said.push(event);
             const say = (name, value) => window.said.push(value);
             Object.defineProperty(map, 'setStateValue', { get: () => say, set() {} }); }"""
    )
    box = ground(page)

    def wait_for(events: int) -> None:
        """Plotly tells a lasso up to a tenth of a second after it is drawn; no hand is on the next tool by then."""
        page.wait_for_function(f"window.said.length === {events}")

    page.mouse.click(box["x"] + 20, box["y"] + 20)
    wait_for(1)
    encircle(page, 0.2)
    wait_for(2)
    page.click('[data-tool="select"]')
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 220, steps=4)
    page.mouse.up()
    wait_for(3)
    page.click('[data-do="closer"]')
    wait_for(4)
    click, lasso, rectangle, viewport = page.evaluate("window.said")
    assert set(click) == {"kind", "x", "y"}
    assert all(isinstance(click[axis], float) for axis in "xy")
    assert set(lasso) == {"kind", "polygon"}
    assert len(lasso["polygon"]) > 8
    assert all(len(vertex) == 2 for vertex in lasso["polygon"])
    for record in (rectangle, viewport):
        assert set(record) == {"kind", "x", "y"}
        assert all(record[axis][0] < record[axis][1] for axis in "xy")
    assert [each["kind"] for each in (click, lasso, rectangle, viewport)] == ["click", "lasso", "box", "viewport"]


def test_zooming_redraws_the_density_for_what_is_in_sight(page: Any, address: str) -> None:
    page.goto(address)
    ground(page)
    width = "document.querySelector('.gz2-plot').layout.images[0].sizex"
    before = page.evaluate(width)
    page.locator(".gz2-map").focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_function(f"{width} < {before} * 0.8")
    sight = page.evaluate("document.querySelector('.gz2-plot')._fullLayout.xaxis.range")
    assert sight[1] - sight[0] == pytest.approx(page.evaluate(width))
    page.keyboard.press("0")
    page.wait_for_function(f"{width} > {before} * 0.9")


def test_a_first_start_offers_the_demo(page: Any, tmp_path: Path) -> None:
    with served(tmp_path / "none") as address:
        page.goto(address)
        page.get_by_text("No survey yet").wait_for()
        page.get_by_role("button", name="Build the demo").wait_for()
        # Streamlit fetches a widget's code when it is first shown; leaving meanwhile would be logged as an error.
        page.wait_for_load_state("networkidle")
        page.goto("about:blank")  # before the server goes, which the page would complain about


def test_it_listens_on_the_local_address_alone(address: str) -> None:
    """The server answers at 127.0.0.1 and at no other address of this machine.

    On Linux all of 127.0.0.0/8 is local: a server that is bound to every address answers at 127.0.0.2 as well.
    """
    port = int(address.rsplit(":", 1)[1])
    assert _answers("127.0.0.1", port)
    others = {"127.0.0.2"} if sys.platform == "linux" else set()
    with contextlib.suppress(OSError):
        others |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        outward.connect(("192.0.2.1", 9))  # sends nothing: it only asks which of our addresses would be used
        others.add(outward.getsockname()[0])
    others -= {"127.0.0.1", "::1"}
    assert others
    assert _a_wide_server_is_noticed(others)
    assert [host for host in others if _answers(host, port)] == []


def _a_wide_server_is_noticed(hosts: set[str]) -> bool:
    """Whether this test can fail: a server that is bound to every address is reached at one of these."""
    with socket.create_server(("0.0.0.0", 0)) as wide:
        return any(_answers(host, wide.getsockname()[1]) for host in hosts)


def test_a_painted_galaxy_is_painted_again_without_its_arms(page: Any, tmp_path: Path) -> None:
    """With the keyboard alone, once the switch has the focus."""
    paint_survey(tmp_path / "surveys" / "painted", 3, 5, shares={"spiral": 1.0})
    with served(tmp_path / "surveys") as address:
        page.goto(address)
        page.wait_for_selector(".gz2-part")
        assert "arms" in page.locator(".gz2-parts").inner_text()
        page.get_by_text("Paint it again, altered").click()
        page.get_by_role("combobox", name="Leave out").focus()
        page.keyboard.type("arms")
        page.keyboard.press("Enter")
        page.wait_for_selector(".st-key-panel-altered .js-plotly-plot")
        page.get_by_text("red is light that came").wait_for()
        page.close()  # before its server goes
