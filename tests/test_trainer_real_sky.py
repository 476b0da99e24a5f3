"""Galaxies painted onto real frames: the width of their stars, empty places, whole surveys, and the verb's words."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import Part, Psf, Recipe, paint_onto, recipe_of
from gz2interp.schema import BANDS
from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from trainer.gallery import write_gallery
from trainer.paint import paint_survey
from trainer.sources.real_sky import RealSky
from trainer.sources.resampling import north_up
from trainer.sources.seeing import psf_of, stellar_fwhm

SIZE = 420
WIDTHS = (1.6, 1.5, 1.4, 1.45, 1.3)
BETA = 3.5
STARS = [(x, y) for x in (70, 160, 250, 340) for y in (80, 190, 300)]


def write_frames(folder, name="001035-6-0017", stars=STARS, bands=BANDS):
    """Moffat stars of known width on a noisy sky; each band lies two pixels beside the one before."""
    y, x = np.indices((SIZE, SIZE))
    for number, (band, fwhm) in enumerate(zip(BANDS, WIDTHS, strict=True)):
        scale = fwhm / (2 * np.sqrt(2 ** (1 / BETA) - 1)) / 0.396
        image = np.random.default_rng(number).normal(0, 0.02, (SIZE, SIZE))
        for column, row in stars:
            squared = (x - column - 2 * number) ** 2 + (y - row - number) ** 2
            image += 60 * (BETA - 1) / (np.pi * scale**2) * (1 + squared / scale**2) ** -BETA
        wcs = north_up(150.0, 2.0, 0.396, (SIZE, SIZE))
        wcs.wcs.crpix = np.array(wcs.wcs.crpix) + np.array([2 * number, number])
        header = wcs.to_header()
        header["BUNIT"] = "nanomaggy"
        if band in bands:
            fits.writeto(folder / f"frame-{band}-{name}.fits", image.astype(np.float32), header)
    return folder


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_frames(tmp_path_factory.mktemp("frames"))


def images_of(folder):
    return [fits.getdata(folder / f"frame-{band}-001035-6-0017.fits") for band in BANDS]


def test_stars_are_as_wide_as_they_were_made(frames):
    assert stellar_fwhm(images_of(frames), BANDS.index("r")) == pytest.approx(WIDTHS, rel=0.04)


def test_too_few_stars_tell_nothing(tmp_path):
    folder = write_frames(tmp_path, stars=STARS[:3])
    assert np.isnan(stellar_fwhm(images_of(folder), BANDS.index("r"))).all()
    with pytest.raises(InputError, match="Too few stars"):
        RealSky(folder, 0).seen(recipe_of(0, 0), 0)


def test_a_place_is_empty_in_its_middle_and_follows_from_its_row(frames):
    sky = RealSky(frames, 4)
    cutouts = [sky.cutout(row) for row in range(20)]
    for cutout in cutouts:
        assert cutout.image.shape == (64, 64, 5)
        assert cutout.image[22:42, 22:42, BANDS.index("r")].max() < 1.5
    assert_array_equal(RealSky(frames, 4).cutout(7).image, cutouts[7].image)
    assert not np.array_equal(RealSky(frames, 5).cutout(7).image, cutouts[7].image)
    assert any(cutout.image.max() > 3 for cutout in cutouts)  # farther out stars may stand


def test_the_bands_of_a_place_show_the_same_sky(frames):
    """They are cut to their nearest pixel: stars agree to half a pixel though the frames do not."""
    for row in range(40):
        image = RealSky(frames, 1).cutout(row).image if row == 0 else None
        sky = RealSky(frames, row)
        image = sky.cutout(0).image
        peaks = [np.unravel_index(image[..., band].argmax(), (64, 64)) for band in range(5)]
        if image[2:-2, 2:-2, 2].max() > 3:
            assert np.ptp(np.array(peaks), axis=0).max() <= 1
            return
    raise AssertionError("no star in any of the places")


def test_a_survey_on_real_sky_is_whole_and_goes_on(frames, tmp_path):
    painted = paint_survey(tmp_path / "one", 20, 3, sky=frames)
    assert check_survey(painted.path) == []
    assert painted.header.source == "painted onto sdss_frames"
    assert set(painted.status["source"]) == {"painted onto sdss_frames"}
    truth = Truth.open(painted.path)
    assert truth.settings["sky"] == ["001035-6-0017"]
    sky = RealSky(frames, 3)
    for row in (0, 11):
        recipe = Recipe.from_json(truth.recipes([row])[0])
        assert recipe.psf == Psf(painted.cutout(row).psf_fwhm)
        assert_array_equal(paint_onto(sky.cutout(row), recipe).cutout.image, painted.images([row])[0])
    assert paint_survey(painted.path, 20, 3, sky=frames).digest == painted.digest
    assert paint_survey(tmp_path / "two", 20, 3, sky=frames).digest == painted.digest
    with pytest.raises(SurveyError, match="other galaxies"):
        paint_survey(painted.path, 20, 3)


@pytest.mark.parametrize(("bands", "words"), [(("u", "g"), "all of the bands"), ((), "no SDSS frames")])
def test_frames_that_cannot_be_painted_on_are_refused_before_anything_is_written(tmp_path, bands, words):
    folder = tmp_path / "frames"
    folder.mkdir()
    write_frames(folder, bands=bands)
    with pytest.raises(InputError, match=words):
        paint_survey(tmp_path / "survey", 5, 1, sky=folder)
    assert not (tmp_path / "survey").exists()


@pytest.mark.realdata
def test_a_painted_star_is_as_wide_as_the_stars_of_a_real_frame(real_data):
    sky = RealSky(real_data / "sdss_frames", 1)
    psf = sky.seen(recipe_of(0, 0), 0).psf
    # Of the sum of core, skirt and wings, which a fit to that frame by other means put at these widths.
    assert psf.fwhm == pytest.approx((1.49, 1.35, 1.40, 1.47, 1.30), rel=0.05)
    star = Recipe("star", 3, (Part("star", (20.0, 50.0, 90.0, 115.0, 125.0), {}),))
    images = [paint_onto(sky.cutout(row), replace_seed(star, row)).cutout.image for row in range(12)]
    field = np.concatenate([np.concatenate(images[row : row + 4], axis=1) for row in (0, 4, 8)], axis=0)
    again = psf_of(stellar_fwhm(list(np.moveaxis(field, -1, 0)), BANDS.index("r")))
    assert again.fwhm == pytest.approx(psf.fwhm, rel=0.05)


def replace_seed(recipe, seed):
    return Recipe(recipe.kind, seed, recipe.parts)


def ran(*words):
    command = [sys.executable, "-m", "trainer", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_verb_paints_rare_kinds(tmp_path):
    done = ran("paint", tmp_path / "rings", "--galaxies", 40, "--rare", "ring=0.5", "--rare", "lens=0.3")
    assert done.returncode == 0, done.stderr
    kinds = Survey.open(tmp_path / "rings").catalog["painted_kind"].value_counts()
    assert kinds["ring"] + kinds["lens"] > 20
    assert f"{kinds['ring']} ring" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rare", "ring"), "For example ring=0.01"),
        (("--rare", "comet=0.1"), "kind comet"),
        (("--sky", "/nowhere"), "no folder /nowhere"),
    ],
)
def test_the_verb_tells_a_mistake_in_words(tmp_path, words, told):
    done = ran("paint", tmp_path / "none", "--galaxies", 3, *words)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_gallery_shows_every_kind_and_every_component(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.gallery.ACROSS", 2)
    monkeypatch.setattr("trainer.gallery.SEARCHED", 70)
    page = write_gallery(tmp_path / "gallery", 1)
    text = page.read_text()
    pictures = {path.name for path in page.parent.glob("*.jpg")}
    for name in ("kind_merger.jpg", "kind_lens.jpg", "component_dust.jpg", "altered.jpg"):
        assert name in pictures
        assert name in text
    assert {name for name in pictures if name not in text} == set()
    with pytest.raises(InputError, match="seed -1"):
        write_gallery(tmp_path / "gallery", -1)
