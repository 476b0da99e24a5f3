"""Ids of any length and form: the right galaxy or one sentence, wherever a person or a file writes one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import FIRST_ID, make_survey, small_network
from hypothesis import given
from hypothesis import strategies as st

from dashboards.selection import read_params
from gz2interp.errors import InputError
from gz2interp.schema import parse_galaxy_id
from gz2interp.stores.latents import exact_ids
from gz2interp.stores.survey import Survey
from gz2interp.workflows.rating import import_ratings
from trainer.catalog.identity import ids_of

NO_IDS = (
    "9" * 5000,
    "1" * 19 + "0",
    str(2**63),
    "1e18",
    f"{FIRST_ID}.0",
    "5.88E+17",
    "inf",
    "nan",
    "\uff15\uff18\uff18",
    "\u0663",
    "\xb2",
    "588_015",
    "588 015",
    "0x10",
    "-5",
    "+5",
    "",
    "\x00",
    "![a](http://127.0.0.1/)",
    "x" * 3000,
)

VERBS = (
    ("explain", "SURVEY", "ID"),
    ("figure", "SURVEY", "ID"),
    ("figure", "SURVEY", "ID", "--each"),
    ("figure", "SURVEY", "ID", "--layout", "neighbours"),
    ("figure", "SURVEY", "ID", "--layout", "bands"),
    ("repaint", "SURVEY", "ID", "--without", "bar"),
    ("bar", "SURVEY", "ID"),
    ("bands", "SURVEY", "ID"),
    ("dictionary", "SURVEY", "ID"),
    ("groups", "SURVEY", "ID"),
    ("grid", "SURVEY", "ID"),
    ("export", "SURVEY", "ID", "--out", "OUT"),
    ("export", "SURVEY", "--near", "ID", "--out", "OUT"),
    ("export", "SURVEY", "--galaxies", "FILE", "--out", "OUT"),
    ("send", "SURVEY", "ID"),
    ("neighbours", "SURVEY", "ID"),
    ("rate", "SURVEY", "ID"),
    ("explain", "SURVEY", str(FIRST_ID), "--of", "similarity(ID)"),
)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("ids") / "s", 40, network=small_network())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb)[:40])
def test_every_verb_refuses_what_is_no_id_in_words(survey: Survey, tmp_path: Path, verb: tuple[str, ...]) -> None:
    for text in ("9" * 5000, "1e18", "\uff15\uff18\uff18", str(2**63 - 1), "-5"):
        (tmp_path / "ids.txt").write_text(f"{text}\n", encoding="utf-8")
        stands_for = {"SURVEY": survey.path, "OUT": tmp_path / "out.csv", "FILE": tmp_path / "ids.txt"}
        words = [stands_for.get(word, word.replace("ID", text)) for word in verb]
        done = ran(*words)
        assert done.returncode == 2, done
        assert "Traceback" not in done.stderr
        assert len(done.stderr) < 1500, done.stderr
        assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("written", NO_IDS, ids=lambda text: text[:20].encode("unicode_escape").decode())
def test_every_reader_of_ids_refuses_it(survey: Survey, tmp_path: Path, written: str) -> None:
    with pytest.raises(InputError, match=r"^.{1,500}$"):
        survey.row_of(written)
    selection, sentences = read_params({"galaxy_id": written})
    assert selection.galaxy_id == ""
    assert len(sentences) == 1
    with pytest.raises(InputError, match=r"^.{1,500}$"):
        ids_of(pd.Series([str(FIRST_ID), written]), "table, column id")
    with pytest.raises(InputError, match=r"^.{1,500}$"):
        exact_ids(np.array([str(FIRST_ID), written], dtype=object), "latents.npz")
    if "\x00" not in written:  # which no CSV file holds
        table = tmp_path / "ratings.csv"
        pd.DataFrame({"galaxy_id": [written], "rating": ["3"]}).to_csv(table, index=False)
        with pytest.raises(InputError, match=r"^.{1,500}$"):
            import_ratings(survey, table)


@pytest.mark.parametrize(
    "written", [10**5000, -(10**5000), 2**63, 1e18, float(FIRST_ID), True, None, np.float64(3)], ids=range(8)
)
def test_what_python_hands_over_is_checked_too(survey: Survey, written: object) -> None:
    with pytest.raises(InputError, match=r"^.{1,500}$"):
        survey.row_of(written)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", [FIRST_ID, np.int64(FIRST_ID), str(FIRST_ID), f" {FIRST_ID}\n", f"{FIRST_ID:05000d}"], ids=range(5)
)
def test_a_galaxy_is_found_however_its_id_is_written(survey: Survey, written: int | str) -> None:
    assert survey.row_of(written) == 0


@given(st.integers(0, 2**63 - 1))
def test_every_id_below_2_to_the_63_comes_back(number: int) -> None:
    assert parse_galaxy_id(str(number)) == parse_galaxy_id(number) == parse_galaxy_id(np.int64(number)) == number
    assert parse_galaxy_id(f"  {number} ".encode()) == number


@given(st.one_of(st.text(), st.floats().map(str), st.integers().map(str), st.from_regex(r"\A[-+0-9_.eE ]+\Z")))
def test_a_text_is_an_id_or_is_refused_with_a_reason(text: str) -> None:
    digits = text.strip()
    if digits.isascii() and digits.isdecimal() and int(text) < 2**63:
        assert parse_galaxy_id(text) == int(text)
    else:
        with pytest.raises(ValueError, match=r"^it "):
            parse_galaxy_id(text)
