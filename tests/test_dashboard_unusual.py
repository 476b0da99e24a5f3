"""The page of the unusual, in every state, run without a browser: what a key does, and what is on the disk then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import make_survey
from streamlit.testing.v1 import AppTest
from test_dashboard_network import text_of
from unusual_fixtures import add_unusual

from dashboards import working
from dashboards.loading.clusters import ranking_for, ratings_csv, unusual_for
from dashboards.parts import rating as part
from dashboards.rating_component import RatingKeyPress
from gz2interp.errors import SurveyError
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_parquet
from gz2interp.workflows.rating import rate, ratings_of
from gz2interp.workflows.unusual_results import UnusualGalaxies, latest_unusual

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    return make_survey(tmp_path / "tiny", 40)


def judge(survey: Survey) -> UnusualGalaxies:
    """The scores, made when they are first asked for."""
    return unusual_for(survey, survey.model("cnn")) or add_unusual(survey)


def opened(**params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=300)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page("screens/unusual.py").run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, monkeypatch: pytest.MonkeyPatch, survey: Survey, key: str, galaxy_id: str) -> None:
    """What the bar's callback does, in the session of the page."""
    state: dict[str, object] = dict.fromkeys(("rating_tag", "rating_note"), "a word")
    chosen: dict[str, str] = {}
    monkeypatch.setattr(part, "change", lambda **parts: chosen.update(parts))
    monkeypatch.setattr(part, "add_message", lambda words: chosen.update(said=words))
    monkeypatch.setattr(part.st, "session_state", state | {"rating_page": "page 1"})
    found = judge(survey)
    part._press(ranking_for(found, ratings_of(survey).count()), RatingKeyPress(key, galaxy_id))
    page.session_state["told"] = chosen


def test_a_survey_that_was_not_asked_says_how(survey: Survey) -> None:
    said = text_of(opened())
    assert "Not searched yet" in said
    assert f"gz2interp unusual {survey.path} --model cnn" in said
    command = working.command_of(survey.path, ["unusual", "--model", "cnn"])
    assert command[:3] == ["-m", "gz2interp.cli", "unusual"]


def test_the_most_unusual_is_shown_with_its_reason_and_scores(survey: Survey) -> None:
    found = judge(survey)
    last = str(survey.galaxy_ids[found.analysis.rows[-1]])
    said = text_of(opened(survey="tiny"))
    assert f"galaxy {last}" in said
    assert "1 of 39" in said
    assert "&lt;b&gt;so&lt;/b&gt;" in said
    assert "not known" in said
    assert "0 rated" in said


def test_a_selected_galaxy_is_the_one_on_show(survey: Survey) -> None:
    found = judge(survey)
    second = str(survey.galaxy_ids[found.analysis.rows[1]])
    said = text_of(opened(survey="tiny", galaxy_id=second))
    assert f"galaxy {second}" in said
    assert "38 of 39" in said


def test_a_key_rates_what_was_on_show_and_undo_takes_it_back(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judge(survey)
    ids = [str(survey.galaxy_ids[row]) for row in found.analysis.rows]
    page = opened(survey="tiny")
    press(page, monkeypatch, survey, "0", ids[-1])
    table = ratings_of(survey).table()
    assert table[["galaxy_id", "rating", "tag"]].to_numpy().tolist() == [[int(ids[-1]), 0, "a word"]]
    assert page.session_state["told"]["galaxy_id"] != ids[-1]
    assert ratings_csv(survey).decode().splitlines()[1].startswith(f"{ids[-1]},0,a word")
    press(page, monkeypatch, survey, "undo", ids[0])
    assert len(ratings_of(survey).table()) == 0
    assert page.session_state["told"]["galaxy_id"] == ids[-1]
    press(page, monkeypatch, survey, "undo", ids[0])
    assert "left to undo" in page.session_state["told"]["said"]


def test_stars_and_artefacts_are_left_out_on_the_page(survey: Survey) -> None:
    found = judge(survey)
    assert "galaxies are too few to know" in text_of(opened(survey="tiny"))
    last = found.analysis.rows[-1]
    catalog = survey.catalog.assign(label=["star" if row == last else "spiral" for row in range(len(survey))])
    catalog.to_parquet(survey.path / "catalog.parquet", index=False)
    page = opened(survey="tiny")
    assert "1 of 39" in text_of(page)
    page.toggle(key="unusual_without").set_value(True).run()
    assert not page.exception
    said = text_of(page)
    assert "1 star or artefact is left out: 1 by catalogue." in said
    assert "1 of 38" in said
    assert f"galaxy {survey.galaxy_ids[last]}" not in said


def test_arrows_go_along_the_ranking_and_stay_in_it(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judge(survey)
    ids = [str(survey.galaxy_ids[row]) for row in found.analysis.rows]
    page = opened(survey="tiny")
    press(page, monkeypatch, survey, "following", ids[-1])
    assert page.session_state["told"]["galaxy_id"] == ids[-2]
    press(page, monkeypatch, survey, "previous", ids[-1])
    assert page.session_state["told"]["galaxy_id"] == ids[-1]


def test_what_another_process_says_is_on_the_page(survey: Survey) -> None:
    judge(survey)
    page = opened(survey="tiny")
    rate(survey, int(survey.galaxy_ids[5]), 4)
    page.run()
    assert "1 rated (4: 1)" in text_of(page)


def test_the_ranking_of_a_large_survey_learns_when_asked_and_asks_nobody_twice(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "LARGE", 10)
    found = judge(survey)
    last = str(survey.galaxy_ids[found.analysis.rows[-1]])
    page = opened(survey="tiny")
    rate(survey, last, 0)
    page.run()
    assert not page.exception
    assert "1 of 39" in text_of(page)  # the order is what it was
    before = ranking_for(found, 0)
    assert before.next() == before.with_current_ratings().positions[0]
    assert before.with_current_ratings().next() != before.next()
    page.button(key="unusual_learn").click().run()
    assert not page.exception
    assert "unusual_learn" not in [button.key for button in page.button]
    place = int(np.flatnonzero(ranking_for(found, 1).order == 38)[0]) + 1
    assert place > 10  # it is ordinary: near the middle
    assert f"{place} of 39" in text_of(page)


def test_what_an_earlier_version_found_is_shown_and_judges_nobody_else(survey: Survey) -> None:
    found = judge(survey)
    lacking = ["morphology", "profile", "residuals", "one_band", "colours"]
    columns = [column for name in lacking for column in (name, f"normal_{name}")]
    write_parquet(found.folder.path / "scores.parquet", found.scores.drop(columns=columns))
    said = text_of(opened(survey="tiny"))
    assert "Few are near it" in said
    assert "radial profile" not in said
    earlier = latest_unusual(survey, survey.model("cnn"))
    assert earlier.preference_vectors.shape[0] == len(earlier.scores)
    with pytest.raises(SurveyError, match="gz2interp unusual"):
        earlier.normal_scores_of({"forest": np.zeros(1)})


def test_a_ranking_of_an_earlier_version_says_so_and_how_to_renew_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    survey = make_survey(tmp_path / "S&G", 40)
    file = add_unusual(survey).folder.path / "provenance.json"
    made = json.loads(file.read_text())
    made["parameters"].pop("reasons", None)
    file.write_text(json.dumps(made))
    page = opened(survey="S&G")
    said = "\n".join(str(element.proto.body) for element in page.get("html"))
    assert "written by an earlier version" in said
    assert f"gz2interp unusual {tmp_path}/S&amp;G --model cnn" in said
