"""The dashboard in a real Chromium: what a person does with mouse and keys, and that nothing leaves the machine."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from browsing import DRAWN, address, answers, chromium, coordinates, ground, page, place_of, served, settle
from dashboard_fixtures import FIRST_ID

from trainer.paint import paint_survey

__all__ = ["address", "chromium", "page"]
pytestmark = pytest.mark.browser


def galaxy(page: Any) -> str:
    return str(page.locator("[data-testid=galaxy-id]").inner_text())


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
    settle(page)
    wanted = card.get_attribute("data-galaxy")
    card.click()
    page.wait_for_function(f"document.querySelector('[data-testid=galaxy-id]').innerText === '{wanted}'")
    page.wait_for_url(f"**galaxy_id={wanted}**")
    ring = "document.querySelector('.gz2-plot').data.find(trace => trace.meta === 'selected')"
    x, y = coordinates(page, int(wanted) - FIRST_ID)
    page.wait_for_function(f"Math.hypot({ring}.x[0] - {x}, {ring}.y[0] - {y}) < 1e-6")


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
    sight = "document.querySelector('.gz2-plot')._fullLayout.xaxis.range"
    # Of two keys the first may already have been answered.
    page.wait_for_function(f"{width} < {before} * 0.8 && Math.abs(({sight}[1] - {sight}[0]) / {width} - 1) < 1e-6")
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
    assert answers("127.0.0.1", port)
    others = {"127.0.0.2"} if sys.platform == "linux" else set()
    with contextlib.suppress(OSError):
        others |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        outward.connect(("192.0.2.1", 9))  # sends nothing: it only asks which of our addresses would be used
        others.add(outward.getsockname()[0])
    others -= {"127.0.0.1", "::1"}
    assert others
    assert _a_wide_server_is_noticed(others)
    assert [host for host in others if answers(host, port)] == []


def _a_wide_server_is_noticed(hosts: set[str]) -> bool:
    """Whether this test can fail: a server that is bound to every address is reached at one of these."""
    with socket.create_server(("0.0.0.0", 0)) as wide:
        return any(answers(host, wide.getsockname()[1]) for host in hosts)


def test_a_painted_galaxy_is_painted_again_without_its_arms(page: Any, tmp_path: Path) -> None:
    """With the keyboard alone, once the switch has the focus."""
    paint_survey(tmp_path / "surveys" / "painted", 3, 5, shares={"spiral": 1.0})
    with served(tmp_path / "surveys") as address:
        page.goto(address)
        page.wait_for_selector(".gz2-part")
        assert "arms" in page.locator(".gz2-parts").inner_text()
        page.get_by_text("Repaint with alterations").click()
        page.get_by_role("combobox", name="Leave out").wait_for()
        settle(page)
        page.get_by_role("combobox", name="Leave out").focus()
        page.keyboard.type("arms")
        page.keyboard.press("Enter")
        page.wait_for_selector(".st-key-panel-altered .js-plotly-plot")
        page.get_by_text("red is added light").wait_for()
        page.close()  # before its server goes
