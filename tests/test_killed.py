"""Killed at any moment and started again, a command leaves what an undisturbed one leaves, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import FIRST_ID, make_survey, small_network
from killing import differing, killed_again_and_again

from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings
from gz2interp.workflows.building_blocks import BlockSettings, run_survey_pass
from gz2interp.workflows.image_quality import quality
from gz2interp.workflows.study import Study


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(300):
        image = np.random.default_rng(number).normal(size=(5, 8, 8)).astype(np.float32)
        np.save(folder / f"{FIRST_ID + number}.npy", image)
    return folder


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.long)])
def test_an_ingest(images: Path, tmp_path: Path, kills: int) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    words = ["ingest", "FOLDER", "--source", "folder", "--from", str(images), "--size", "8"]
    wanted, found, count = killed_again_and_again(origin, tmp_path, "trainer.__main__", words, 5, kills)
    assert count >= 1
    assert not differing(found, wanted)
    one, two = (Survey.open(tmp_path / name / "s") for name in ("undisturbed", "killed"))
    assert one.digest == two.digest
    assert one.status.drop(columns="time").equals(two.status.drop(columns="time"))
    assert not any(finding.is_damage for finding in check_survey(two.path))


def test_a_pass_over_a_survey_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "s", 600, network=small_network(), analysed=False)
    probe, settings = Study(survey, survey.model()).probe, BlockSettings(tops=4, places=700)
    rows, layer, checkpoint = np.flatnonzero(survey.usable), probe.default_layer, tmp_path / "gathered.npz"
    alone = run_survey_pass(probe, survey, rows, layer, settings)
    told: list[int] = []

    def stops(stage: str, done: int, of: int) -> None:
        told.append(done)
        if len(told) in (1, 2):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_survey_pass(probe, survey, rows, layer, settings, stops, checkpoint)
    again = run_survey_pass(probe, survey, rows, layer, settings, stops, checkpoint)
    assert told == [256, 512, len(rows)]  # each part was looked at once
    for name, values in alone.moments.state().items():
        np.testing.assert_array_equal(again.moments.state()[name], values)
    for name in ("vectors", "attributed", "rows", "y", "x"):
        np.testing.assert_array_equal(getattr(again.places, name), getattr(alone.places, name))
    for one, two in ((alone.by_mean, again.by_mean), (alone.by_max, again.by_max)):
        for name, values in one.state().items():
            np.testing.assert_array_equal(two.state()[name], values)


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    survey = make_survey(tmp_path_factory.mktemp("analysed") / "s", 600, network=small_network(), analysed=False)
    # A layer without places: of others ten thousand are laid out, which takes a minute each time.
    analyse(Study(survey, survey.model()), AnalyseSettings("global_average_pooling2d"))
    quality(survey)
    return survey.path


VERBS = {
    "channels": ["channels", "FOLDER"],
    "features": ["features", "FOLDER", "--kind", "class", "--kind", "channel", "--steps", "4"],
    "unusual": ["unusual", "FOLDER"],
    "clusters": ["clusters", "FOLDER"],
    "check": ["check", "FOLDER", "--method", "gradient", "--method", "grad_cam", "--galaxies", "4", "--few", "2"],
}


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("verb", VERBS)
def test_what_goes_on_from_an_analysis(analysed: Path, tmp_path: Path, verb: str) -> None:
    wanted, found, count = killed_again_and_again(analysed, tmp_path, "gz2interp.cli", VERBS[verb], 7, 10)
    assert count >= 5
    assert not differing(found, wanted)
    assert not any(finding.is_damage for finding in check_survey(tmp_path / "killed" / "s"))
