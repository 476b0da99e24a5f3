from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey
from trainer.ingest import ingest

FIRST = 588015507658768484
SHAPE = (4, 4)
RAMP = np.arange(16, dtype=np.float32).reshape(4, 4, 1) / 16
"""Light that differs from pixel to pixel: the same value everywhere would be no image."""


class Plain:
    """Each image begins with its galaxy's row; every third galaxy has none."""

    name, bands, shape = "plain", ("g", "r"), SHAPE

    def __init__(self, stop_at=None):
        self.stop_at, self.asked = stop_at, []

    def fetch(self, galaxy):
        if galaxy.row == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(galaxy.row)
        assert galaxy.galaxy_id == FIRST + galaxy.row
        if galaxy.row % 3 == 2:
            raise CutoutUnavailable("missing", "every third")
        return Cutout(np.full((*SHAPE, 2), galaxy.row, np.float32) + RAMP, np.ones(SHAPE, bool), self.name, 0.396)


@pytest.fixture
def survey(tmp_path):
    rows = 20
    catalog = pd.DataFrame({"galaxy_id": FIRST + np.arange(rows), "ra": np.arange(rows) * 1.0, "dec": 0.0})
    return Survey.create(tmp_path / "survey", catalog, bands=Plain.bands, shape=SHAPE, source="plain")


def check(survey):
    survey = survey.refreshed()
    assert survey.rows_committed == 20
    assert (~survey.usable).nonzero()[0].tolist() == [2, 5, 8, 11, 14, 17]
    assert survey.status.loc[2, "reason"] == "every third"
    assert survey.status.loc[2, "source"] == "plain"
    np.testing.assert_array_equal(survey.images([0, 7, 19])[:, 0, 0, 0], [0, 7, 19])


def test_every_galaxy_gets_a_cutout_or_a_reason(survey):
    seen = []
    assert ingest(Plain(), survey, lambda done, total: seen.append((done, total))) == {"ok": 14, "missing": 6}
    assert seen[0] == (1, 20)
    assert seen[-1] == (20, 20)
    check(survey)


def test_an_interruption_keeps_what_was_fetched(survey):
    with pytest.raises(KeyboardInterrupt):
        ingest(Plain(stop_at=7), survey)
    assert survey.refreshed().rows_committed == 7
    second = Plain()
    ingest(second, survey.refreshed())
    assert second.asked == list(range(7, 20))
    check(survey)
    assert ingest(Plain(), survey.refreshed()) == {}


def test_other_cutouts_than_the_surveys(survey):
    source = Plain()
    source.shape = (8, 8)
    with pytest.raises(InputError, match=r"plain makes cutouts of 8 x 8 in g r.*holds cutouts of 4 x 4 in g r"):
        ingest(source, survey)


class Odd(Plain):
    """What single precision cannot hold is there in every galaxy's first pixel, and in all of some."""

    def fetch(self, galaxy):
        image = np.full((*SHAPE, 2), 1.0)
        image[2:] = 2.0
        image[:1, :1] = 1e39
        if galaxy.row % 3 == 1:
            image[..., 1] = [np.nan, 1e39, -np.inf, np.nan]
        return Cutout(image, np.full(SHAPE, galaxy.row % 3 != 2), self.name, 0.396)


def test_what_is_not_finite_was_not_measured_and_an_image_of_nothing_is_none(survey):
    assert ingest(Odd(), survey) == {"ok": 7, "failed": 13}
    survey = survey.refreshed()
    assert survey.usable.nonzero()[0].tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert survey.status.loc[1:2, "reason"].str.contains("no valid pixel").all()
    assert np.argwhere(~survey.valid([3])[0]).tolist() == [[0, 0]]
    assert np.unique(survey.images([3])[:, 1:]).tolist() == [1.0, 2.0]
