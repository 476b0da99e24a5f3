"""Two processes that make the same thing: the second is told or finds it done, and nothing is lost or mixed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from command_line import ran
from dashboard_fixtures import FIRST_ID, make_survey, small_network

from gz2interp.errors import SurveyError, SurveyLocked
from gz2interp.stores.checking import check_survey
from gz2interp.stores.files import atomic_folder, locked
from gz2interp.stores.locations import find_survey, new_survey
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.building_blocks import blocks
from gz2interp.workflows.study import Study
from trainer.paint import paint_survey


def fill(folder: Path, text: str) -> None:
    with atomic_folder(folder, "a test", replace=True) as aside:
        (aside / "a").write_text(text)


def test_a_folder_that_is_made_twice_at_once_is_made_once(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "it", "a test") as aside:
        (aside / "a").write_text("first")
        with pytest.raises(SurveyLocked, match=r"Another process is making a test.*Wait until it ends"):
            fill(tmp_path / "it", "second")
        assert (aside / "a").read_text() == "first"
    assert [path.name for path in tmp_path.rglob("*")] == ["it", "a"]


def test_what_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    fill(tmp_path / "it", "old")

    def fails() -> None:
        with atomic_folder(tmp_path / "it", "a test", replace=True) as aside:
            (aside / "a").write_text("half")
            assert (tmp_path / "it" / "a").read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert [(path.name, path.is_file() and path.read_text()) for path in tmp_path.rglob("*")] == [
        ("it", False),
        ("a", "old"),
    ]
    fill(tmp_path / "it", "new")
    assert (tmp_path / "it" / "a").read_text() == "new"


def test_a_folder_that_comes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def overtaken() -> None:
        with atomic_folder(tmp_path / "it", "a test") as aside:
            (aside / "a").write_text("ours")
            (tmp_path / "it").mkdir()
            (tmp_path / "it" / "b").write_text("theirs")

    with pytest.raises(SurveyError, match="exists already"):
        overtaken()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "it"]


def test_an_interrupted_folder_goes_on_only_with_the_same_question(tmp_path: Path) -> None:
    def half(digest: str, found: list[str]) -> None:
        with atomic_folder(tmp_path / "it", "a test", replace=True, resume=digest) as aside:
            found += sorted(path.name for path in aside.glob("[!.]*"))
            (aside / f"part-{digest}").touch()
            raise KeyboardInterrupt

    seen: list[list[str]] = []
    for digest in ("one", "one", "two"):
        seen.append([])
        with pytest.raises(KeyboardInterrupt):
            half(digest, seen[-1])
    assert seen == [[], ["part-one"], []]


def together(commands: Sequence[Sequence[object]], surveys: Path) -> list[tuple[int, str]]:
    """Start all at once; how each ended, and what it wrote on its standard error."""
    env = {**os.environ, "GZ2INTERP_SURVEYS": str(surveys)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]
    return [(process.returncode, errors) for process in started for _, errors in [process.communicate()]]


def test_two_paintings_of_one_name_are_one_survey(tmp_path: Path) -> None:
    ends = together([["trainer", "paint", "s", "--galaxies", 24, "--seed", 3]] * 2, tmp_path)
    assert 0 in [code for code, _ in ends], ends
    for code, errors in ends:
        assert code in (0, 2)
        assert "Traceback" not in errors
        assert code == 0 or "Another process is" in errors or "exists already" in errors
    assert not any(finding.is_damage for finding in check_survey(tmp_path / "s"))
    alone = paint_survey(tmp_path / "alone", 24, 3)
    assert Survey.open(tmp_path / "s").digest == alone.digest
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.long
def test_a_painting_beside_an_ingest_of_one_name_is_one_of_the_two(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(24):
        image = np.random.default_rng(number).normal(size=(5, 64, 64)).astype(np.float32)
        np.save(tmp_path / "images" / f"{FIRST_ID + number}.npy", image)
    ingest = ["trainer", "ingest", "s", "--source", "folder", "--from", tmp_path / "images"]
    ends = together([["trainer", "paint", "s", "--galaxies", 24], ingest], tmp_path)
    assert sorted(code for code, _ in ends) == [0, 2], ends
    assert not any("Traceback" in errors for _, errors in ends)
    survey = Survey.open(tmp_path / "s")
    assert survey.rows_committed == 24
    assert not any(finding.is_damage for finding in check_survey(survey.path))


@pytest.mark.long
def test_two_imports_and_two_analyses_of_one_name(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "s", 300, network=small_network(), analysed=False)
    network = tmp_path / "other.keras"
    network.write_bytes(small_network())
    words = ["gz2interp.cli", "survey", "import", "s", "--model", network, "--classes", "round,long"]
    ends = together([words] * 2, tmp_path)
    assert sorted(code for code, _ in ends) == [0, 2], ends
    assert not any("Traceback" in errors for _, errors in ends)
    assert survey.models() == ["cnn", "other"]
    ends = together([["gz2interp.cli", "analyse", "s", "--model", "other"]] * 2, tmp_path)
    assert 0 in [code for code, _ in ends], ends
    assert all(code == 0 or "Another process is" in errors for code, errors in ends)
    first = analyse(Study(survey, survey.model("other")))
    assert len(first.rows) == int(survey.usable.sum())


def test_a_second_run_of_what_takes_long_is_told(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "s", 40, network=small_network())
    study = Study(survey, survey.model())
    analysis = next(iter((survey.path / "models" / "cnn").glob("*/*/provenance.json"))).parent
    with locked(analysis / ".blocks.being-made" / ".lock", "making it"), pytest.raises(SurveyLocked):
        blocks(study)
    for lock, words in {
        survey.path / ".quality.lock": ["quality", survey.path],
        survey.path / "models" / "cnn" / ".check.lock": ["check", survey.path, "--method", "gradient"],
        analysis / ".unusual.being-made" / ".lock": ["unusual", survey.path],
        analysis / ".clusters.being-made" / ".lock": ["clusters", survey.path],
    }.items():
        with locked(lock, "at it"):
            done = ran(*words)
        assert done.returncode == 2, done
        assert "Another process is" in done.stderr, done


def test_a_name_is_one_in_the_surveys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surveys, here = tmp_path / "surveys", tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(surveys))
    monkeypatch.chdir(here)
    done = ran("paint", "mine", "--galaxies", 2, module="trainer.__main__")
    assert done.returncode == 0, done
    assert str(surveys / "mine") in done.stdout
    assert list(here.iterdir()) == []
    assert find_survey("mine") == new_survey("mine") == surveys / "mine"
    done = ran("paint", "./mine", "--galaxies", 3, module="trainer.__main__")
    assert (here / "mine" / "survey.json").is_file(), done
    for ask in (find_survey, new_survey):
        with pytest.raises(SurveyError, match=r"mine is a survey in the working folder, and another one"):
            ask("mine")
    assert new_survey("./mine") == Path("mine")
    assert new_survey(str(here / "mine")) == here / "mine"
    assert new_survey("..") == Path("..")
    (here / "notes").mkdir()  # any other folder of that name does not matter
    assert new_survey("notes") == surveys / "notes"


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "NAME", "--source", "folder", "--from", "images"],
        ["plant", "shortcut", "NAME", "--kind", "noise", "--class", "spiral", "--galaxies", 8],
    ],
)
def test_every_verb_that_makes_a_survey_goes_by_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[object]
) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path / "surveys"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images" / f"{FIRST_ID}.npy", np.random.default_rng(1).normal(size=(5, 64, 64)))
    done = ran(*("mine" if word == "NAME" else word for word in words), module="trainer.__main__")
    assert done.returncode == 0, done
    assert str(tmp_path / "surveys" / "mine") in done.stdout
    assert Survey.open(find_survey("mine")).rows_committed > 0
    assert not (tmp_path / "mine").exists()
