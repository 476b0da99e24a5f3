"""Watching a download in a real Chromium: the page follows the report by itself, also for whoever has only keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium, page, served
from dashboard_fixtures import FIRST_ID, catalogue
from test_dashboard_downloads import report

from gz2interp.stores.survey import Survey
from trainer.download.report import ADVICE, Failure, ServiceState, report_file

__all__ = ["chromium", "page"]

pytestmark = [pytest.mark.browser, pytest.mark.long]

EVIL = '<img src="/none" onerror="window.stolen = true">'
FAILURES = (
    Failure("failed", f"gave up after 6 tries: the service answered {EVIL}", 7, (str(FIRST_ID + 1),), ADVICE["failed"]),
    Failure("out_of_footprint", "outside the imaged sky", 3, (str(FIRST_ID + 2),), ADVICE["out_of_footprint"]),
)
SIDEWAYS = """() => [...document.querySelectorAll('*')].filter(each =>
    ['auto', 'scroll'].includes(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth + 1
    && !each.closest('.gz2-scroll')).map(each => each.outerHTML.slice(0, 120))"""
OUTSIDE = """() => [...document.querySelectorAll('button, input, h2, h3, .gz2-scroll, .gz2-figures > div')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().width > 0
    && (each.getBoundingClientRect().right > innerWidth + 1 || each.getBoundingClientRect().left < -1))
    .map(each => each.outerHTML.slice(0, 120))"""
FOCUSED = """() => { const at = document.activeElement;
    return (at.ariaLabel || at.innerText || at.textContent || at.tagName).trim(); }"""


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("surveys")


@pytest.fixture(scope="module")
def address(surveys: Path) -> Iterator[str]:
    Survey.create(surveys / "tiny", catalogue(12, np.random.default_rng(1)))
    with served(surveys) as address:
        yield address


@pytest.fixture
def survey(surveys: Path, address: str) -> Survey:
    """Begun, and without a galaxy yet, as a survey is while its first ones are asked for."""
    survey = Survey.open(surveys / "tiny")
    report_file(survey.path).unlink(missing_ok=True)
    return survey


def watch(page: Any, address: str) -> None:
    """By the link and the keys: from a survey that is not there, to this one."""
    page.goto(f"{address}/?survey=gone")
    page.get_by_text("There is no survey gone").wait_for()
    page.wait_for_load_state("networkidle")  # a page that is left while its parts are fetched logs an error
    page.get_by_role("link", name="Download").click()
    page.wait_for_url("**/download**")
    choice = page.get_by_role("combobox", name="Survey")
    choice.fill("tiny")
    choice.press("Enter")
    page.wait_for_url("**survey=tiny**")
    page.locator(".gz2-state").wait_for()


def progress(page: Any, words: str) -> None:
    page.get_by_test_id("stProgress").get_by_text(words).wait_for()


def test_the_figures_move_by_themselves_until_the_end(page: Any, address: str, survey: Survey) -> None:
    report("running", failures=()).write(survey.path)
    watch(page, address)
    progress(page, "1,500 of 2,000")
    page.evaluate("window.unchanged = true")  # a page that was loaded anew would have forgotten
    survey_choice = page.get_by_role("combobox", name="Survey")
    survey_choice.focus()

    counts = {"failed": 7, "ok": 1790, "out_of_footprint": 3}
    report("running", done=1800, this_run=1600, counts=counts, failures=()).write(survey.path)
    progress(page, "1,800 of 2,000")
    page.locator(".gz2-figures dd", has_text="1,790").wait_for()
    down = ServiceState("skyview", "sky.example", "down", f"it said {EVIL}", 4321, 5_600_000, {"timeout": 12})
    report("waiting", done=1800, counts=counts, services=(down,), failures=()).write(survey.path)
    page.get_by_text("Waiting for skyview, which is down").wait_for()
    assert page.evaluate("document.activeElement.role") == "combobox", "news take nobody's place away"

    counts = {"failed": 7, "ok": 1990, "out_of_footprint": 3}
    report("finished", done=2000, this_run=1800, counts=counts, failures=FAILURES).write(survey.path)
    page.get_by_text("The download is finished").wait_for()
    table = page.get_by_role("region", name="Without an image")
    for failure in FAILURES:
        row = table.get_by_role("row").filter(has_text=failure.advice)
        assert failure.reason in row.inner_text()
        assert failure.examples[0] in row.inner_text()
        assert row.locator("td.gz2-number").inner_text() == str(failure.count)
    assert page.evaluate("window.unchanged === true")
    assert page.evaluate("window.stolen === undefined")
    page.wait_for_load_state("networkidle")


def test_a_finished_download_is_read_and_saved_with_the_keyboard_alone(page: Any, address: str, survey: Survey) -> None:
    report("finished", failures=FAILURES).write(survey.path)
    watch(page, address)
    page.get_by_role("button", name="Report (JSON)").wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    visited = go_to(page, "Report (JSON)")
    with page.expect_download() as told:
        page.keyboard.press("Enter")
    assert json.loads(told.value.path().read_text()) == json.loads(report_file(survey.path).read_text())
    visited += go_to(page, "Galaxies without image (CSV)")
    visited += go_to(page, "Download")  # the link at the top, once around
    visited += go_to(page, "Survey")
    for name in ("Services", "Without an image", "Galaxies"):
        assert name in visited


def go_to(page: Any, name: str) -> list[str]:
    """Press the tab key until something has the focus; what had it on the way."""
    visited: list[str] = []
    while name not in visited:
        page.keyboard.press("Tab")
        visited.append(page.evaluate(FOCUSED))
        assert len(visited) < 60, visited
    return visited


def test_nothing_lies_beside_a_narrow_screen(page: Any, address: str, survey: Survey) -> None:
    """Only the tables' own boxes are moved sideways."""
    long = replace(FAILURES[0], reason="service answered " + "https://sky.example/cgi-bin/" + 8 * "runquery.pl?survey=")
    page.set_viewport_size({"width": 800, "height": 900})
    for state in ("running", "finished"):
        report(state, failures=(long, *FAILURES)).write(survey.path)
        if state == "running":
            watch(page, address)
        page.get_by_text(
            {"running": "Downloading", "finished": "The download is finished"}[state], exact=True
        ).wait_for()
        page.get_by_role("button", name="Report (JSON)").wait_for()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
        assert page.evaluate(SIDEWAYS) == []
        assert page.evaluate(OUTSIDE) == []
