"""Tables of the command line: complete in a pipe, valid as JSON, with units in a file, never cut on a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from astropy.coordinates import Angle
from astropy.table import Table
from command_line import ran
from dashboard_fixtures import FIRST_ID, make_survey
from hypothesis import example, given
from hypothesis import strategies as st

from gz2interp.console import command_line
from gz2interp.errors import InputError
from gz2interp.result_tables import ResultTable, TableOutput, check_free, table_options
from gz2interp.sky import sexagesimal
from gz2interp.stores.survey import Survey

BIG = 588015507658768484
ROWS = pd.DataFrame(
    {
        "galaxy_id": [BIG, BIG + 1],
        "ra": [123.456789012345, 0.1 + 0.2],
        "dec": [-0.000012345678, np.nan],
        "score": np.array([0.1, np.nan], np.float32),
        "tries": pd.array([3, None], "Int64"),
        "sure": [True, False],
        "reason": ["a sentence\twith a tab, and a very long end of " + "word " * 60, None],
        "without, logit(a)": [1e-12, np.inf],
    }
)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("tables") / "small")


def test_a_pipe_gets_every_digit_and_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().show(ResultTable("Title", ROWS, {"Title": ROWS[["galaxy_id"]]}, ["One note.", "Two\nlines."]))
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("#")] == [
        "# Title",
        "# One note.",
        "# Two",
        "# lines.",
    ]
    back = pd.read_csv(io.StringIO(printed), sep="\t", comment="#")
    assert list(back) == list(ROWS)
    assert back["galaxy_id"].tolist() == [BIG, BIG + 1]
    np.testing.assert_array_equal(back[["ra", "dec"]], ROWS[["ra", "dec"]])
    np.testing.assert_array_equal(back["score"].astype(np.float32), ROWS["score"])
    assert " ".join(str(ROWS["reason"][0]).split()) == back["reason"][0]
    assert not set(printed) & set("…│┃━─")


def test_json_is_valid_and_alone(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput(as_json=True).show(ResultTable("Title", ROWS))
    printed = capsys.readouterr().out
    first, second = json.loads(printed.split("]\n")[0] + "]", parse_constant=pytest.fail)
    assert (first["galaxy_id"], second["galaxy_id"]) == (str(BIG), str(BIG + 1))
    assert (first["ra"], first["score"], first["sure"]) == (123.456789012345, 0.1, True)
    assert [second[name] for name in ("dec", "score", "tries", "reason", "without, logit(a)")] == [None] * 5


@pytest.mark.parametrize("to_file", [False, True])
@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_long_table_is_json_too_block_by_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], blocks: int, to_file: bool
) -> None:
    file = tmp_path / "rows.parquet" if to_file and blocks else None
    TableOutput(as_json=True, file=file).show_blocks((ROWS for _ in range(blocks)), "Title")
    printed = capsys.readouterr().out
    records = json.loads(printed[: printed.index("]\n") + 1], parse_constant=pytest.fail)
    assert [record["galaxy_id"] for record in records] == [str(BIG), str(BIG + 1)] * blocks
    if file:
        assert len(pd.read_parquet(file)) == 2 * blocks


def test_a_long_table_without_a_target_is_refused() -> None:
    with pytest.raises(InputError, match="--all was given without --out or --json"):
        TableOutput().needs_target("--all was given")


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".parquet", ".fits", ".vot"])
def test_a_file_has_the_rows_and_their_units(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"rows{suffix}"
    TableOutput(file=out).show(ResultTable("Title", ROWS.head(1)), ROWS)
    back = pd.read_parquet(out) if suffix == ".parquet" else Table.read(out)
    assert [int(value) for value in back["galaxy_id"]] == [BIG, BIG + 1]
    assert float(back["ra"][0]) == ROWS["ra"][0]
    if suffix in (".fits", ".vot"):
        assert str(back["ra"].unit) == "deg"


@given(st.floats(0, 360), st.floats(-90, 90))
@example(359.99999999999, -1e-9)
@example(15 * (1 + 59 / 60 + 59.9999999 / 3600), 89.9999999999)
@example(0.0, -0.5)
def test_sexagesimal_is_the_same_place(ra: float, dec: float) -> None:
    (hours,), (degrees,) = sexagesimal([ra], hours=True), sexagesimal([dec], hours=False)
    for text in (hours, degrees):
        _, minutes, seconds = text.lstrip("+-").split(":")
        assert int(minutes) < 60
        assert float(seconds) < 60
    apart = abs(Angle(hours, unit="hourangle").degree - ra)
    assert min(apart, 360 - apart) * 3600 <= 1e-4
    assert abs(Angle(degrees, unit="deg").degree - dec) * 3600 <= 1e-4
    assert int(hours.split(":")[0]) < 24


def test_coordinates_become_texts_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput(as_json=True, sexagesimal=True).show(ResultTable("Title", ROWS))
    first, second = json.loads(capsys.readouterr().out.split("]\n")[0] + "]")
    assert (first["ra"], first["dec"]) == ("08:13:49.62936", "-00:00:00.0444")
    assert second["dec"] == ""


def _verb() -> typer.Typer:
    app = command_line("For this test.")

    @app.command()
    @table_options("every row", figures=True, positions=True)
    def rows(survey: str = "x", progress: str = "bars", *, output: TableOutput) -> None:
        """Print rows."""
        output.show(ResultTable(survey, ROWS))

    @app.command()
    def other() -> None:
        """Do nothing."""

    return app


def asked(*words: object) -> None:
    _verb()([*map(str, words)], standalone_mode=False)


def test_a_file_that_exists_is_left_unless_it_may_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    out.write_text("mine")
    with pytest.raises(InputError, match=r"rows\.csv exists already.*--overwrite"):
        asked("rows", "--out", out)
    assert out.read_text() == "mine"
    asked("rows", "--out", out, "--overwrite")
    assert len(pd.read_csv(out)) == len(ROWS)
    with pytest.raises(InputError, match=r"rows\.csv exists"):  # a figure's numbers would lie there
        asked("rows", "--out", tmp_path / "rows.pdf")
    with pytest.raises(InputError, match=r"The suffix may be .*\.vot.*\.svg"):
        asked("rows", "--out", tmp_path / "rows.doc")


def test_two_programs_cannot_have_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="--progress json"):
        asked("rows", "--json", "--progress", "json")
    asked("rows", "--json")
    json.loads(capsys.readouterr().out)
    check_free([], overwrite=False)


@pytest.mark.parametrize(
    "words",
    [("neighbours", "{survey}", str(FIRST_ID), "-n", "2"), ("survey", "check", "{survey}"), ("methods",)],
)
def test_json_of_verbs_is_alone_on_standard_output(survey: Survey, words: tuple[str, ...]) -> None:
    done = ran(*(word.format(survey=survey.path) for word in words), "--json")
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert records
    assert all(isinstance(record.get("galaxy_id", ""), str) for record in records)
    plain = ran(*(word.format(survey=survey.path) for word in words))
    lines = [line for line in plain.stdout.splitlines() if not line.startswith("#")]
    assert len(lines) == 1 + len(records)
    assert all(line.count("\t") == lines[0].count("\t") for line in lines)


def _on_a_terminal(columns: int, script: str) -> str:
    """What a program prints on a terminal of so many columns."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "dumb"}
    with subprocess.Popen([sys.executable, "-c", script], stdout=follower, env=environment):
        os.close(follower)
        parts = []
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(leader)
    return b"".join(parts).decode()


