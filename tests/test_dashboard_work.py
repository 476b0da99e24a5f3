"""Starting work on a survey from the page: offered, running, stopped, failed, finished."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from dashboard_fixtures import add_model, make_survey
from streamlit.testing.v1 import AppTest
from test_dashboard_building import until
from test_dashboard_network import opened, text_of

from dashboards import building, working
from gz2interp.console import JsonLines, ProgressBars, progress_as
from gz2interp.errors import InputError
from gz2interp.stores.survey import Survey

STEP = 'print(\'{"stage": "fit", "done": 3, "total": 12, "message": "epoch 1 of 4"}\', flush=True)\n'


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Survey]:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    survey = make_survey(tmp_path / "tiny", 20, model=False, analysed=False)
    yield survey
    working.stop(survey.path)
    working.forget(survey.path)


def works(survey: Survey, program: str, verb: str = "fit") -> None:
    """A program in the trainer's place; the words that follow are those of the command."""
    words = [sys.executable, "-c", f"import time\n{program}", verb, str(survey.path)]
    building.start(working._place(survey.path), words)


def state(survey: Survey) -> str:
    known = working.read_state(survey.path)
    return known.state if known else ""


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def begun(page: AppTest, monkeypatch: pytest.MonkeyPatch, program: str = "trainer") -> list[str]:
    """The words of the command that a click on Start would run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(building, "start", lambda place, command: commands.append(list(command)))
    page.button(key="work_start").click().run()
    assert not page.exception
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", program]
    return command[3:]


def test_a_training_is_offered_and_starts_the_trainer_s_own_command(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened()
    assert "No network yet" in text_of(page)
    page.selectbox(key="work_recipe").select("original").run()
    page.selectbox(key="work_scheme").select("tree").run()
    words = begun(page, monkeypatch)
    assert words == [
        "fit",
        str(survey.path),
        *["--name", "cnn", "--config", "original", "--scheme", "tree", "--progress", "json"],
    ]


def test_without_a_network_nothing_is_offered_that_needs_one(survey: Survey) -> None:
    assert opened().selectbox(key="work_task").options == [
        "Train a network",
        "Compare recipes",
        "Look for suspect labels",
    ]


def test_a_sweep_names_every_recipe_and_without_one_cannot_start(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened()
    page.selectbox(key="work_task").select("sweep").run()
    page.multiselect(key="work_recipes").set_value([]).run()
    assert page.button(key="work_start").disabled
    page.multiselect(key="work_recipes").set_value(["default", "resnet"]).run()
    words = begun(page, monkeypatch)
    assert words[2:] == ["--name", "sweep", "--sweep", "default", "--sweep", "resnet", "--progress", "json"]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("evaluate", "evaluate --model cnn"),
        ("uncertainty", "uncertainty --model cnn --progress json"),
        ("committee", "committee --name committee --member cnn"),
        ("suspects", "suspects --name cnn --config default --progress json"),
    ],
)
def test_a_network_can_be_judged_doubted_and_let_vote(
    survey: Survey, monkeypatch: pytest.MonkeyPatch, task: str, words: str
) -> None:
    add_model(survey, np.random.default_rng(1))
    page = opened()
    page.selectbox(key="work_task").select(task).run()
    verb, place, *options = begun(page, monkeypatch)
    assert place == str(survey.path)
    assert [verb, *options] == words.split()


def test_an_analysis_can_be_given_to_a_cluster(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    add_model(survey, np.random.default_rng(1))
    page = opened()
    page.selectbox(key="work_task").select("analyse").run()
    page.text_input(key="work_scheduler").set_value("tcp://host:8786").run()
    words = begun(page, monkeypatch, "gz2interp.cli")
    assert words[2:] == ["--model", "cnn", "--scheduler", "tcp://host:8786", "--progress", "json"]


def test_networks_can_vote_at_several_scales(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    add_model(survey, np.random.default_rng(1))
    page = opened()
    page.selectbox(key="work_task").select("committee").run()
    page.toggle(key="work_scales").set_value(True).run()
    words = begun(page, monkeypatch)
    assert words[-6:] == ["--scale", "0.7", "--scale", "1", "--scale", "1.4"]


def test_a_new_network_gets_a_name_that_is_free(survey: Survey) -> None:
    add_model(survey, np.random.default_rng(1))
    assert opened().text_input(key="work_name").value == "cnn-2"


def test_it_starts_runs_stops_and_can_go_on(survey: Survey) -> None:
    works(survey, STEP + "time.sleep(60)")
    until(lambda: "fit" in (known.stages if (known := working.read_state(survey.path)) else {}))
    page = opened()
    assert "Training a network" in text_of(page)
    page.button(key="work_stop").click().run()
    until(lambda: state(survey) == "stopped")
    page = opened()
    assert "Stopped: train a network" in text_of(page)
    page.button(key="work_again").click().run()
    until(lambda: state(survey) == "running")
    working.stop(survey.path)
    until(lambda: state(survey) == "stopped")
    opened().button(key="work_forget").click().run()
    assert working.read_state(survey.path) is None


def test_a_failure_shows_its_last_words(survey: Survey) -> None:
    works(survey, "raise SystemExit('tiny has no labels')", "suspects")
    until(lambda: state(survey) == "failed")
    page = opened()
    assert "Failed: look for suspect labels" in text_of(page)
    assert "tiny has no labels" in page.code[0].value


def test_at_the_end_the_page_says_so_and_shows_the_table_of_a_sweep(survey: Survey) -> None:
    table = survey.path / "models" / "sweep-sweep.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text("recipe,test\ndefault,0.9\n")
    works(survey, STEP)
    until(lambda: state(survey) == "finished")
    page = opened()
    assert working.read_state(survey.path) is None
    assert page.dataframe[-1].value["recipe"].tolist() == ["default"]


def test_the_trainer_s_own_words_of_progress_are_those_that_the_page_reads(
    survey: Survey, capsys: pytest.CaptureFixture[str]
) -> None:
    def verb() -> JsonLines | ProgressBars:
        with progress_as("json") as progress:
            progress("fit", 0, 4)
            progress.note("epoch 1: well")
            progress("fit", 1, 4)  # too soon after the last to be read
            progress("fit", 4, 4)
            progress.say("what came of it")
        return progress

    progress = copy_context().run(
        verb
    )  # the standard output is reserved to the end of the verb, and here of the context
    written = capsys.readouterr()
    records = [json.loads(line) for line in written.out.splitlines()]
    assert "what came of it" in written.err  # in words for people, and no record
    assert [record["done"] for record in records] == [0, 4]
    assert records[-1]["message"] == "epoch 1: well"
    assert isinstance(progress, JsonLines)


def test_another_form_of_progress_is_refused() -> None:
    with pytest.raises(InputError, match="bars or json"):
        progress_as("xml")
