"""The page of a network in every state, run without a browser."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from astropy.table import Table
from dashboard_fixtures import FIRST_ID, make_survey
from streamlit.testing.v1 import AppTest
from test_card import trained

from dashboards.loading.reports import suspects_table
from gz2interp.results import Provenance
from gz2interp.stores.survey import Survey
from trainer.evaluate import evaluate

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


@pytest.fixture(autouse=True)
def surveys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path


def opened(**params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page("screens/network.py").run()
    assert not page.exception, page.exception
    return page


def text_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "info")
    return "\n".join(str(element.proto.body) for kind in kinds for element in page.get(kind))


def suspect(survey: Survey, data: str) -> None:
    ids = survey.galaxy_ids[:3]
    table = pd.DataFrame(
        {"rank": [1, 2, 3], "row": [0, 1, 2], "galaxy_id": ids, "label": "round", "suggestion": "long"}
    )
    made = Provenance(data, "", "", "confident learning")
    survey.model("cnn").write_label_errors(table.assign(self_confidence=0.1, suspect=[True, False, False]), made)


def charts(page: AppTest) -> int:
    return len(page.get("plotly_chart"))


def test_without_a_survey_or_a_model_it_names_the_command(surveys: Path) -> None:
    assert "python -m trainer demo" in text_of(opened())
    make_survey(surveys / "tiny", 20, model=False, analysed=False)
    assert f"python -m trainer fit {surveys / 'tiny'}" in text_of(opened())


def test_a_network_that_was_not_evaluated_says_how(surveys: Path) -> None:
    trained(make_survey(surveys / "tiny", 60, analysed=False))
    said = text_of(opened())
    assert "Not evaluated yet" in said
    assert f"python -m trainer evaluate {surveys / 'tiny'} --model cnn" in said
    assert f"python -m trainer suspects {surveys / 'tiny'} --name cnn" in said


def test_the_whole_card(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 120, analysed=False)
    trained(survey)
    evaluate(survey, "cnn")
    suspect(survey, survey.digest)
    page = opened()
    said = text_of(page)
    for words in ("Brier score", "of an ideal network", "Error rate", "Confusion matrix", "1 of 3 labels"):
        assert words in said
    assert "Not known" not in said
    assert charts(page) == 5  # reliability, confusion, failures by two columns, history
    assert list(page.dataframe[0].value["galaxy_id"]) == [str(FIRST_ID + row) for row in range(3)]
    table = Table.read(io.BytesIO(suspects_table(survey, survey.model("cnn"))), format="ascii.ecsv")
    assert str(table["galaxy_id"][0]) == str(FIRST_ID)
    assert table.meta["survey"] == "tiny"
    assert all(table[name].description for name in table.colnames)


def test_suspects_of_other_data_are_not_shown(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 60, analysed=False)
    suspect(survey, "of another survey")
    page = opened()
    assert "Not searched for yet" in text_of(page)
    assert not page.dataframe


def test_an_imported_network_without_labels(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 60, analysed=False)
    model = survey.model("cnn")
    model.write_predictions(model.predictions.assign(split="none", label=None), model.predictions_provenance)
    page = opened()
    assert "imported without a record" in text_of(page)
    assert charts(page) == 0


def test_a_picked_mistake_is_selected_on_the_page_of_galaxies(surveys: Path) -> None:
    survey = make_survey(surveys / "tiny", 60)
    trained(survey)
    page = opened()
    page.session_state["to_galaxy"] = True
    page.run()
    assert not page.exception, page.exception
    assert "Map of layer" in text_of(page)
