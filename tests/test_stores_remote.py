"""Surveys at addresses: the same survey through a real HTTP server and through fsspec, and what to say when not."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import make_survey
from serving import Served, served

from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Provenance
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.checking import check_survey
from gz2interp.stores.exporting import joined_table
from gz2interp.stores.locations import find_survey, survey_paths
from gz2interp.stores.remote import address_of
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.workflows.neighbours import neighbours_of
from trainer.paint import paint_survey

ROOT = Path(__file__).resolve().parents[1]
GALAXIES = SHARD_ROWS + 40


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Never written to: tests that alter it take a copy."""
    return make_survey(tmp_path_factory.mktemp("original") / "sky", GALAXIES)


@pytest.fixture(autouse=True)
def surveys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path / "surveys"))
    return tmp_path / "surveys"


@pytest.fixture
def server(original: Survey) -> Iterator[Served]:
    with served(original.path.parent) as server:
        yield server


@pytest.fixture
def memory(original: Survey) -> Iterator[str]:
    store = fsspec.filesystem("memory")
    store.put(str(original.path), "/bucket/sky", recursive=True)
    yield "memory://bucket/sky"
    store.rm("/bucket", recursive=True)


@pytest.fixture(params=["http", "memory", "file"])
def address(request: pytest.FixtureRequest, original: Survey) -> str:
    if request.param == "http":
        return f"{request.getfixturevalue('server').url}/sky"
    return original.path.as_uri() if request.param == "file" else str(request.getfixturevalue("memory"))


def test_a_survey_is_the_same_from_everywhere(address: str, original: Survey, surveys: Path) -> None:
    remote = Survey.open(address)
    assert (remote.digest, len(remote), remote.address) == (original.digest, len(original), address)
    assert remote.path.parent == surveys
    assert address in repr(remote)
    for rows in ([3], range(GALAXIES), [GALAXIES - 1, 0, 7, 7]):
        np.testing.assert_array_equal(remote.images(rows), original.images(rows))
        np.testing.assert_array_equal(remote.valid(rows), original.valid(rows))
    pd.testing.assert_frame_equal(remote.catalog, original.catalog)
    pd.testing.assert_frame_equal(remote.status, original.status)
    assert remote.models() == original.models()
    assert remote.model().digest == original.model().digest
    pd.testing.assert_frame_equal(remote.model().predictions, original.model().predictions)
    assert check_survey(address) == check_survey(original.path)


def test_one_galaxy_is_a_small_part_of_a_file(server: Served) -> None:
    Survey.open(f"{server.url}/sky").images([5])
    asked = [bounds for bounds in server.bytes_asked("images/c/") if bounds]
    assert asked
    for bounds in asked:
        first, last = bounds.removeprefix("bytes=").split("-")
        assert int(last) - int(first or 0) < 32 * 32 * 5 * 4 * SHARD_ROWS / 8


def test_what_stands_for_an_address_is_found_by_its_name(memory: str, surveys: Path) -> None:
    """So the dashboard lists it, and a process that is given its folder goes on with it."""
    folder = find_survey(memory)
    assert survey_paths() == [folder]
    assert find_survey(folder.name) == folder
    again = Survey.open(folder)
    assert (again.address, again.path) == (memory, folder)
    assert again.images([0]).any()


def test_addresses_have_folders_of_their_own(original: Survey) -> None:
    store = fsspec.filesystem("memory")
    try:
        for bucket in "ab":
            store.put(str(original.path), f"/{bucket}/sky", recursive=True)
        folders = {Survey.open(f"memory://{bucket}/sky/").path for bucket in "ab"}
        assert len(folders) == 2
    finally:
        for bucket in "ab":
            store.rm(f"/{bucket}", recursive=True)


def test_a_table_of_a_survey_at_an_address(memory: str, original: Survey) -> None:
    """All but the map: what has been found in a network is found anew."""
    here = joined_table(original).drop(columns=["map_x", "map_y"])
    pd.testing.assert_frame_equal(joined_table(Survey.open(memory)), here)


def test_nobody_looks_for_data_beside_what_was_found() -> None:
    """Catalogue, journal, pixels and truth may be elsewhere: they are asked for by `Survey.place`."""
    beside = re.compile(r'\.path / "(catalog\.parquet|status\.sqlite|cutouts\.zarr|truth\.)')
    files = [file for room in ("gz2interp", "dashboards", "trainer") for file in (ROOT / room).rglob("*.py")]
    assert files
    found = [file.name for file in files if beside.search(text := file.read_text()) and "SurveyWriter" not in text]
    assert found == []


def test_nothing_is_written_elsewhere(memory: str, original: Survey) -> None:
    store = fsspec.filesystem("memory")
    before = {name: store.cat_file(name) for name in store.find("/bucket")}
    remote = Survey.open(memory)
    catalog = original.catalog
    new: list[Callable[[], object]] = [lambda: Survey.create(memory, catalog), lambda: Truth.create(memory, (), ())]
    for writing in (remote.writer, *new):
        with pytest.raises(SurveyError, match="only read"):
            writing()
    remote.model().write_predictions(remote.model().predictions, _made(remote))
    assert {name: store.cat_file(name) for name in store.find("/bucket")} == before


def test_what_was_found_here_is_kept(memory: str) -> None:
    remote = Survey.open(memory)
    fewer = remote.model().predictions.iloc[:5]
    remote.model().write_predictions(fewer, _made(remote))
    assert len(Survey.open(memory).model().predictions) == 5


