"""Image quality against what was painted and planted, and as a table of a survey."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import LOST, make_survey

from gz2interp.errors import InputError, SurveyError
from gz2interp.measure.image_quality import image_quality, quality_columns
from gz2interp.painting import ComponentPart, paint, recipe_of
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE
from gz2interp.stores.quality import QualityFile
from gz2interp.stores.survey import Survey
from gz2interp.workflows import image_quality as workflow

N = 12


@pytest.fixture(scope="module")
def painted() -> list:
    return [paint(recipe_of(3, row, {"round": 1.0})).cutout for row in range(N)]


def asked(images: np.ndarray, valid: np.ndarray | None = None, psf: np.ndarray | None = None) -> dict:
    mask = np.ones(images.shape[:3], bool) if valid is None else valid
    return image_quality(images, mask, BANDS, np.full(len(images), NATIVE_PIXEL_SCALE), psf)


def test_noise_depth_and_background_are_those_that_were_painted(painted: list) -> None:
    images = np.stack([cutout.image for cutout in painted])
    truth = np.array([cutout.sky_sigma for cutout in painted])
    widths = np.array([cutout.psf_fwhm for cutout in painted])
    found = asked(images, psf=widths)
    assert tuple(found) == quality_columns(BANDS)
    for place, band in enumerate(BANDS):
        assert np.median(found[f"sky_{band}"] / truth[:, place]) == pytest.approx(1, abs=0.1)
        np.testing.assert_allclose(found[f"psf_{band}"], widths[:, place], rtol=1e-6)
    noisy = asked(images + 3 * np.median(truth) * np.random.default_rng(0).standard_normal(images.shape), psf=widths)
    assert np.all(noisy["sky_r"] > found["sky_r"])
    assert np.all(noisy["depth_r"] < found["depth_r"])
    step = (2 * truth[:, None, None] * np.ones((1, 64, 64, 1))).astype(np.float32)
    lit = asked(images + step, psf=widths)
    np.testing.assert_allclose(lit["background_r"] - found["background_r"], 2, atol=0.3)
    ramp = asked(images + step * np.linspace(-1, 1, 64)[None, None, :, None], psf=widths)
    assert np.median(ramp["gradient_r"]) == pytest.approx(2, abs=0.1)


def test_missing_zero_flat_and_bright_pixels_are_counted(painted: list) -> None:
    images = np.stack([cutout.image for cutout in painted])
    valid = np.ones(images.shape[:3], bool)
    valid[:, :, :8] = False
    blank = images.copy()
    blank[:, :16] = 0
    assert np.all(asked(images, valid)["invalid"] == np.float32(1 / 8))
    assert np.all(asked(blank)["zero"] >= 0.25)
    assert np.all(asked(images)["zero"] == 0)
    top = images.max(axis=(1, 2), keepdims=True)
    before, after = asked(images)["flat"], asked(np.minimum(images, 0.3 * top))["flat"]
    bright = (0.3 * top[:, 0, 0] > 100 * np.stack([cutout.sky_sigma for cutout in painted])).any(axis=1)
    assert bright.any()
    assert np.all(after[bright] > before[bright])
    spot = images.copy()
    spot[:, 4, 5] += 20
    lonely = asked(images)["neighbour"] < 20
    assert np.all(asked(spot)["neighbour"][lonely] > 100)


def test_a_galaxy_that_runs_over_the_border_has_light_there(painted: list) -> None:
    images = np.stack([cutout.image for cutout in painted])
    large = np.repeat(np.repeat(images[:, 24:40, 24:40], 4, axis=1), 4, axis=2)
    assert np.median(asked(large)["edge"]) > 0.4
    assert np.median(asked(images)["edge"]) == 0


def test_where_the_psf_is_not_told_a_star_tells_it() -> None:
    star = ComponentPart("star", tuple(40.0 * flux for flux in (0.3, 1.0, 2.0, 3.0, 3.5)), {"x": 8.0, "y": 7.0})
    recipes = [recipe_of(4, row, {"round": 1.0}) for row in range(6)]
    cutouts = [paint(replace(recipe, parts=(*recipe.parts, star))).cutout for recipe in recipes]
    found = asked(np.stack([cutout.image for cutout in cutouts]))
    truth = np.array([cutout.psf_fwhm for cutout in cutouts])
    ratio = found["psf_r"] / truth[:, BANDS.index("r")]
    assert np.isfinite(ratio).sum() >= 4
    assert np.nanmedian(ratio) == pytest.approx(1, abs=0.1)


def test_a_galaxy_has_the_same_quality_in_any_company(painted: list) -> None:
    images = np.stack([cutout.image for cutout in painted])
    together, alone = asked(images), asked(images[5:6])
    for name in together:
        np.testing.assert_allclose(together[name][5:6], alone[name], rtol=1e-4, atol=1e-4)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="the name of each band"):
        image_quality(np.zeros((2, 32, 32, 3), np.float32), np.ones((2, 32, 32), bool), BANDS, np.ones(2))


def test_the_table_of_a_survey_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = make_survey(tmp_path / "tiny", 300, model=False, analysed=False)
    made: list[int] = []
    measure = workflow.quality_of_rows

    def counted(survey: Survey, rows: np.ndarray) -> object:
        made.append(len(rows))
        return measure(survey, rows)

    monkeypatch.setattr(workflow, "quality_of_rows", counted)
    asked_to_stop = iter([False, True])
    with pytest.raises(SurveyError, match="to go on"):
        workflow.quality(survey, stop=lambda: next(asked_to_stop))
    assert QualityFile(survey).read() is None
    table = workflow.quality(survey)
    assert made == [255, 44]
    assert LOST not in set(table["row"])
    assert table["galaxy_id"].tolist() == survey.galaxy_ids[table["row"]].tolist()
    assert set(table["psf_from"]) == {"survey"}
    np.testing.assert_allclose(table["psf_r"], 1.3)
    assert workflow.quality(survey).equals(table)
    assert made == [255, 44]
    assert not list(survey.path.glob(".quality-*"))


def test_a_table_of_other_pixels_is_not_shown(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 20, model=False, analysed=False)
    workflow.quality(survey)
    assert QualityFile(survey).read() is not None
    record = json.loads((survey.path / "quality.json").read_text())
    (survey.path / "quality.json").write_text(json.dumps({**record, "data": "of other pixels"}))
    assert QualityFile(survey).read() is None
