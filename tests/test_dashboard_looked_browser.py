"""Where the network looked, in a real Chromium: methods, scores, bands, their caveats, and whom to trust."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import address, chromium, coordinates, page, place_of, settle
from dashboard_fixtures import FIRST_ID

from gz2interp.attribution import METHODS

__all__ = ["address", "chromium", "page"]
pytestmark = pytest.mark.browser

LOOKED = ".st-key-panel-attribution"
BANDS = ".st-key-panel-band_attribution"
PICTURE = f"JSON.stringify(document.querySelector('{LOOKED} .js-plotly-plot')?.data)"


def test_where_it_looked_follows_the_class_and_the_galaxy(page: Any, address: str) -> None:
    page.goto(f"{address}/?galaxy_id={FIRST_ID + 20}")
    page.get_by_role("button", name="Show attribution").click()
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
    page.get_by_text("Average over rotated and mirrored views").click()
    wait_for_another(page, first)
    page.wait_for_selector(f"{BANDS} .main-svg")
    words = page.locator(BANDS).inner_text()
    assert all(band in words.split() for band in "ugriz")
    choose(page, "method", METHODS["guided_backprop"].title)
    page.get_by_text("no evidence for what the network responds to").wait_for()
    choose(page, "method", METHODS["var_grad"].title)
    page.get_by_text("without its sign").wait_for()


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
    settle(page)
    field = page.get_by_role("textbox", name="Or another score")
    field.fill(score)
    field.press("Enter")


def choose(page: Any, part: str, option: str) -> None:
    settle(page)
    page.locator(f".st-key-choose_{part} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def looked(page: Any) -> str:
    """The map of where the network looked, as the browser holds it."""
    page.wait_for_selector(f"{LOOKED} .main-svg")
    return str(page.evaluate(PICTURE))


def wait_for_another(page: Any, before: str) -> str:
    page.wait_for_function(f"before => {{ const now = {PICTURE}; return now && now !== before; }}", arg=before)
    return looked(page)