def test_results_are_those_of_the_survey_as_it_is_now(original: Survey, tmp_path: Path) -> None:
    """What has been copied is copied again when it has changed, and only then."""
    folder = tmp_path / "sky"
    shutil.copytree(original.path, folder)
    with served(tmp_path) as server:
        first = Survey.open(f"{server.url}/sky")
        assert first.usable.sum() == original.usable.sum()
        server.asked.clear()
        assert Survey.open(f"{server.url}/sky").usable.sum() == original.usable.sum()
        assert not [path for path, _ in server.asked if "status.sqlite" in path]
        with Survey.open(folder).writer() as writer:
            lost = int(np.flatnonzero(~original.usable)[0])
            writer.replace({lost: (original.cutout(0), "again", 1)})
        now = Survey.open(f"{server.url}/sky")
        assert now.digest != first.digest
        assert now.usable.all()


def test_a_truth_is_read_where_it_is(tmp_path: Path) -> None:
    painted = paint_survey(tmp_path / "painted", 6, 3)
    with served(tmp_path) as server:
        here, there = Truth.open(painted.path), Truth.open(f"{server.url}/painted")
        np.testing.assert_array_equal(there.light([1, 4]), here.light([1, 4]))
        np.testing.assert_array_equal(there.flux([5]), here.flux([5]))
        assert there.recipes([2]) == here.recipes([2])


def test_a_survey_without_a_truth_says_so(address: str) -> None:
    assert not Truth.exists(address)
    with pytest.raises(SurveyError, match="has no truth"):
        Truth.open(address)


def test_neighbours_ask_for_an_analysis_by_the_right_command(memory: str) -> None:
    remote = Survey.open(memory)
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        neighbours_of(remote, remote.model(), remote.galaxy_ids[0])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("memory://nowhere/sky", "no survey at memory://nowhere/sky"),
        ("http://127.0.0.1:9/sky", "cannot be read"),
        ("nonsense://bucket/sky", "fsspec does not know"),
        ("https://name:secret@host/sky", "password"),
        ("https://host/sky?signature=1", r"without \? and #"),
    ],
)
def test_what_cannot_be_opened_is_told(address: str, words: str) -> None:
    with pytest.raises((SurveyError, InputError), match=words) as caught:
        Survey.open(address)
    assert "secret" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.import_module("fsspec.registry").known_implementations
    monkeypatch.setitem(known, "s3", {"class": "no_such_package.S3", "err": "Install s3fs to access S3"})
    with pytest.raises(InputError, match="pip install s3fs"):
        Survey.open("s3://bucket/sky")


def test_a_server_that_gives_files_only_whole_is_refused(server: Served) -> None:
    server.answers_ranges = False
    with pytest.raises(SurveyError, match="range requests"):
        Survey.open(f"{server.url}/sky")


def test_a_server_that_lists_nothing_still_has_models(server: Served, original: Survey) -> None:
    server.lists = False
    remote = Survey.open(f"{server.url}/sky")
    assert remote.models() == []
    assert remote.model("cnn").digest == original.model().digest
    assert remote.models() == ["cnn"]
    with pytest.raises(InputError, match="no model"):
        remote.model("another")


@pytest.mark.parametrize("part", ["images/c/0", "status.sqlite", "models/cnn"])
def test_a_server_in_trouble_is_not_taken_for_an_empty_one(server: Served, part: str) -> None:
    remote = Survey.open(f"{server.url}/sky")
    server.fails = part
    asking: Callable[[], object] = {
        "images/c/0": lambda: remote.images([0]),
        "status.sqlite": lambda: remote.usable,
        "models/cnn": remote.models,
    }[part]
    with pytest.raises(SurveyError, match="cannot be read"):
        asking()


def test_pixels_that_were_not_copied_are_missed(original: Survey) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(original.path), "/part/sky", recursive=True)
    try:
        store.rm("/part/sky/cutouts.zarr/images/c/0", recursive=True)
        remote = Survey.open("memory://part/sky")
        assert remote.images([SHARD_ROWS]).any()
        with pytest.raises(SurveyError, match="complete copy"):
            remote.images(range(8))
    finally:
        store.rm("/part", recursive=True)


def test_a_catalogue_of_another_survey_is_refused(memory: str, original: Survey) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/sky/catalog.parquet", b"something else")
    with pytest.raises(SurveyError, match="not the catalogue"):
        _ = Survey.open(memory).catalog


def test_a_page_is_not_taken_for_a_survey(memory: str, surveys: Path) -> None:
    fsspec.filesystem("memory").pipe("/bucket/sky/survey.json", b"<html>Welcome</html>")
    with pytest.raises(SurveyError, match="something else"):
        Survey.open(memory)
    assert survey_paths() == []


def test_addresses_survive_a_path() -> None:
    for address in ("s3://bucket/sky", "file:///data/sky", "memory://sky", "simplecache::s3://bucket/sky"):
        assert address_of(address) == address_of(Path(address)) == address
    for path in ("sky", "/data/sky", "~/sky", "C:\\sky", "./a:b"):
        assert address_of(path) == address_of(Path(path)) == ""


def _made(survey: Survey) -> Provenance:
    made = survey.model().predictions_provenance
    assert made is not None
    return made
