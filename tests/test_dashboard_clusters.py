"""The page of clusters in every state, run without a browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import LAYER, add_analysis, given_to, make_survey, press
from layer_fixtures import add_blocks
from streamlit.testing.v1 import AppTest
from test_dashboard_network import text_of
from test_workflows_clusters import make
from unusual_fixtures import add_unusual

from dashboards import building
from gz2interp.figures.clusters import add_outlines, outlines
from gz2interp.figures.density import window_of
from gz2interp.grouping import Clusters
from gz2interp.workflows.clusters import clusters

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surveys")
    clusters(make(folder / "grouped"))
    return folder


@pytest.fixture(autouse=True)
def fresh(surveys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(surveys))
    st.cache_data.clear()
    st.cache_resource.clear()


def opened(screen: str = "clusters", **params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page(f"screens/{screen}.py").run()
    assert not page.exception, page.exception
    return page


def test_each_cluster_has_a_card_with_its_sentence_the_flag_first(surveys: Path) -> None:
    page = opened(survey="grouped", scale="coarse")
    said = text_of(page)
    assert "3 clusters" in said
    assert said.index("Probably caused by the seeing") < said.index("40 galaxies: ")
    assert said.count("data:image/png") >= 3 * 6  # of each the mean image in colour and in five bands
    figure = json.loads(given_to(page, "-clusters-")["figure"])
    assert {f"cluster-{k}" for k in (1, 2, 3)} <= {trace.get("meta") for trace in figure["data"]}
    assert given_to(page, "select-coarse-1")["button"]["label"] == "Select all 100"


def test_a_chosen_cluster_is_the_selection_on_every_page(surveys: Path) -> None:
    page = opened(survey="grouped", scale="coarse")
    press(page, "select-coarse-3")
    assert "40 galaxies in the cluster coarse-3" in text_of(page)
    assert page.query_params["cluster"] == "coarse-3"
    galaxies = opened("galaxies", survey="grouped", cluster="coarse-3")
    assert "40 galaxies in the cluster coarse-3" in text_of(galaxies)
    press(page, "select-coarse-3")
    assert "in the cluster" not in text_of(page)


def test_the_scale_is_switched_and_kept_in_the_address(surveys: Path) -> None:
    page = opened(survey="grouped", scale="coarse")
    page.get("button_group")[0].set_value("fine").run()
    assert not page.exception
    assert page.query_params["scale"] == "fine"
    assert "fine-1" in text_of(page)


def test_a_cluster_that_is_not_there_is_told_and_let_go(surveys: Path) -> None:
    page = opened(survey="grouped", cluster="fine-99")
    assert not page.exception
    assert "cluster" not in page.query_params


@pytest.mark.parametrize("screen", ["clusters", "unusual", "features"])
def test_what_a_link_names_in_vain_is_told(surveys: Path, screen: str) -> None:
    page = opened(screen, survey="grouped", galaxy_id="12345", layer="nowhere")
    said = text_of(page)
    assert "grouped has no galaxy 12345" in said
    assert "No analysis of nowhere" in said
    assert "cannot be shown" not in said
    assert "layer" not in page.query_params


def test_where_nobody_has_looked_it_offers_to(surveys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "tiny", 20)
    begun: list[list[str]] = []
    monkeypatch.setattr(building, "start", lambda place, words: begun.append(list(words)))
    page = opened(survey="tiny")
    assert f"gz2interp clusters {survey.path} --model cnn" in text_of(page)
    page.button(key="work_start").click().run()
    command = ["-m", "gz2interp.cli", "clusters", str(survey.path), "--model", "cnn", "--progress", "json"]
    assert begun == [[sys.executable, *command]]


def test_without_an_analysis_or_a_network_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "tiny", 20, analysed=False)
    assert f"gz2interp analyse {survey.path} --model cnn" in text_of(opened(survey="tiny"))
    make_survey(tmp_path / "bare", 20, model=False, analysed=False)
    assert "No network yet" in text_of(opened(survey="bare"))


def test_outlines_enclose_most_of_a_cluster_and_flagged_ones_are_dashed(surveys: Path) -> None:
    from gz2interp.figures.density import inside_polygon
    from gz2interp.figures.map import go

    rng = np.random.default_rng(0)
    xy = np.concatenate([rng.standard_normal((300, 2)), rng.standard_normal((200, 2)) + 12])
    numbers = np.repeat([1, 2], [300, 200])
    found = outlines(xy, numbers, {1: (0.0, 0.0), 2: (12.0, 12.0)}, window_of(xy))
    for each in found:
        enclosed = np.sum([inside_polygon(xy, line) for line in each.lines], axis=0) % 2 == 1
        assert (numbers[enclosed] == each.number).mean() > 0.99
        assert enclosed[numbers == each.number].mean() > 0.8
    figure = add_outlines(go.Figure(), found, selected=1, flagged={2})
    lines = {trace.meta: trace.line for trace in figure.data}
    assert lines["cluster-2"].dash == "dash"
    assert lines["cluster-1"].width > lines["cluster-2"].width
    assert [note.text for note in figure.layout.annotations] == ["<b>1</b>", "<b>2</b>"]


def test_an_empty_record_can_be_read() -> None:
    nothing = Clusters(0, ("coarse",), ())
    assert Clusters.from_json(nothing.to_json()) == nothing
    assert nothing.named("coarse-1") is None


def test_a_later_analysis_of_another_layer_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    subject = make(tmp_path / "grouped")
    clusters(subject)
    survey = subject.survey
    add_unusual(survey)
    add_blocks(survey)
    add_analysis(survey, layer="later")
    said = text_of(opened(survey="grouped", scale="coarse"))
    assert f"Clusters of {LAYER} by" in said
    assert "3 clusters" in said
    assert f"Unusual galaxies of {LAYER} by" in text_of(opened("unusual", survey="grouped"))
    assert f"Layer {LAYER} by" in text_of(opened("features", survey="grouped"))
    for screen in ("clusters", "unusual", "features"):
        page = opened(screen, survey="grouped", layer="later")
        assert page.selectbox(key="choose_layer").value == "later"
        press(page, f"layer-of-cnn-{LAYER}")
        assert not page.exception
        assert page.query_params["layer"] == LAYER
    page = opened(survey="grouped", scale="coarse")
    press(page, "select-coarse-3")
    assert page.query_params["layer"] == LAYER  # the first page shows the later one first, and would not find it
    galaxies = opened("galaxies", survey="grouped", cluster="coarse-3")
    assert "40 galaxies in the cluster coarse-3" in text_of(galaxies)
