"""Every method asked about a survey's galaxies, views, bands, and what is written of them."""

# ruff: noqa: F811  # fixtures are used by their names

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from test_workflows import FIRST_ID, GALAXIES, LOST, study  # noqa: F401  # the survey and network of the workflows' tests

from gz2interp.attribution import METHODS, band_shapley
from gz2interp.errors import SurveyError
from gz2interp.network.scores import logit
from gz2interp.workflows.bands import band_table, by_class
from gz2interp.workflows.explain import AttributionSettings, explain
from gz2interp.workflows.maps import write_maps
from gz2interp.workflows.study import Study

FEW = {"samples": 6}
OPTIONS = {
    "smooth_grad": FEW,
    "var_grad": FEW,
    "expected_gradients": FEW,
    "rise": FEW,
    "integrated_gradients": {"steps": 4},
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_one_galaxy_as_it_does_among_others(study: Study, method: str) -> None:
    question = AttributionSettings(method, logit("long"), options=OPTIONS.get(method, {}))
    together = explain(study, [FIRST_ID, FIRST_ID + 4, FIRST_ID + 5], question).attribution
    alone = explain(study, [FIRST_ID + 4], question).attribution
    assert together.values[1].any()
    largest = float(np.abs(together.values).max())
    np.testing.assert_allclose(alone.values[0], together.values[1], atol=1e-3 * largest)


def test_what_a_map_sums_to_and_how_it_varies_over_views_are_written(study: Study, tmp_path: Path) -> None:
    found = explain(study, [FIRST_ID], AttributionSettings("integrated_gradients", logit("long"), views=True))
    (path,) = write_maps(found, tmp_path)
    with fits.open(path) as hdus:
        assert found.attribution.total is not None
        assert hdus[0].header["TOTAL"] == pytest.approx(found.attribution.total[0])
        assert hdus["VARIANCE"].data.shape == hdus["ATTRIBUTION"].data.shape
        assert (hdus["VARIANCE"].data >= 0).all()
        assert hdus["VARIANCE"].data.any()
    assert found.attribution.parameters["views"] == 8
    total = float(found.attribution.total[0])
    assert found.attribution.values.sum() == pytest.approx(total, abs=0.02 * abs(total) + 0.02)


def test_bands_of_galaxies_are_their_shapley_values(study: Study) -> None:
    table = band_table(study, [FIRST_ID + 5, str(FIRST_ID)], logit("long"))
    images = study.survey.images([5, 0])
    expected = band_shapley(study.probe, images, logit("long"))
    np.testing.assert_allclose(table[list(study.survey.bands)].to_numpy(), expected.values, atol=1e-5)
    np.testing.assert_array_equal(table["galaxy_id"], [FIRST_ID + 5, FIRST_ID])
    with pytest.raises(SurveyError, match="the archive has no such field"):
        band_table(study, [FIRST_ID + LOST])


def test_bands_of_a_survey_are_told_by_class(study: Study) -> None:
    seen: list[int] = []
    table = band_table(study, progress=lambda stage, done, of: seen.append(done))
    bands = list(study.survey.bands)
    assert len(table) == GALAXIES - 1
    assert seen[-1] == GALAXIES - 1
    assert set(table["score"]) == {f"logit({name})" for name in set(table["prediction"])}
    np.testing.assert_allclose(table[bands].sum(axis=1), table["total"], atol=1e-4)
    told = by_class(table, bands).set_index("class")
    assert told.loc["all", "galaxies"] == GALAXIES - 1
    assert told["galaxies"].drop("all").sum() == GALAXIES - 1
    part = table[table["prediction"] == told.index[0]]
    band = bands[0]
    assert told.loc[told.index[0], band] == pytest.approx(part[band].mean())
    assert told.loc["all", f"{band}_error"] == pytest.approx(1.96 * table[band].std() / np.sqrt(len(table)), rel=1e-3)
    assert len(band_table(study, most=7)) == 7
    assert set(band_table(study, most=7)["galaxy_id"]) != set(band_table(study, most=7, seed=1)["galaxy_id"])
