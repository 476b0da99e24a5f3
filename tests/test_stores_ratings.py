"""What a person said is never lost: killed processes, two writers, undo, and files that go out and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dashboard_fixtures import FIRST_ID, make_survey

from gz2interp.errors import InputError, SurveyError
from gz2interp.stores.ratings import Rating, Ratings
from gz2interp.workflows.rating import export_ratings, import_ratings, rate, ratings_of

WRITER = """
import sys
from pathlib import Path
from gz2interp.stores.ratings import Rating, Ratings
ratings = Ratings(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    ratings.rate(Rating(588015507658768484 + number, number % 6), sys.argv[2])
    print(number, flush=True)
"""


@pytest.fixture
def ratings(tmp_path: Path) -> Ratings:
    return Ratings(tmp_path / "ratings.sqlite")


def writer(ratings: Ratings, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(ratings.path), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_there_is_nothing_before_the_first(ratings: Ratings) -> None:
    assert len(ratings.table()) == 0
    assert ratings.undo() == []
    assert ratings.count() == 0
    assert not ratings.path.exists()


def test_the_last_rating_of_a_galaxy_counts(ratings: Ratings) -> None:
    ratings.rate(Rating(FIRST_ID, 1))
    ratings.rate(Rating(FIRST_ID + 1, 0, "star", "a note"))
    ratings.rate(Rating(FIRST_ID, 5))
    table = ratings.table()
    assert table["galaxy_id"].tolist() == [FIRST_ID + 1, FIRST_ID]
    assert table["rating"].tolist() == [0, 5]
    assert table["tag"].tolist() == ["star", ""]


def test_what_is_undone_counts_no_longer_and_the_earlier_rating_counts_again(ratings: Ratings) -> None:
    ratings.rate(Rating(FIRST_ID, 1), "a")
    ratings.rate(Rating(FIRST_ID, 4), "a")
    ratings.rate(Rating(FIRST_ID + 1, 3), "b")
    before = ratings.count()
    assert [taken.rating for taken in ratings.undo("a")] == [4]
    assert ratings.count() > before
    assert ratings.table().set_index("galaxy_id")["rating"].to_dict() == {FIRST_ID: 1, FIRST_ID + 1: 3}
    assert [taken.rating for taken in ratings.undo()] == [3]
    assert [taken.rating for taken in ratings.undo()] == [1]
    assert ratings.undo() == []


def test_a_process_that_is_killed_loses_nothing_that_it_said(ratings: Ratings) -> None:
    with writer(ratings, 0, 100_000) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(30)][-1]
        os.kill(process.pid, signal.SIGKILL)
    known = ratings.table()["galaxy_id"].tolist()
    assert known[: said + 1] == [FIRST_ID + number for number in range(said + 1)]
    ratings.rate(Rating(FIRST_ID, 5))
    assert ratings.table()["rating"].iloc[-1] == 5


def test_several_processes_and_threads_write_at_once(ratings: Ratings) -> None:
    with writer(ratings, 0, 40) as one, writer(ratings, 40, 80) as two, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: ratings.rate(Rating(FIRST_ID + number, 2), "thread"), range(80, 120)))
        one.communicate()
        two.communicate()
    assert sorted(ratings.table()["galaxy_id"]) == [FIRST_ID + number for number in range(120)]
    assert [taken.galaxy_id for taken in ratings.undo("0")] == [FIRST_ID + 39]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_ratings_go_out_and_come_back(tmp_path: Path, suffix: str) -> None:
    survey = make_survey(tmp_path / "tiny", 12, model=False, analysed=False)
    other = make_survey(tmp_path / "other", 12, model=False, analysed=False)
    rate(survey, FIRST_ID, 5, "ring", 'says "odd", and more')
    rate(survey, str(FIRST_ID + 7), 0)
    file = tmp_path / f"ratings{suffix}"
    assert export_ratings(survey, file) == 2
    assert import_ratings(other, file) == (2, 0, 0)
    assert ratings_of(other).table().equals(ratings_of(survey).table())
    assert import_ratings(other, file) == (0, 2, 0)
    assert len(ratings_of(other).undo()) == 2
    assert len(ratings_of(other).table()) == 0


def test_of_two_ratings_the_later_counts_wherever_it_came_from(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 12, model=False, analysed=False)
    rate(survey, FIRST_ID, 3)
    lines = [
        "galaxy_id,rating,time",
        f"{FIRST_ID},1,2001-01-01T00:00:00",
        f"{FIRST_ID + 1},2,",
        f"{FIRST_ID + 2},4,2101-01-01T00:00:00+00:00",
        f"{FIRST_ID + 2},5,2100-01-01T00:00:00+00:00",
        "12,5,",
    ]
    (tmp_path / "theirs.csv").write_text("\n".join(lines))
    assert import_ratings(survey, tmp_path / "theirs.csv") == (2, 2, 1)
    known = ratings_of(survey).table().set_index("galaxy_id")["rating"].to_dict()
    assert known == {FIRST_ID: 3, FIRST_ID + 1: 2, FIRST_ID + 2: 4}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("galaxy_id\n1", "no column rating"),
        (f"galaxy_id,rating\n{FIRST_ID},2\n{FIRST_ID + 1},9", "The rating 9"),
        (f"galaxy_id,rating\n{FIRST_ID},2\n5.88e17,1", "Whole numbers"),
        (f"galaxy_id,rating,time\n{FIRST_ID},2,yesterday", "The time of a rating is 'yesterday'"),
    ],
)
def test_a_file_with_a_mistake_is_not_taken_in_at_all(tmp_path: Path, text: str, words: str) -> None:
    survey = make_survey(tmp_path / "tiny", 12, model=False, analysed=False)
    (tmp_path / "theirs.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        import_ratings(survey, tmp_path / "theirs.csv")
    assert len(ratings_of(survey).table()) == 0


def test_a_galaxy_of_another_survey_cannot_be_rated(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 12, model=False, analysed=False)
    with pytest.raises(InputError):
        rate(survey, 17, 3)
    with pytest.raises(InputError, match="The rating 6"):
        rate(survey, FIRST_ID, 6)


def test_a_damaged_file_is_told(ratings: Ratings) -> None:
    ratings.path.write_bytes(b"not a database, but long enough to be looked at" * 40)
    with pytest.raises(SurveyError, match="cannot be read"):
        ratings.table()
    with pytest.raises(SurveyError, match="cannot be written"):
        ratings.rate(Rating(FIRST_ID, 1))


def test_a_file_that_a_killed_process_left_empty_holds_nothing(ratings: Ratings) -> None:
    ratings.path.touch()
    assert len(ratings.table()) == 0
    assert ratings.count() == 0
    assert ratings.undo() == []
    ratings.rate(Rating(FIRST_ID, 1))
    assert ratings.count() == 1
