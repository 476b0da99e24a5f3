"""Work on a Dask cluster: the same numbers, nothing lost, and words for everything that can be missing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cluster_jobs
import numpy as np
import pandas as pd
import pytest
from cluster_jobs import Number, add, late, refuse
from dashboard_fixtures import make_survey
from distributed import LocalCluster
from test_workflows import GALAXIES, fast, small_network

from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Embedding
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.quality import QualityFile
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.image_quality import quality
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.shards import (
    DaskCluster,
    Shard,
    StudyAt,
    SurveyAt,
    check_versions,
    cluster_at,
    over_shards,
    shards_of,
    versions_here,
)
from gz2interp.workflows.study import Study

ROWS = np.arange(1000, 3000)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two workers in threads of this process: quick, and everything but the processes is as it is on many machines."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture(autouse=True)
def quick_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map is drawn here whoever has found the neighbours, and umap takes 20 s to import."""
    monkeypatch.setattr("gz2interp.workflows.analyse.write_map", _plain_map)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("network") / "net.keras"
    small_network().save(file)
    return file


@pytest.fixture
def study(tmp_path: Path, network: Path) -> Study:
    survey = make_survey(tmp_path / "survey", GALAXIES, model=False, analysed=False)
    return Study(survey, import_model(survey, network, class_names=("round", "long")))


def test_shards_are_all_rows_once_in_order() -> None:
    shards = list(shards_of(ROWS, 300))
    assert [len(shard.rows) for shard in shards] == [300] * 6 + [200]
    assert [shard.number for shard in shards] == list(range(7))
    np.testing.assert_array_equal(np.concatenate([shard.rows for shard in shards]), ROWS)
    assert not list(shards_of(ROWS[:0]))


def test_a_job_has_the_same_answers_there_and_here(scheduler: str) -> None:
    cluster_jobs.opened.clear()
    here = {shard.number: answer for shard, answer in over_shards(add, 5, shards_of(ROWS, 64))}
    with cluster_at(scheduler) as cluster:
        there = list(over_shards(add, None, shards_of(ROWS, 64), cluster, Number(5)))
    assert sorted(shard.number for shard, _ in there) == list(here)
    for shard, answer in there:
        np.testing.assert_array_equal(answer, here[shard.number])
        np.testing.assert_array_equal(shard.rows, answer - 5)
    assert cluster_jobs.opened == [5]


def test_shards_are_given_out_as_they_are_wanted(scheduler: str) -> None:
    """A million shards are not put into memory at once, here or in the scheduler."""
    drawn = 0

    def endless() -> Iterator[Shard]:
        nonlocal drawn
        while True:
            yield Shard(drawn, np.array([drawn]))
            drawn += 1

    with cluster_at(scheduler) as cluster:
        answers = over_shards(add, None, endless(), cluster, Number(1))
        for _ in range(10):
            next(answers)
        answers.close()  # type: ignore[attr-defined]
    assert drawn < 40


def test_an_error_of_a_job_is_told_as_it_is(scheduler: str) -> None:
    with cluster_at(scheduler) as cluster, pytest.raises(InputError, match=r"Shard 0 was given\. Another one"):
        list(over_shards(refuse, None, shards_of(ROWS[:3]), cluster, Number(1)))
    with pytest.raises(TimeoutError, match="slow"), cluster_at(scheduler) as cluster:
        list(over_shards(late, None, shards_of(ROWS[:3]), cluster, Number(1)))


def test_analyse_finds_the_same_numbers_there(study: Study, scheduler: str, tmp_path: Path) -> None:
    elsewhere = _copy(study, tmp_path / "copy")
    for settings in (fast(), fast(index="approximate", metric="whitened")):
        _same(analyse(study, settings), analyse(elsewhere, settings, scheduler=scheduler))
    pd.testing.assert_frame_equal(quality(study.survey), QualityFile(elsewhere.survey).read())
    pd.testing.assert_frame_equal(study.model.predictions, elsewhere.model.predictions)
    assert not (elsewhere.model.path / ".unfinished").exists()


