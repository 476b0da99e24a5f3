"""Committed rows replaced: all of a shard or nothing of it, whenever the process dies."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout
from gz2interp.stores import writer
from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey

SHAPE = (8, 8)


def cutout(value: float) -> Cutout:
    image = np.full((*SHAPE, 2), value, np.float32)
    image[0, 0] = value + 1
    return Cutout(image, np.ones(SHAPE, bool), "toy", 0.396, sky_sigma=(0.1, 0.2), psf_fwhm=(1.0, 1.1))


@pytest.fixture
def survey(tmp_path) -> Survey:
    catalog = pd.DataFrame({"galaxy_id": 588015507658768484 + np.arange(600), "ra": 10.0, "dec": 1.0})
    made = Survey.create(tmp_path / "survey", catalog, bands=("g", "r"), shape=SHAPE, source="toy")
    with made.writer() as appending:
        for row in range(580):
            refused = row % 7 == 0
            appending.append(CutoutUnavailable("failed", "no answer") if refused else cutout(row), source="toy")
    return made.refreshed()


def test_rows_have_what_was_put_there_and_the_others_stay(survey: Survey) -> None:
    before = survey.images(range(580))
    digest = survey.digest
    with survey.writer() as replacing_:
        replacing_.replace({7: (cutout(70.5), "other", 3), 574: (cutout(5.5), "other", 1), 14: (_gone(), "other", 2)})
    after = survey.refreshed()
    changed = np.array([7, 574])
    np.testing.assert_array_equal(after.images(changed), [cutout(70.5).image, cutout(5.5).image])
    rest = np.setdiff1d(np.arange(580), changed)
    np.testing.assert_array_equal(after.images(rest), before[rest])
    assert after.status.loc[7, ["status", "source", "tries"]].tolist() == ["ok", "toy", 3]
    assert after.status.loc[14, ["status", "reason"]].tolist() == ["out_of_footprint", "outside"]
    assert after.digest != digest
    assert not (survey.path / "replacement.npz").exists()
    assert not any(finding.is_damage for finding in check_survey(survey.path))


def test_a_survey_goes_on_after_a_replacement(survey: Survey) -> None:
    with survey.writer() as writing:
        writing.replace({575: (cutout(1.5), "other", 1)})
        for row in range(580, 600):
            writing.append(cutout(row))
    after = survey.refreshed()
    assert after.rows_committed == 600
    np.testing.assert_array_equal(after.images([575, 599]), [cutout(1.5).image, cutout(599).image])
    assert not any(finding.is_damage for finding in check_survey(survey.path))


def replace_row(survey: Survey, row: int) -> None:
    with survey.writer() as writing:
        writing.replace({row: (cutout(70.5), "other", 3)})


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["write_shard", "record", "header", "remove"])
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_step_it_happens_when_the_next_writer_opens(
    survey: Survey, step: str, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {
        "write_shard": (writer, "write_shard"),
        "record": (writer.StatusJournal, "record"),
        "header": (writer.Header, "write"),
        "remove": (writer.Replacement, "remove"),
    }
    owner, name = where[step]
    real = getattr(owner, name)

    def dying(*arguments: object) -> None:
        if not before:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, staticmethod(dying) if step == "remove" else dying, raising=True)
        with pytest.raises(Killed):
            replace_row(survey, 7)
    with survey.refreshed().writer():
        pass
    after = survey.refreshed()
    np.testing.assert_array_equal(after.images([7])[0], cutout(70.5).image)
    assert after.status.loc[7, "status"] == "ok"
    assert not any(finding.is_damage for finding in check_survey(survey.path))


def test_what_is_not_committed_cannot_be_replaced(survey: Survey) -> None:
    with survey.writer() as writing, pytest.raises(InputError, match="580 that are committed"):
        writing.replace({580: (cutout(1.0), "", 1)})


def test_a_copy_made_in_between_is_finished_too(survey: Survey, tmp_path, monkeypatch) -> None:
    def dying(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(writer, "write_shard", dying)
        with pytest.raises(Killed):
            replace_row(survey, 0)
    shutil.copytree(survey.path, tmp_path / "copy")
    with Survey.open(tmp_path / "copy").writer():
        pass
    assert Survey.open(tmp_path / "copy").status.loc[0, "status"] == "ok"


def _gone() -> CutoutUnavailable:
    return CutoutUnavailable("out_of_footprint", "outside")
