"""Rating with the keyboard in a real Chromium: no mouse is needed, and every key is on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, page, served, wait_until
from dashboard_fixtures import make_survey, small_network
from unusual_fixtures import add_unusual

from gz2interp.workflows.rating import ratings_of

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.browser

BAR = ".gz2-rating"


def test_keys_rate_move_and_undo(tmp_path: Path, page: Any) -> None:
    survey = make_survey(tmp_path / "surveys" / "tiny", 40, network=small_network())
    add_unusual(survey)
    ids = [str(galaxy_id) for galaxy_id in survey.galaxy_ids.tolist()]

    def on_show() -> str:
        return str(page.locator(BAR).get_attribute("data-galaxy"))

    with served(tmp_path / "surveys") as address:
        page.goto(f"{address}/?survey=tiny")
        page.get_by_role("link", name="Unusual").click()
        page.wait_for_selector(f"{BAR} button", timeout=120_000)
        assert on_show() == ids[-1]
        page.keyboard.press("5")
        wait_until(lambda: on_show() != ids[-1])
        assert ratings_of(survey).table()[["galaxy_id", "rating"]].to_numpy().tolist() == [[int(ids[-1]), 5]]
        second = on_show()
        page.keyboard.press("b")
        wait_until(lambda: on_show() != second)
        assert ratings_of(survey).table()["rating"].tolist() == [5, 0]
        page.keyboard.press("u")
        wait_until(lambda: on_show() == second)
        assert ratings_of(survey).table()["rating"].tolist() == [5]
        page.keyboard.press("k")
        wait_until(lambda: on_show() != second)
        third = on_show()
        page.get_by_label("Tag", exact=True).fill("3 arms")  # somebody types: digits are no ratings there
        page.keyboard.press("4")
        page.locator(f'{BAR} [data-key="next"]').click()
        wait_until(lambda: on_show() != third)
        assert ratings_of(survey).table()["rating"].tolist() == [5]
        page.close()
