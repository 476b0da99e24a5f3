"""The page of features in a real Chromium: pick a channel, click a place, go on with the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import chromium, page, served, settle
from dashboard_fixtures import FIRST_ID, add_analysis, make_survey, small_network
from layer_fixtures import add_blocks, add_features

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.browser

PRESSED = ".gz2-board [aria-pressed=true]"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    surveys = tmp_path_factory.mktemp("surveys")
    survey = make_survey(surveys / "tiny", 40, network=small_network(), analysed=False)
    add_analysis(survey, layer="seen")
    add_blocks(survey)
    add_features(survey)
    with served(surveys) as address:
        yield address


def test_a_channel_a_place_and_a_galaxy_are_a_click_away(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Features").click()
    page.locator('[data-galaxy="channel-3"]').click()
    page.wait_for_function("document.querySelector('[data-testid=block]')?.innerText === 'channel 3'")
    page.wait_for_url("**block=channel-3**")
    settle(page)
    card = page.locator(".st-key-block .gz2-card").first
    wanted = card.get_attribute("data-galaxy")
    card.click()
    page.wait_for_url(f"**galaxy_id={wanted}**")
    page.get_by_text("Dictionary", exact=True).click()
    page.get_by_text("At place").wait_for(timeout=120_000)  # TensorFlow is loaded, on a busy machine
    assert page.locator("[data-testid=galaxy-id]").inner_text() == wanted
    page.locator('[data-cell="5,2"]').click()
    page.get_by_text("At place 5,2").wait_for()
    page.wait_for_url("**place=5%2C2**")
    page.wait_for_selector('[data-cell="5,2"][aria-pressed=true]')
    page.locator('[data-cell="5,2"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")  # rows count from below
    assert page.evaluate("document.activeElement.dataset.cell") == "6,3"
    page.keyboard.press("Enter")
    page.get_by_text("At place 6,3").wait_for()
    assert page.locator("[data-testid=accounted]").inner_text().count("evidence") == 2


def test_a_cell_of_the_atlas_shows_its_galaxies(page: Any, address: str) -> None:
    page.goto(f"{address}/?view=atlas&galaxy_id={FIRST_ID}")
    page.get_by_role("link", name="Features").click()
    page.locator('[data-cell="cell-1"]').hover()
    words = page.locator(".gz2-board-words")
    page.wait_for_function("document.querySelector('.gz2-board-words').innerText.startsWith('Cell 2')")
    assert "round +0.10" in words.inner_text()
    page.locator('[data-cell="cell-1"]').click()
    page.get_by_text("20 places, alignment 90%").wait_for()
    page.wait_for_selector(f'{PRESSED}[data-cell="cell-1"]')
    settle(page)
    card = page.locator('[class*="stColumn"] .gz2-card').first
    wanted = card.get_attribute("data-galaxy")
    card.click()
    page.wait_for_url(f"**galaxy_id={wanted}**")