def test_interrupted_it_goes_on_where_it_stopped(
    study: Study, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been answered is not asked for again."""
    monkeypatch.setattr("gz2interp.workflows.analysis_steps.QUERIES", 256)
    whole = analyse(_copy(study, tmp_path / "whole"), fast())
    for stage in ("predict", "activations", "neighbours"):
        with pytest.raises(KeyboardInterrupt):
            analyse(study, fast(), _interrupt_after(stage), scheduler)
    told: list[tuple[str, int, int]] = []
    _same(whole, analyse(study, fast(), lambda *now: told.append(now), scheduler))
    assert not {"predict", "activations", "image quality"} & {stage for stage, _, _ in told}
    assert [done for stage, done, _ in told if stage == "neighbours"] == [GALAXIES - 1]


def test_a_survey_at_an_address_is_analysed_there(
    study: Study, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path / "surveys"))
    remote = Survey.open(study.survey.path.as_uri())
    made = analyse(Study(remote, remote.model()), fast(), scheduler=scheduler)
    assert tmp_path / "surveys" in made.path.parents
    _same(analyse(study, fast()), made)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "no-such-host.invalid:8786"])
def test_a_scheduler_that_does_not_answer_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gz2interp.workflows.shards._CONNECTING", 1)
    with pytest.raises(InputError, match="No Dask scheduler answers"), cluster_at(address):
        pass


def test_a_scheduler_without_workers_is_told() -> None:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        pytest.raises(InputError, match="has no workers"),
        cluster_at(cluster.scheduler_address),
    ):
        pass


def test_workers_of_other_versions_are_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**versions_here(), "numpy": "1.0"}
    monkeypatch.setattr("gz2interp.workflows.shards._ours", lambda: other)
    with pytest.raises(SurveyError, match=r"has numpy .*, not 1.0"), cluster_at(scheduler):
        pass
    check_versions(other, other)


def test_workers_that_all_go_are_missed() -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        cluster_at(cluster.scheduler_address) as found,
    ):
        assert found is not None
        answers = DaskCluster(found._client, patience=1).map(add, Number(1), shards_of(np.arange(100_000), 10))
        next(answers)
        cluster.scale(0)
        with pytest.raises(SurveyError, match="no workers any more"):
            list(answers)


def test_an_answer_that_goes_with_its_worker_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, lost = DaskCluster._result, iter([True, False, True])

    def fetched(self: DaskCluster, future: Any) -> Any:
        if next(lost, False):
            raise TimeoutError
        return answer(self, future)

    monkeypatch.setattr(DaskCluster, "_result", fetched)
    shards = list(shards_of(np.arange(100), 10))
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        cluster_at(cluster.scheduler_address) as found,
    ):
        assert found is not None
        got = {shard.number: answer for shard, answer in found.map(add, Number(1), shards)}
    assert sorted(got) == [shard.number for shard in shards]


def test_a_scheduler_that_goes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gz2interp.workflows.shards._CONNECTING", 2)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        cluster_at(cluster.scheduler_address) as found,
    ):
        assert found is not None
        answers = found.map(add, Number(1), shards_of(np.arange(100_000), 10))
        next(answers)
        cluster.close()
        with pytest.raises(SurveyError, match="scheduler is gone"):
            list(answers)


def test_a_worker_that_sees_something_else_says_so(study: Study, tmp_path: Path) -> None:
    at = StudyAt.of(study)
    assert at().model.digest == study.model.digest
    with pytest.raises(SurveyError, match="cannot open"):
        SurveyAt(str(tmp_path / "nowhere"), "")()
    with pytest.raises(SurveyError, match="another survey"):
        SurveyAt(str(study.survey.path), "0" * 16)()
    with pytest.raises(SurveyError, match="another network"):
        StudyAt(at.survey, at.model, "0" * 16)()


@pytest.mark.long
def test_a_killed_worker_loses_nothing(study: Study, tmp_path: Path) -> None:
    """Two workers in processes of their own; one is killed when the first shard has been answered."""
    large = make_survey(tmp_path / "large", 256 * 8, model=False, analysed=False)
    here = Study(large, import_model(large, study.model.model_file, class_names=("round", "long")))
    there = _copy(here, tmp_path / "there")
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        killed: list[int] = []

        def kill(stage: str, done: int, of: int) -> None:
            if stage == "activations" and not killed:
                victim = next(iter(cluster.workers.values()))
                killed.append(victim.pid)
                os.kill(victim.pid, signal.SIGKILL)

        found = analyse(there, fast(), kill, cluster.scheduler_address)
    assert killed
    with pytest.raises(ProcessLookupError):
        os.kill(killed[0], 0)
    _same(analyse(here, fast()), found)
    pd.testing.assert_frame_equal(here.model.predictions, there.model.predictions)


def _plain_map(analysis: Analysis, study: Study, rows: np.ndarray, *rest: object) -> None:
    flat = Embedding(analysis.activations()[:, :2], "plain")
    analysis.write_map(rows, study.survey.galaxy_ids[rows], flat)


def _same(here: Analysis, there: Analysis) -> None:
    """To the rounding of single precision: with several threads TensorFlow may add up in another order."""
    assert here.provenance.digest == there.provenance.digest
    np.testing.assert_allclose(here.activations(), there.activations(), rtol=1e-6, atol=1e-8)
    # Of equally near ones either may be first.
    assert (here.neighbours().rows == there.neighbours().rows).mean() > 0.999
    np.testing.assert_allclose(here.neighbours().distances, there.neighbours().distances, rtol=1e-4, atol=1e-6)
    assert here.search == there.search
    pd.testing.assert_frame_equal(here.table, there.table)


def _copy(study: Study, path: Path) -> Study:
    shutil.copytree(study.survey.path, path)
    survey = Survey.open(path)
    return Study(survey, survey.model())


def _interrupt_after(wanted: str) -> Any:
    def told(stage: str, done: int, of: int) -> None:
        if stage == wanted and done < of:
            raise KeyboardInterrupt

    return told
