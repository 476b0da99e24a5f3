"""Galaxies painted onto real frames: the width of their stars, empty places, whole surveys, and the verb's words."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from command_line import ran
from numpy.testing import assert_array_equal

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import COMPONENTS, ComponentPart, Psf, Recipe, paint_onto, recipe_of, render
from gz2interp.results import Galaxy
from gz2interp.schema import BANDS
from gz2interp.stores.checking import check_survey
from gz2interp.stores.resampling import north_up
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.stores.writer import SurveyWriter
from trainer.gallery import write_gallery
from trainer.paint import paint_survey
from trainer.sources.frame_sets import Frame, electrons_per_count, read_frame
from trainer.sources.real_sky import RealSky
from trainer.sources.sdss_frames import SdssFrames
from trainer.sources.seeing import seeing_of

TRAINER = "trainer.__main__"
SIZE = 420
WIDTHS = (1.6, 1.5, 1.4, 1.45, 1.3)
STARS = [(x, y) for x in (70, 160, 250, 340) for y in (80, 190, 300)]
FLUX = 60.0
GAINS = (1.62, 3.32, 4.71, 5.165, 4.745)
COUNT = 0.005


def write_frames(folder, name="001035-6-0017", stars=STARS, bands=BANDS, counts=False, turn=0.0):
    """Painted stars of known width on a noisy sky; each band lies 2.3 pixels beside the one before."""
    for number, band in enumerate(BANDS):
        image = np.random.default_rng(number).normal(0, 0.02, (SIZE, SIZE))
        for column, row in stars:
            x, y = column + 2.3 * number, row + 0.8 * number
            left, low = round(x) - 32, round(y) - 32
            at = {"x": (x - left - 31.5) * 0.396, "y": (y - low - 31.5) * 0.396}
            star = render(Recipe("star", 0, (ComponentPart("star", (FLUX,) * 5, at),), psf=Psf(WIDTHS))).total[number]
            image[low : low + 64, left : left + 64] += star
        wcs = north_up(150.0, 2.0, 0.396, (SIZE, SIZE))
        wcs.wcs.crpix = np.array(wcs.wcs.crpix) + np.array([2.3 * number, 0.8 * number])
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        wcs.wcs.pc = [[cosine, -sine], [sine, cosine]]
        header = wcs.to_header()
        header["BUNIT"] = "nanomaggy"
        if counts:
            header.update({"FILTER": f"{band}  ", "CAMCOL": 1, "RUN": 752, "NMGY": COUNT})
        if band in bands:
            fits.writeto(folder / f"frame-{band}-{name}.fits", image.astype(np.float32), header)
    return folder


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_frames(tmp_path_factory.mktemp("frames"))


def frames_of(folder):
    return [read_frame(folder / f"frame-{band}-001035-6-0017.fits") for band in BANDS]


def test_stars_are_as_wide_as_they_were_made(frames):
    seeing = seeing_of(frames_of(frames))
    assert seeing.fwhm == pytest.approx(WIDTHS, rel=0.02)
    assert seeing.stars == (12,) * 5
    assert seeing.reason == ""


def test_galaxies_among_them_do_not_count(tmp_path):
    folder = write_frames(tmp_path)
    for band in BANDS:
        with fits.open(folder / f"frame-{band}-001035-6-0017.fits", mode="update") as frame:
            for x, y in ((110, 130), (205, 240), (300, 130), (300, 350), (110, 350)):
                galaxy = Recipe(
                    "round",
                    0,
                    (
                        ComponentPart(
                            "bulge", (FLUX,) * 5, {"radius": 1.5, "index": 2.0, "axis_ratio": 0.8, "angle": 20.0}
                        ),
                    ),
                    psf=Psf(WIDTHS),
                )
                frame[0].data[y : y + 64, x : x + 64] += render(galaxy).total[BANDS.index(band)]
    assert seeing_of(frames_of(folder)).fwhm == pytest.approx(WIDTHS, rel=0.03)


def test_too_few_stars_tell_nothing(tmp_path):
    folder = write_frames(tmp_path, stars=STARS[:3])
    seeing = seeing_of(frames_of(folder))
    assert np.isnan(seeing.fwhm).all()
    assert "there are 3 in u" in seeing.reason
    with pytest.raises(InputError, match=r"No frame set.*of the 5 isolated stars needed, there are 3 in u"):
        RealSky(folder, 0)
    with pytest.raises(InputError, match="PSF is unknown"):
        paint_onto(SdssFrames(folder).fetch(Galaxy(0, 1, 150.0, 2.0)), recipe_of(0, 0))


def test_an_empty_frame_has_no_stars(tmp_path):
    assert seeing_of(frames_of(write_frames(tmp_path, stars=[]))).stars == (0,) * 5


def test_cutouts_of_frames_know_their_seeing(frames):
    cutout = SdssFrames(frames).fetch(Galaxy(0, 1, 150.0, 2.0))
    assert cutout.psf_fwhm == pytest.approx(WIDTHS, rel=0.02)
    two = SdssFrames(frames, bands=("g", "i")).fetch(Galaxy(0, 1, 150.0, 2.0))
    assert two.psf_fwhm == pytest.approx((WIDTHS[1], WIDTHS[3]), rel=0.02)
    assert paint_onto(cutout, recipe_of(0, 0)).cutout.source == "painted onto sdss_frames"


def test_a_place_is_empty_in_its_middle_and_follows_from_its_row(frames):
    sky = RealSky(frames, 4)
    cutouts = [sky.cutout(row) for row in range(40)]
    y, x = np.indices((64, 64)) - 31.5
    middle = np.hypot(x, y) < 6.0 / 0.396
    for cutout in cutouts:
        assert cutout.image.shape == (64, 64, 5)
        assert cutout.image[middle][:, BANDS.index("r")].max() < 0.3
    assert_array_equal(RealSky(frames, 4, 8).cutout(7).image, cutouts[7].image)
    assert not np.array_equal(RealSky(frames, 5).cutout(7).image, cutouts[7].image)
    assert any(cutout.image.max() > 3 for cutout in cutouts)  # farther out stars may stand


def test_pixels_are_those_of_the_frame(frames):
    sky = RealSky(frames, 1)
    for row in range(5):
        place = sky.patch(row)
        for band, (frame, (x, y)) in enumerate(zip(frames_of(frames), place.corners, strict=True)):
            assert_array_equal(sky.cutout(row).image[..., band], frame.data[y : y + 64, x : x + 64])
        assert place.noise.sky_sigma == pytest.approx((0.02,) * 5, rel=0.08)


def test_what_is_painted_is_shifted_as_the_bands_are(frames):
    """Stars of the frame stand beside one another in its bands as a painted star does."""
    sky, shifts, found = RealSky(frames, 1), [], []
    for row in range(400):
        image, place = sky.cutout(row).image, sky.patch(row)
        y, x = np.unravel_index(image[..., 2].argmax(), (64, 64))
        if image[y, x, 2] > 0.5 and min(x, y) >= 6 and max(x, y) < 58:
            near = image[y - 6 : y + 7, x - 6 : x + 7]
            at = np.arange(-6, 7) * 0.396
            flux = near.sum(axis=(0, 1))
            centres = np.stack([near.sum(axis=axis).T @ at / flux for axis in (0, 1)], axis=1)
            found.append(centres - centres[2])
            shifts.append(place.psf.shift)
    assert len(found) > 3
    assert np.abs(shifts).max() <= 0.198
    assert np.abs(shifts).max() > 0.1
    assert np.median(np.abs(np.array(found) - shifts)) < 0.03


def test_the_gain_is_the_cameras(tmp_path, frames):
    noise = RealSky(write_frames(tmp_path, counts=True), 1).patch(0).noise
    assert noise.electrons_per_count == GAINS
    assert noise.electrons == pytest.approx(np.array(GAINS) / COUNT, rel=1e-4)
    # Where the file does not say of which chip it is, no count is known.
    assert RealSky(frames, 1).patch(0).noise.electrons_per_count == (0.0,) * 5
    assert [electrons_per_count("u", 2, run) for run in (1035, 1336)] == [1.595, 1.825]


def test_native_pixels_know_where_north_is(tmp_path):
    assert RealSky(write_frames(tmp_path, turn=90.0), 1).cutout(0).position_angle == pytest.approx(90, abs=0.1)


def test_frame_sets_take_turns_and_bad_ones_are_left_out(frames, tmp_path):
    for path in frames.iterdir():
        for name in ("000001-1-0001", "000002-1-0001", "000003-1-0001"):
            (tmp_path / path.name.replace("001035-6-0017", name)).write_bytes(path.read_bytes())
    (tmp_path / "frame-z-000002-1-0001.fits").unlink()
    sky = RealSky(tmp_path, 1)
    assert sky.left_out == {"000002-1-0001": "no frame in z"}
    assert sorted(sky.names) == ["000001-1-0001", "000003-1-0001"]
    assert [sky.patch(row).frame_set for row in (0, 127, 128, 256)] == [sky.names[n] for n in (0, 0, 1, 0)]
    assert len(RealSky(tmp_path, 1, rows=100).names) == 1


def test_holes_are_kept_out_of(tmp_path):
    folder = write_frames(tmp_path)
    with fits.open(folder / "frame-i-001035-6-0017.fits", mode="update") as frame:
        frame[0].data[150:170, 200:220] = np.nan
    sky = RealSky(folder, 1)
    assert all(np.isfinite(sky.cutout(row).image).all() for row in range(60))


def test_pixels_of_another_size_are_refused(tmp_path):
    write_frames(tmp_path)
    for path in tmp_path.glob("*.fits"):
        with fits.open(path, mode="update") as hdus:
            header = hdus[0].header
            header["CDELT1"], header["CDELT2"] = 1.5 * header["CDELT1"], 1.5 * header["CDELT2"]
    with pytest.raises(InputError, match=r"0\.594 arcsec wide"):
        RealSky(tmp_path, 0)


def test_a_crowded_frame_has_no_place(tmp_path):
    crowd = [(x, y) for x in range(33, 380, 25) for y in range(33, 380, 25)]
    with pytest.raises(InputError, match=r"no part of the sky is empty|isolated stars"):
        paint_survey(tmp_path / "survey", 5, 1, sky=write_frames(tmp_path, stars=crowd))
    assert not (tmp_path / "survey").exists()


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
        assert recipe.psf.fwhm == painted.cutout(row).psf_fwhm
        assert recipe == sky.observe(recipe, row)
        assert {part.name for part in recipe.parts if COMPONENTS[part.name].place == "field"} == set()
        assert_array_equal(paint_onto(sky.cutout(row), recipe).cutout.image, painted.images([row])[0])
    assert paint_survey(painted.path, 20, 3, sky=frames).digest == painted.digest
    assert paint_survey(tmp_path / "two", 20, 3, sky=frames).digest == painted.digest
    with pytest.raises(SurveyError, match="other galaxies"):
        paint_survey(painted.path, 20, 3)


@pytest.mark.parametrize(("bands", "words"), [(("u", "g"), "no frame in r, i, z"), ((), "no SDSS frames")])
def test_frames_that_cannot_be_painted_on_are_refused_before_anything_is_written(tmp_path, bands, words):
    folder = tmp_path / "frames"
    folder.mkdir()
    write_frames(folder, bands=bands)
    with pytest.raises(InputError, match=words):
        paint_survey(tmp_path / "survey", 5, 1, sky=folder)
    assert not (tmp_path / "survey").exists()


@pytest.mark.long
def test_a_survey_on_real_sky_goes_on_after_an_interruption(frames, tmp_path, monkeypatch):
    whole = paint_survey(tmp_path / "whole", 300, 3, sky=frames)
    append = SurveyWriter.append

    def append_until(writer, outcome, **options):
        if writer.rows_written == 270:
            raise KeyboardInterrupt
        append(writer, outcome, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SurveyWriter, "append", append_until)
        with pytest.raises(KeyboardInterrupt):
            paint_survey(tmp_path / "two", 300, 3, sky=frames)
    resumed = paint_survey(tmp_path / "two", 300, 3, sky=frames)
    assert resumed.digest == whole.digest
    assert_array_equal(Truth.open(resumed.path).light([0, 269, 299]), Truth.open(whole.path).light([0, 269, 299]))


@pytest.fixture(scope="module")
def real_sky(real_data):
    return RealSky(real_data / "sdss_frames", 1)


@pytest.mark.realdata
def test_the_seeing_of_a_real_frame(real_sky):
    """Of the sum of core, skirt and wings, which a fit to that frame by other means put at these widths."""
    place = real_sky.patch(0)
    assert place.psf.fwhm == pytest.approx((1.49, 1.35, 1.40, 1.47, 1.30), rel=0.05)
    assert place.noise.electrons == pytest.approx((213, 1133, 1004, 719, 143), rel=0.01)
    assert place.noise.sky_sigma == pytest.approx((0.0426, 0.0170, 0.0275, 0.0441, 0.1605), rel=0.1)


@pytest.mark.realdata
def test_a_painted_star_is_as_wide_as_the_stars_of_a_real_frame(real_sky, unpacked_frames):
    frames = frames_of(unpacked_frames)
    star = Recipe("star", 3, (ComponentPart("star", (20.0, 50.0, 90.0, 115.0, 125.0), {}),))
    recipes = [real_sky.observe(Recipe("star", row, star.parts), row) for row in range(20)]
    images = [paint_onto(real_sky.cutout(row), recipe).cutout.image for row, recipe in enumerate(recipes)]
    field = np.concatenate([np.concatenate(images[row : row + 5], axis=1) for row in (0, 5, 10, 15)], axis=0)
    wcs = north_up(8.0, 16.0, 0.396, field.shape[:2])
    painted = [Frame(field[..., band], wcs, "nanomaggy", np.nan, frames[band].counts) for band in range(5)]
    assert seeing_of(painted).fwhm == pytest.approx(real_sky.patch(0).psf.fwhm, rel=0.03)


@pytest.mark.realdata
def test_pixels_of_a_real_frame_stay_whole_counts(real_sky):
    for row in range(3):
        recipe, sky = real_sky.observe(recipe_of(0, row, {"spiral": 1.0}), row), real_sky.cutout(row)
        count = np.array(recipe.noise.electrons_per_count) / recipe.noise.electrons
        image = paint_onto(sky, recipe).cutout.image
        faint = np.abs(image) < 100 * count  # beyond, the file has too few digits
        for band in range(5):
            turns = np.exp(2j * np.pi * (image / count)[..., band][faint[..., band]])
            assert abs(turns.mean()) > 0.95


@pytest.mark.long
@pytest.mark.realdata
def test_a_survey_on_a_real_frame(real_data, tmp_path):
    painted = paint_survey(tmp_path / "survey", 20, 3, sky=real_data / "sdss_frames")
    assert check_survey(painted.path) == []
    assert painted.usable.all()
    assert paint_survey(tmp_path / "again", 20, 3, sky=real_data / "sdss_frames").digest == painted.digest


def test_the_verb_paints_rare_kinds(tmp_path):
    done = ran(
        "paint",
        tmp_path / "rings",
        "--galaxies",
        40,
        "--rare",
        "ring=0.5",
        "--rare",
        "lens=0.3",
        module=TRAINER,
    )
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
    done = ran("paint", tmp_path / "none", "--galaxies", 3, *words, module=TRAINER)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_gallery_shows_every_kind_and_every_component(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.gallery.COLUMNS", 2)
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