@pytest.mark.parametrize("columns", [40, 200])
def test_a_terminal_shows_whole_numbers_and_all_words(columns: int) -> None:
    words = " ".join(f"word{i}" for i in range(40))
    script = f"""
import pandas as pd
from gz2interp.result_tables import ResultTable, TableOutput
rows = pd.DataFrame({{"galaxy_id": [{BIG}], "ra": [123.456789012345], "x": [0.123456], "reason": [{words!r}]}})
TableOutput().show(ResultTable("Title", rows))
"""
    printed = _on_a_terminal(columns, script)
    for text in (str(BIG), "123.456789012345", "0.1235"):
        assert text in printed
    assert "…" not in printed
    squeezed = "".join(line.rstrip().strip("│ ").rsplit("│", 1)[-1].strip() for line in printed.splitlines())
    assert words.replace(" ", "") in squeezed.replace(" ", "")


def test_every_verb_that_prints_a_table_offers_json() -> None:
    from test_help import COMMANDS

    offering = {
        " ".join(words)
        for _, words, command in COMMANDS
        if any("--json" in parameter.opts for parameter in command.params)
    }
    tables = (
        "agreement atlas bands bar calibrate-source card catalog channels check clusters compare dictionary download "
        "evaluate features fit groups methods neighbours place repaint suspects uncertainty unusual"
    )
    assert offering >= {*tables.split(), "survey check"}


def test_every_verb_that_writes_a_named_file_asks_before_it_replaces_one() -> None:
    from test_help import COMMANDS

    options = {
        " ".join(words): {name for each in command.params for name in each.opts} for _, words, command in COMMANDS
    }
    writing = {verb for verb, names in options.items() if "--out" in names}
    assert {"figure", "explain", "export", "survey export", "grid", "neighbours", "card"} <= writing
    assert {verb for verb in writing if "--overwrite" not in options[verb]} == set()
