"""The map's quality beside it, latents on every page, and two maps side by side, run without a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import LAYER, add_analysis, add_model, make_survey
from streamlit.testing.v1 import AppTest
from test_dashboard_network import text_of

from dashboards.parts.style import as_text
from gz2interp.figures.colours import categories, scale
from gz2interp.figures.map import MapPoints, MapView, map_figure
from gz2interp.figures.panels import attribution_panels, bands_panel, probability_bars
from gz2interp.figures.quality import panel
from gz2interp.map_quality import LabelAgreement, MapQuality, PlacingError
from gz2interp.results import Embedding, Neighbours, Provenance
from gz2interp.stores.analyses import Analysis, latest_analysis, layer_folder
from gz2interp.stores.latents import LATENTS
from gz2interp.stores.layer_results import AlignedMap
from gz2interp.stores.survey import Survey
from gz2interp.workflows.import_results import import_latents

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"
N = 24
QUALITY = MapQuality(
    5, N, N, 0, 0.912, 0.934, 0.41, 0.2, {"label": LabelAgreement(0.8, 0.9, 0.5)}, PlacingError(0.004, 0.02, N)
)


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    survey = make_survey(tmp_path / "tiny", N)
    add_latents(survey, tmp_path)
    return survey


def add_latents(survey: Survey, folder: Path) -> None:
    values = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
    np.savez(folder / "mine.npz", ids=survey.galaxy_ids, latents=values)
    model = import_latents(survey, folder / "mine.npz", "mine").model
    apart = np.linalg.norm(values[:, None] - values[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1:9]
    made = Provenance(survey.digest, model.digest, LATENTS, "umap", {"metric": "euclidean"}, 0)
    analysis = Analysis(layer_folder(model.path, LATENTS) / made.digest)
    distances = np.take_along_axis(apart, nearest, axis=1).astype(np.float32)
    analysis.write_activations(0, values, N)
    analysis.write_neighbours(Neighbours(nearest, distances, "euclidean"))
    analysis.write_map(np.arange(N), survey.galaxy_ids, Embedding(values, "umap"))
    analysis.complete(made)


def test_words_of_others_are_text_in_figures() -> None:
    """Of columns, classes and bands: plotly reads tags, links and values in titles, labels and templates."""
    evil = "<a href='http://evil.example'>%{x}</a>"
    points = MapPoints(np.eye(2, dtype=np.float32), ["1", "2"], [evil, "b"], ["c", evil], np.arange(2))
    figures = [
        map_figure(points, scale(evil, [1.0, 2.0])),
        map_figure(points, categories(evil, [evil, "b"])),
        bands_panel(np.zeros((4, 4, 2), np.float32), [evil, "g"]),
        attribution_panels(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 1), np.float32), [evil]).by_band,
        probability_bars({evil: 0.7, "b": 0.3}, evil),
        panel(evil, evil),
    ]
    for figure in figures:
        assert figure is not None
        shown = str(as_text(figure).to_dict())
        assert "evil.example" in shown
        assert "<a" not in shown
        assert all("%{x}<" not in str(trace.hovertemplate) for trace in figure.data if "hovertemplate" in trace)


def opened(screen: str, **params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=120)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page(f"screens/{screen}.py").run()
    assert not page.exception, page.exception
    return page


def analysis_of(survey: Survey, name: str) -> Analysis:
    model = survey.model(name)
    found = latest_analysis(model.path, survey.digest, model.digest)
    assert found is not None
    return found


def test_the_quality_stands_beside_the_map(survey: Survey) -> None:
    analysis = analysis_of(survey, "cnn")
    assert "trustworthiness" not in text_of(opened("galaxies", survey="tiny", model="cnn"))
    analysis.write_quality(QUALITY, analysis.provenance)
    told = text_of(opened("galaxies", survey="tiny", model="cnn"))
    for words in ("trustworthiness 0.912, continuity 0.934", "41% of the 5 nearest kept", "within 0.4% of the map"):
        assert words in told


@pytest.mark.parametrize("screen", ["galaxies", "network", "trust", "compare"])
def test_no_page_fails_for_latents(survey: Survey, screen: str) -> None:
    told = text_of(opened(screen, survey="tiny", model="mine"))
    assert "Traceback" not in told
    if screen == "galaxies":
        assert "mine are latents: there is no network" in told
        assert f"Map of layer {LATENTS}" in told


def test_two_maps_are_shown_once_they_have_been_laid_side_by_side(survey: Survey) -> None:
    assert "gz2interp compare" in text_of(opened("compare", survey="tiny", model="cnn"))
    one, two = analysis_of(survey, "cnn"), analysis_of(survey, "mine")
    AlignedMap(two, one).write(two.embedding.coordinates)
    told = text_of(opened("compare", survey="tiny", model="cnn"))
    for words in (f"cnn {LAYER}", f"mine {LATENTS}", "nearest are the same", "Changed most"):
        assert words in told


def test_an_alignment_is_that_of_its_two_analyses_only(survey: Survey) -> None:
    one, two = analysis_of(survey, "cnn"), analysis_of(survey, "mine")
    AlignedMap(two, one).write(two.embedding.coordinates)
    assert AlignedMap(one, two).read() is None
    add_model(survey, np.random.default_rng(1), b"another", "other")
    add_analysis(survey, name="other")
    assert AlignedMap(two, analysis_of(survey, "other")).read() is None
    np.testing.assert_array_equal(AlignedMap(two, one).read(), two.embedding.coordinates)


def test_the_image_from_elsewhere_is_a_star() -> None:
    places = np.array([[0, 0], [1, 1], [2, 0]], np.float32)
    points = MapPoints(places, ["1", "2", "3"], ["a"] * 3, ["a"] * 3, np.arange(3))
    figure = map_figure(points, categories("label", ["a"] * 3), MapView(mark=(0.5, 0.25)))
    (mark,) = (trace for trace in figure.data if trace.meta == "mark")
    assert (mark.x, mark.y, mark.marker.symbol) == ((0.5,), (0.25,), "star")
    assert not any(trace.meta == "mark" for trace in map_figure(points, categories("label", ["a"] * 3)).data)


def test_pages_that_only_offer_a_comparison_load_no_network() -> None:
    code = "import dashboards.parts.work, dashboards.parts.map, sys; print('tensorflow' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
