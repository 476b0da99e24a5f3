"""The bar over the map, where the map is of a class of bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import make_survey
from test_measure_bars import gaussian

from dashboards.parts.attribution import with_bar
from dashboards.parts.galaxy_view import GalaxyView
from gz2interp.figures.panels import attribution_panels
from gz2interp.measure.bars import FWHM
from gz2interp.results import Attribution


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> GalaxyView:
    folder: Path = tmp_path_factory.mktemp("bar")
    return GalaxyView(make_survey(folder / "survey", 8, model=False, analysed=False), None, 1)


def shown(subject: GalaxyView, values: np.ndarray, score: str) -> tuple[int, str, np.ndarray]:
    """How many traces the figure has, what is said, and where the line runs."""
    found = Attribution(values[None].astype(np.float32), np.zeros(1, np.float32), "gradient", f"logit({score})")
    panels = attribution_panels(np.zeros((64, 64, 3), np.uint8), found.values[0])
    words = with_bar(panels.over, subject, score, found)
    last = panels.over.data[-1]
    line = np.stack([last.x, last.y], axis=1) if last.type == "scatter" else np.empty((0, 2))
    return len(panels.over.data), words, line


def test_a_bar_is_drawn_and_told(subject: GalaxyView) -> None:
    before, words, _ = shown(subject, gaussian(5, 2, 30, 1.0), "spiral")
    assert words == ""
    count, words, line = shown(subject, gaussian(5, 2, 30, 1.0), "bar")
    assert count == before + 1
    assert f"{FWHM * 5 * 0.396:.1f}″ long, position angle 120°." in words
    np.testing.assert_allclose(line.mean(axis=0), [32.5, 31.5], atol=0.01)
    assert np.hypot(*np.diff(line, axis=0)[0]) == pytest.approx(FWHM * 5, rel=0.01)


def test_no_bar_is_told_too(subject: GalaxyView) -> None:
    count, words, _ = shown(subject, np.zeros((64, 64)), "bar")
    assert words == "No bar was measured: the map is blank."
    assert count == shown(subject, np.zeros((64, 64)), "spiral")[0]
