"""Images that are not in the survey: read as the survey's own are, or refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from dashboard_fixtures import make_survey

from gz2interp.errors import InputError
from gz2interp.schema import BANDS
from gz2interp.sky import cutout_wcs
from gz2interp.stores.survey import Survey
from gz2interp.workflows.image_from_file import outside_galaxy, outside_image


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("outside") / "survey", 12, model=False, analysed=False)


def written(path: Path, image: np.ndarray, scale: float = 0.396, **cards: object) -> Path:
    """One extension per band, with the position (150, 2) in the middle."""
    header = cutout_wcs(150.0, 2.0, scale, 0.0, image.shape[:2]).to_header()
    header.update({"BUNIT": "nanomaggy", **cards})
    named = zip(BANDS, np.moveaxis(image, -1, 0), strict=True)
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(band, header, name=name) for name, band in named)]).writeto(path)
    return path


def test_what_a_survey_holds_comes_back(survey: Survey, tmp_path: Path) -> None:
    image = survey.images([5])
    np.testing.assert_array_equal(outside_image(written(tmp_path / "a.fits", image[0]), survey), image)
    np.save(tmp_path / "a.npy", image[0])
    np.testing.assert_array_equal(outside_image(tmp_path / "a.npy", survey), image)


def test_a_larger_image_is_cropped_about_its_middle_and_keeps_its_place(survey: Survey, tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(40, 36, 5)).astype(np.float32)
    galaxy = outside_galaxy(written(tmp_path / "a.fits", image), survey)
    np.testing.assert_array_equal(galaxy.cutout.image, image[4:36, 2:34])
    np.testing.assert_allclose([galaxy.ra, galaxy.dec], [150, 2], atol=1e-9)
    assert galaxy.cutout.pixel_scale == pytest.approx(0.396)
    np.save(tmp_path / "a.npy", image)
    assert np.isnan(outside_galaxy(tmp_path / "a.npy", survey).ra)


def test_units_are_turned_into_nanomaggies_and_gaps_into_zeros(survey: Survey, tmp_path: Path) -> None:
    image = survey.images([5])[0].copy()
    image[3, 4, 2] = np.nan
    galaxy = outside_galaxy(written(tmp_path / "a.fits", image * np.float32(3.631e-6), BUNIT="Jy"), survey)
    expected = np.where(np.isfinite(image).all(axis=-1)[..., None], image, 0)
    np.testing.assert_allclose(galaxy.cutout.image, expected, rtol=1e-5)
    assert np.argwhere(~galaxy.cutout.valid).tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": np.ones((20, 40, 5), np.float32)}, "20 x 40 pixels, fewer than 32 x 32"),
        ({"image": np.full((32, 32, 5), np.nan, np.float32)}, "no valid pixel"),
        ({"BUNIT": "adu"}, "in adu"),
        ({"scale": 0.8}, '0.8" wide'),
    ],
)
def test_what_cannot_be_compared_is_refused(survey: Survey, tmp_path: Path, change: dict, told: str) -> None:
    path = written(tmp_path / "a.fits", **{"image": np.ones((32, 32, 5), np.float32), **change})
    with pytest.raises(InputError, match=told):
        outside_galaxy(path, survey)


def test_files_that_are_none_are_told(survey: Survey, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        outside_image(tmp_path / "nothing.fits", survey)
    (tmp_path / "text.fits").write_text("SIMPLE? no")
    with pytest.raises(InputError, match="u g r i z"):
        outside_image(tmp_path / "text.fits", survey)
    np.save(tmp_path / "gray.npy", np.ones((32, 32, 3), np.float32))
    with pytest.raises(InputError, match="of 5 bands"):
        outside_image(tmp_path / "gray.npy", survey)
