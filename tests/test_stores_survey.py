"""Laws of the survey folder: what was appended is read back, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gz2interp.errors import CutoutUnavailable, InputError, SurveyError, SurveyLocked
from gz2interp.results import Cutout
from gz2interp.stores.arrays import SHARD_ROWS, create_array, read_rows
from gz2interp.stores.checking import check_survey
from gz2interp.stores.files import atomic_write, write_json
from gz2interp.stores.survey import Survey

FIRST_ID = 588015507658768484
"""Above 2**53: a float would turn it into another galaxy."""


def catalog(n: int) -> pd.DataFrame:
    return pd.DataFrame({"galaxy_id": FIRST_ID + np.arange(n), "ra": np.linspace(0, 350, n), "dec": np.zeros(n)})


def cutout(row: int, shape: tuple[int, int] = (6, 6), bands: int = 3) -> Cutout:
    rng = np.random.default_rng(row)
    image = rng.normal(size=(*shape, bands)).astype(np.float32)
    return Cutout(image, rng.random(shape) < 0.9, "test", 0.396, 12.0, "nanomaggy", (0.1,) * bands, (1.3,) * bands)


def outcome(row: int) -> Cutout | CutoutUnavailable:
    return CutoutUnavailable("missing", "the archive has none") if row % 7 == 3 else cutout(row)


def new_survey(path: Path, n: int) -> Survey:
    return Survey.create(path, catalog(n), bands=("g", "r", "i"), shape=(6, 6), source="test")


def append(survey: Survey, rows: range) -> None:
    with survey.writer() as writer:
        for row in rows:
            writer.append(outcome(row), source="test")


def assert_holds(survey: Survey, n: int) -> None:
    assert survey.rows_committed == n
    images, valid = survey.images(np.arange(n)), survey.valid(np.arange(n))
    for row, (image, mask) in enumerate(zip(images, valid, strict=True)):
        expected = outcome(row)
        assert survey.usable[row] == isinstance(expected, Cutout)
        np.testing.assert_array_equal(image, expected.image if isinstance(expected, Cutout) else 0)
        np.testing.assert_array_equal(mask, expected.valid if isinstance(expected, Cutout) else False)


def test_a_survey_is_opened_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    new_survey(tmp_path / "deep", 4)
    assert Survey.open("deep").path == tmp_path / "deep"
    with pytest.raises(SurveyError, match="There is no survey deeper"):
        Survey.open("deeper")


def test_a_cutout_comes_back_with_what_is_known_of_it(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 4)
    append(survey, range(4))
    survey = survey.refreshed()
    found, expected = survey.cutout(1), cutout(1)
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.valid, expected.valid)
    assert (found.source, found.pixel_scale, found.position_angle, found.native_unit) == (
        "test",
        0.396,
        12,
        "nanomaggy",
    )
    assert (found.sky_sigma, found.psf_fwhm) == ((0.1,) * 3, (1.3,) * 3)
    with pytest.raises(SurveyError, match="has no image: missing, the archive has none"):
        survey.cutout(3)


def test_a_writer_that_writes_nothing_changes_nothing(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 600)
    append(survey, range(300))
    before = survey.refreshed().header
    append(survey, range(300, 300))
    assert survey.refreshed().header == before
    assert not [finding.words for finding in check_survey(survey.path) if finding.is_damage]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 600), max_size=4))
def test_appending_in_any_portions_gives_one_survey(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    survey = new_survey(tmp_path_factory.mktemp("surveys") / "one", 600)
    stops = [0, *sorted(cuts), 600]
    for start, stop in itertools.pairwise(stops):
        append(survey, range(start, stop))
    survey = survey.refreshed()
    assert_holds(survey, 600)
    whole = new_survey(survey.path.with_name("whole"), 600)
    append(whole, range(600))
    assert whole.refreshed().header.pixels_digest == survey.header.pixels_digest
    assert not any(finding.is_damage for finding in check_survey(survey.path))


def test_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 300)
    append(survey, range(300))
    survey = survey.refreshed()
    rows = np.array([299, 0, 256, 0, 17])
    np.testing.assert_array_equal(survey.images(rows), np.stack([survey.images([row])[0] for row in rows]))
    assert survey.images([]).shape == (0, 6, 6, 3)
    pd.testing.assert_frame_equal(survey.journal.entries_of(rows), survey.status.loc[rows])
    with pytest.raises(KeyError):
        survey.journal.entries_of([300])
    batches = list(survey.batches(100))
    np.testing.assert_array_equal(np.concatenate([batch.rows for batch in batches]), np.flatnonzero(survey.usable))
    assert max(len(batch.images) for batch in batches) == 100


def test_ids_above_2_to_the_53_survive(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 3)
    assert survey.row_of(str(FIRST_ID)) == 0
    assert survey.row_of(FIRST_ID + 1) == 1
    assert Survey.open(survey.path).catalog["galaxy_id"].tolist() == [FIRST_ID, FIRST_ID + 1, FIRST_ID + 2]
    for wrong in ("588015507658768480", "NGC 1300", "588_015507658768484", float(FIRST_ID), float("inf"), None):
        with pytest.raises(InputError, match="No galaxy"):
            survey.row_of(wrong)  # type: ignore[arg-type]


def test_a_second_writer_is_told(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 3)
    with (
        survey.writer(),
        pytest.raises(SurveyLocked, match=r"Another process is writing .* reading is possible"),
        survey.writer(),
    ):
        pass
    with survey.writer() as writer:
        assert writer.rows_written == 0


def test_an_error_inside_the_block_keeps_what_was_staged(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 10)

    def interrupted() -> None:
        with survey.writer() as writer:
            for row in range(4):
                writer.append(outcome(row))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert survey.refreshed().rows_committed == 4


def test_wrong_cutouts_are_refused_in_words(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 2)
    nan = cutout(0)
    nan.image[0, 0, 0] = np.nan
    with survey.writer() as writer:
        with pytest.raises(InputError, match=r"shape \(6, 6, 4\).*\(6, 6, 3\)"):
            writer.append(cutout(0, bands=4))
        with pytest.raises(InputError, match="NaN"):
            writer.append(nan)
        writer.append(cutout(0))
        writer.append(cutout(1))
        with pytest.raises(SurveyError, match="has 2 cutouts already"):
            writer.append(cutout(2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="ra"), "no column ra"),
        (lambda frame: frame.astype({"galaxy_id": float}), r"2\*\*53"),
        (lambda frame: pd.concat([frame, frame.head(1)]), "is listed twice"),
    ],
)
def test_bad_catalogues_are_refused(tmp_path: Path, change: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Survey.create(tmp_path / "s", change(catalog(3)))  # type: ignore[operator]
    assert not (tmp_path / "s").exists()


def test_what_is_no_survey_is_told(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"is not a survey.*Run python -m trainer demo"):
        Survey.open(tmp_path)
    survey = new_survey(tmp_path / "s", 3)
    with pytest.raises(SurveyError, match="exists already"):
        new_survey(tmp_path / "s", 3)
    with pytest.raises(SurveyError, match="Cutouts 0 to -1 are present"):
        survey.images([0])
    (survey.path / "survey.json").write_text("{")
    with pytest.raises(SurveyError, match=r"survey\.json cannot be read"):
        Survey.open(survey.path)


def test_check_names_the_damage(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 300)
    append(survey, range(280))
    words = [finding.words for finding in check_survey(survey.path)]
    assert words == [
        "20 of 300 galaxies were not requested yet",
        f"40 x missing: the archive has none (for example galaxy {FIRST_ID + 3})",
    ]
    shard = survey.path / "cutouts.zarr" / "images" / "c" / "0" / "0" / "0" / "0"
    pixels = bytearray(shard.read_bytes())
    pixels[1000] ^= 1
    shard.write_bytes(pixels)
    damage = [finding.words for finding in check_survey(survey.path) if finding.is_damage]
    assert any("rows 0 to 255 are not those that were written" in words for words in damage)


@pytest.mark.parametrize("rows", [280, 256, 300])
def test_check_is_right_beside_a_writer_that_was_killed(tmp_path: Path, rows: int) -> None:
    """Killed after the pixels and the journal, before rows_committed: nothing is damaged, and that is what is said."""
    survey = new_survey(tmp_path / "s", 600)
    append(survey, range(rows))
    before = (survey.path / "survey.json").read_bytes()
    append(survey, range(rows, 590))
    (survey.path / "survey.json").write_bytes(before)
    findings = check_survey(survey.path)
    assert not [finding.words for finding in findings if finding.is_damage]
    assert any("the next one cleans up" in finding.words for finding in findings)
    append(survey, range(rows, 600))
    assert_holds(survey.refreshed(), 600)
    assert not any("cleans up" in finding.words for finding in check_survey(survey.path))


def test_damaged_parts_are_told_in_words(tmp_path: Path) -> None:
    survey = new_survey(tmp_path / "s", 300)
    append(survey, range(300))
    shard = survey.path / "cutouts.zarr" / "images" / "c" / "0" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(SurveyError, match="gz2interp survey check"):
        survey.refreshed().images([0])
    journal = survey.path / "status.sqlite"
    for spoil in (lambda: journal.write_bytes(b"garbage" * 99), journal.unlink):
        spoil()
        with pytest.raises(SurveyError, match=r"status\.sqlite cannot be read|There is no file .*status\.sqlite"):
            _ = survey.refreshed().status
        assert any("status.sqlite" in finding.words for finding in check_survey(survey.path))
    assert not journal.exists()
    for header in ('{"format": "x"}', "[]", '{"format": 2}'):
        (survey.path / "survey.json").write_text(header)
        with pytest.raises(SurveyError, match=r"survey\.json cannot be read|Update gz2interp"):
            Survey.open(survey.path)


WRITERS = """
import os, sys
sys.path.insert(0, {tests!r})
from test_stores_survey import Survey, outcome

