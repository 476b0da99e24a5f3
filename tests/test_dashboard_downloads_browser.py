"""The page of a download in a real Chromium: started by the keyboard, it moves by itself, and can be stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browsing import chromium, page, served
from dashboard_fixtures import FIRST_ID, make_survey

from trainer.rehearsal import ArchiveServer, SimpleSky

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def archive() -> Iterator[ArchiveServer]:
    with ArchiveServer(SimpleSky(1), latency=0.2) as server:
        yield server


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    surveys = tmp_path_factory.mktemp("surveys")
    make_survey(surveys / "tiny", 12, model=False, analysed=False)
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"galaxy_id": FIRST_ID + np.arange(300), "ra": rng.uniform(0, 359, 300)})
    table.assign(dec=rng.uniform(0, 60, 300)).to_csv(surveys / "galaxies.csv", index=False)
    return surveys


@pytest.fixture(scope="module")
def address(surveys: Path, archive: ArchiveServer) -> Iterator[str]:
    settings = surveys / "config" / "astropy" / "astroquery.cfg"
    settings.parent.mkdir(parents=True)
    settings.write_text(archive.configuration(), encoding="utf-8")
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(surveys / "config")
    try:
        with served(surveys) as address:
            yield address
    finally:
        os.environ.pop("XDG_CONFIG_HOME") if before is None else os.environ.update(XDG_CONFIG_HOME=before)


def asked_for(page: Any) -> int:
    """The number in front of the bar."""
    return int(page.locator('[data-testid="stProgress"] strong').inner_text().split()[0].replace(",", ""))


def test_a_download_is_started_with_the_keyboard_and_moves_by_itself(page: Any, address: str, surveys: Path) -> None:
    page.goto(f"{address}/?survey=tiny")
    page.get_by_role("link", name="Download").click()
    page.get_by_text("tiny was not downloaded").wait_for()
    page.get_by_text("Start a new download").click()
    page.get_by_label("Catalogue").fill(str(surveys / "galaxies.csv"))
    page.keyboard.press("Tab")
    page.get_by_label("New survey").fill("night")
    page.get_by_role("button", name="Start the download").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Downloading", exact=True).wait_for()
    first = asked_for(page)
    page.wait_for_function(
        f"parseInt(document.querySelector('[data-testid=\"stProgress\"] strong')?.innerText) > {first}"
    )
    page.set_viewport_size({"width": 800, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("The download was interrupted").wait_for()
    page.get_by_role("button", name="Continue").wait_for()
    report = json.loads((surveys / "night" / "download" / "report.json").read_text())
    assert report["state"] == "interrupted"
    assert 0 < report["done"] < 300
