"""The command line as a user meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import FIRST_ID, LOST, make_survey

from gz2interp.stores.survey import Survey


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("cli") / "small")


@pytest.mark.parametrize(
    ("module", "words", "code", "told"),
    [
        ("gz2interp.cli", ("survey", "check", "{survey}"), 0, "is whole"),
        ("trainer", ("fit", "/nowhere"), 2, "There is no survey"),
    ],
)
def test_the_programs_start_in_a_shell(
    survey: Survey, module: str, words: tuple[str, ...], code: int, told: str
) -> None:
    """As processes, once each; everything else is asked without one."""
    command = [
        sys.executable,
        "-W",
        "error::UserWarning",
        "-m",
        module,
        *(word.format(survey=survey.path) for word in words),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_that_a_survey_is_whole(survey: Survey) -> None:
    done = ran("survey", "check", survey.path)
    assert done.returncode == 0
    assert "is whole" in done.stdout
    assert "1 x missing: the archive has no such field" in done.stdout


def test_check_ends_with_1_on_damage(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "hurt", model=False, analysed=False)
    shard = survey.path / "cutouts.zarr" / "images" / "c" / "0" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:-100])
    done = ran("survey", "check", survey.path)
    assert done.returncode == 1
    assert "damage" in done.stdout
    assert "Traceback" not in done.stderr


def test_export_writes_one_table(survey: Survey, tmp_path: Path) -> None:
    done = ran("survey", "export", survey.path, "--out", tmp_path / "all.parquet")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_parquet(tmp_path / "all.parquet")) == len(survey)


def test_neighbours_prints_whole_ids(survey: Survey) -> None:
    done = ran("neighbours", survey.path, FIRST_ID, "-n", 3)
    assert done.returncode == 0, done.stderr
    title, *lines = done.stdout.splitlines()
    assert title.endswith(str(FIRST_ID))
    table = pd.read_csv(io.StringIO("\n".join(lines)), sep="\t", comment="#", dtype=str)
    assert table["near"].tolist() == [str(FIRST_ID)] * 3
    assert table["galaxy_id"].str.fullmatch(r"5880155076587\d{5}").all()


def test_neighbours_of_all_go_into_a_file(survey: Survey, tmp_path: Path) -> None:
    done = ran("neighbours", survey.path, "--all", "--least", "-n", 2, "--out", tmp_path / "all.parquet")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "all.parquet")
    assert len(table) == 2 * (len(survey) - 1)
    assert table["near"].nunique() == len(survey) - 1
    assert FIRST_ID in set(table["near"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("neighbours", "{survey}"), "Galaxy ids, or --image FILE, or --all --out FILE"),
        (("neighbours", "{survey}", "--all"), "--all was given without --out or --json"),
        (("neighbours", "{survey}", str(FIRST_ID), "--all", "--out", "a.csv"), "given together"),
        (("survey", "check", "/nowhere"), "There is no survey /nowhere"),
        (("neighbours", "{survey}", "12"), "No galaxy 12 is in small"),
        (("neighbours", "{survey}", str(FIRST_ID + LOST)), "has no image, so it has no neighbours"),
        (("neighbours", "{survey}", str(FIRST_ID), "--layer", "conv9"), "gz2interp analyse"),
        (("figure", "{survey}", str(FIRST_ID), "--out", "a.gif"), ".pdf, .svg, .png"),
        (("explain", "{survey}", str(FIRST_ID), "--against", "round"), "without --class"),
        (("survey", "export", "{survey}", "--out", "a.xlsx"), "The suffix may be"),
        (("survey", "import", "{survey}", "--model", "/nowhere.keras"), "There is no network"),
    ],
)
def test_a_mistake_ends_in_words(survey: Survey, words: tuple[str, ...], told: str) -> None:
    done = ran(*(word.format(survey=survey.path) for word in words))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer", "paint", str(tmp_path / "s"), "--galaxies", "1500"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for _ in range(2400):  # the first shard, on a machine that others share
        if (tmp_path / "s" / "survey.json").exists() and Survey.open(tmp_path / "s").rows_committed:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted. Finished work is kept" in told
    assert "Traceback" not in told
    assert Survey.open(tmp_path / "s").rows_committed > 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("catalog", "/nowhere.csv"), "There is no file"),
        (("fit", "/nowhere"), "There is no survey"),
        (("ingest", "/tmp/new", "--source", "hubble", "--from", "."), "One of folder, sdss_frames"),
        (("demo", "--progress", "song"), "bars or json"),
        (("fit", "{survey}", "--set", "epochs"), "--set epochs=10"),
        (("fit", "{survey}", "--set", "epoch=3"), "epochs"),
    ],
)
def test_the_trainers_mistakes_too(survey: Survey, words: tuple[str, ...], told: str) -> None:
    done = ran(*(word.format(survey=survey.path) for word in words), module="trainer.__main__")
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_methods_are_listed_with_their_papers() -> None:
    done = ran("methods")
    assert done.returncode == 0, done.stderr
    for name in ("integrated_gradients", "occlusion_by_band", "1703.01365"):
        assert name in done.stdout