def write():
    survey = Survey.open({path!r})
    with survey.writer() as writer:
        print(os.getpid(), flush=True)
        for row in range(writer.rows_written, len(survey)):
            writer.append(outcome(row), source="test")

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        write()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""For each line it is told, it splits off a process that writes; what takes seconds to import is imported once."""


def test_killed_anywhere_it_reopens_and_goes_on(tmp_path: Path) -> None:
    """SIGKILL at random moments; the survey is readable after each, and in the end as if nothing had happened."""
    n, rng = 3000, np.random.default_rng(5)
    survey = new_survey(tmp_path / "s", n)
    code = WRITERS.format(tests=str(Path(__file__).parent), path=str(survey.path))
    killed = 0
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for _ in range(30):
            writers.stdin.write("\n")
            child = int(writers.stdout.readline())
            time.sleep(float(rng.uniform(0, 0.12)))
            os.kill(child, signal.SIGKILL)
            killed += int(writers.stdout.readline()) == -signal.SIGKILL
            survey = survey.refreshed()
            assert len(survey.status) == survey.rows_committed
            survey.images(np.arange(survey.rows_committed))
            if survey.rows_committed == n or killed == 8:
                break
        assert killed >= 1
        writers.stdin.write("\n")
        writers.stdout.readline()
        assert int(writers.stdout.readline()) == 0
        writers.stdin.close()
    assert not any(finding.is_damage for finding in check_survey(survey.path))
    survey = survey.refreshed()
    rows = rng.choice(n, 200, replace=False)
    for row in rows:
        expected = outcome(int(row))
        np.testing.assert_array_equal(
            survey.images([row])[0], expected.image if isinstance(expected, Cutout) else np.zeros((6, 6, 3))
        )


@pytest.mark.parametrize("share", [0.01, 0.2, 0.6, 1.0])
def test_rows_however_densely_they_lie_are_those_that_were_asked_for(tmp_path: Path, share: float) -> None:
    count = 3 * SHARD_ROWS + 17
    values = np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3)
    array = create_array(tmp_path / "a.zarr", values.shape, np.float32)
    array[:] = values
    generator = np.random.default_rng(7)
    rows = np.flatnonzero(generator.uniform(size=count) < share)
    for asked in (rows, rows[::-1], generator.permutation(np.concatenate([rows, rows])), rows[:0], [count - 1, 0]):
        assert np.array_equal(read_rows(array, asked), values[asked])


def test_a_survey_made_before_there_was_a_middle_part_still_opens(tmp_path: Path) -> None:
    survey = Survey.create(tmp_path / "old", catalog(4), shape=(6, 6), bands=("g", "r", "i"), source="test")
    file = survey.path / "survey.json"
    record = json.loads(file.read_text())
    del record["central"]
    file.write_text(json.dumps(record))
    assert Survey.open(survey.path).digest == survey.digest
    del record["rows_committed"]  # which no default may stand for
    file.write_text(json.dumps(record))
    with pytest.raises(SurveyError, match="rows_committed"):
        Survey.open(survey.path)


@pytest.mark.parametrize(
    ("bands", "size", "words"),
    [
        (("u", "g", "u"), 6, "u g u"),
        (("u", "U"), 6, "u U"),
        ((), 6, "No band was given"),
        (("g", "r", "i"), 9000, "9000 x 9000 pixels in 3 bands"),
    ],
)
def test_a_survey_that_could_not_be_filled_is_refused_and_leaves_nothing(
    tmp_path: Path, bands: tuple[str, ...], size: int, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        Survey.create(tmp_path / "s", catalog(4), shape=(size, size), bands=bands, source="test")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_and_what_another_machine_writes_is_not(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    with atomic_write(file) as aside:
        aside.write_text("1")
        name = aside.name
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    killed = tmp_path / name.replace(f".{os.getpid()}.", f".{ended.pid}.")
    host = re.search(r"\.([0-9a-f]{8})-", name)
    assert host
    alive, elsewhere = (
        tmp_path / name.replace(f".{os.getpid()}.", f".{os.getppid()}."),
        killed.name.replace(host[1], "0" * 8),
    )
    for each in (killed, alive, tmp_path / elsewhere):
        each.write_text("2")
    write_json(file, 3)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted({alive.name, elsewhere, "table.json"})
