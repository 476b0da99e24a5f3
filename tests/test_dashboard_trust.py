"""The page that says which method to trust, in every state, run without a browser."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from astropy.table import Table
from dashboard_fixtures import make_survey
from streamlit.testing.v1 import AppTest
from test_dashboard_network import text_of

from dashboards import building, working
from dashboards.loading.reports import check_table
from gz2interp.checks import VERSION, Check, Finding
from gz2interp.statistics import Estimate
from gz2interp.stores.survey import Survey

SCRIPT = Path(__file__).resolve().parent.parent / "dashboards" / "explore.py"


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    return make_survey(tmp_path / "tiny", 20, analysed=False)


def opened(**params: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page("screens/trust.py").run()
    assert not page.exception, page.exception
    return page


def made(check: str, method: str, value: float, passed: bool | None, subject: str = "") -> Finding:
    return Finding(check, method, subject, Estimate(value, value - 0.1, value + 0.1, 9), 0.5, passed, "share")


def found(survey: Survey) -> Check:
    findings = [
        made("noise", "gradient", 0.9, True),
        made("model_randomisation", "gradient", 0.4, None, "the top 1 of 2 layers"),
        made("model_randomisation", "gradient", 0.2, None, "the top 2 of 2 layers"),
        made("model_randomisation", "gradient", 0.3, True),
        made("model_randomisation", "guided_backprop", 0.9, None, "the top 1 of 2 layers"),
        made("model_randomisation", "guided_backprop", 0.7, None, "the top 2 of 2 layers"),
        made("model_randomisation", "guided_backprop", 0.8, False),
        made("relevance_mass", "(gaussian)", 0.6, None),
        made("relevance_mass", "(gaussian)", 0.5, None, "round"),
        made("relevance_mass", "gradient", 0.7, True),
        made("relevance_mass", "gradient", 0.2, None, "round"),
        Finding("shortcut", "", "noise", Estimate(0.3, 0.2, 0.4, 50), 0.05, False, "It looks at the <b>noise</b>."),
        Finding("shortcut", "", "seeing", Estimate(None, None, None, 0), 0.05, None, "No width is known."),
    ]
    model = survey.model("cnn")
    asked = {"galaxies": 96, "few": 24, "class_names": list(model.class_names), "version": VERSION}
    made_of = {"data": survey.digest, "model": model.digest, "parameters": asked}
    return Check("tiny", "cnn", "logit", tuple(findings), ("Whether it is so: do this.",), made_of)


def test_a_network_that_was_not_checked_says_how(survey: Survey) -> None:
    said = text_of(opened())
    assert "Not checked yet" in said
    assert f"gz2interp check {survey.path} --model cnn" in said


def test_the_verdict_comes_first_and_every_number_is_there(survey: Survey) -> None:
    survey.model("cnn").write_check(found(survey))
    page = opened()
    said = text_of(page)
    first, second = (
        said.index("Shortcut: It looks at the &lt;b&gt;noise"),
        said.index("Gradient is to be trusted first"),
    )
    assert first < second
    assert "Not to be used: Guided backpropagation" in said
    assert "0.80 <i>✗</i>" in said
    assert "0.30 <i>✓</i>" in said
    assert "Whether it is so: do this." in said
    assert "not known" in said
    assert len(page.get("plotly_chart")) == 2
    table = Table.read(io.BytesIO(check_table(found(survey))), format="ascii.ecsv")
    assert len(table) == len(found(survey).findings)
    assert table.meta["survey"] == found(survey).survey
    assert all(table[name].description for name in table.colnames)


def test_the_truth_of_one_class_can_be_asked_for(survey: Survey) -> None:
    survey.model("cnn").write_check(found(survey))
    page = opened()
    page.selectbox(key="trust_class").select("round").run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 2


def test_a_check_of_other_data_or_another_network_is_not_shown(survey: Survey) -> None:
    known = found(survey)
    for other in ({"data": "other"}, {"model": "other"}):
        survey.model("cnn").write_check(replace(known, provenance={**known.provenance, **other}))
        assert "Not checked yet" in text_of(opened())


def test_without_a_network_or_a_survey_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    assert "python -m trainer demo" in text_of(opened())
    make_survey(tmp_path / "bare", 20, model=False, analysed=False)
    assert "No network yet" in text_of(opened(survey="bare"))


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("check", ["-m", "gz2interp.cli", "check"]),
        ("plant labels", ["-m", "trainer", "plant", "labels"]),
    ],
)
def test_it_starts_the_command_that_it_shows(
    survey: Survey, monkeypatch: pytest.MonkeyPatch, task: str, command: list[str]
) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr(building, "start", lambda place, words: begun.append(list(words)))
    page = opened()
    assert page.selectbox(key="work_task").value == "check"
    page.selectbox(key="work_task").select(task).run()
    page.button(key="work_start").click().run()
    assert begun == [[sys.executable, *command, str(survey.path), "--model", "cnn", "--progress", "json"]]
    assert working.task_of(building.BuildState("running", {}, 0.0, command=tuple(begun[0]))) == task
