"""What a painted galaxy of a survey is made of, and the same galaxy altered."""

from __future__ import annotations

import re

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from command_line import ran
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import Alteration, Recipe, paint, repaint
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.workflows import repaint as repaint_module
from gz2interp.workflows.repaint import (
    alteration_in_words,
    components_table,
    painted_components,
    recipe_of_galaxy,
    repaint_galaxy,
    write_repainted,
)
from trainer.paint import paint_survey

WITHOUT_ARMS = Alteration(without=("arms",))


class Counting:
    """Stands in for a probe: it says how much of the light of the brighter image each image has."""

    class_names = ("much", "little")

    def probabilities(self, images):
        light = images.sum(axis=(1, 2, 3))
        much = light / light.max()
        return np.stack([much, 1 - much], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> Survey:
    return paint_survey(tmp_path_factory.mktemp("surveys") / "painted", 12, 5, shares={"spiral": 1.0})


@pytest.fixture(scope="module")
def galaxy(survey) -> int:
    return int(survey.galaxy_ids[3])


def test_it_is_made_of_what_its_recipe_says(survey, galaxy):
    recipe = recipe_of_galaxy(survey, str(galaxy))
    parts = painted_components(survey, galaxy)
    assert {part.name for part in parts} == set(recipe.components)
    ours = [part for part in parts if part.name in {part.name for part in recipe.subject}]
    assert sum(part.share for part in ours) == pytest.approx(1, abs=1e-4)
    for part in ours:
        assert part.light.sum() == pytest.approx(part.share, rel=0.25)
    table = components_table(survey, galaxy)
    assert list(table["component"]) == [part.name for part in parts]
    arms, bulge = (table[table["component"] == name]["g-r"].item() for name in ("arms", "bulge"))
    assert arms < bulge


def test_after_is_the_recipe_painted_altered_and_before_is_the_surveys(survey, galaxy):
    found = repaint_galaxy(survey, galaxy, WITHOUT_ARMS)
    assert_array_equal(found.before.image, survey.images([3])[0])
    assert_array_equal(found.after.image, repaint(found.recipe, WITHOUT_ARMS).cutout.image)
    assert found.difference.sum(axis=(0, 1)).max() < 0
    assert found.predictions_before == found.predictions_after == {}


def test_a_survey_of_another_painter_keeps_its_own_sky(survey, galaxy, tmp_path):
    """The stored image counts: what the alteration changes is added to it."""
    other = Survey.create(tmp_path / "other", survey.catalog, source="painted")
    recipes = Truth.open(survey.path).recipes(range(12))
    table = survey.catalog[["galaxy_id"]].assign(seed=0, recipe=recipes)
    Truth.create(other.path, [table], Truth.open(survey.path).components)
    sky = np.float32(1.0)
    with other.writer() as writer:
        for row in range(12):
            cutout = survey.cutout(row)
            writer.append(type(cutout)(**vars(cutout) | {"image": cutout.image + sky}))
    found = repaint_galaxy(other.refreshed(), galaxy, WITHOUT_ARMS)
    plain = repaint_galaxy(survey, galaxy, WITHOUT_ARMS)
    assert_allclose(found.after.image - sky, plain.after.image, atol=0.04)  # to one count of the camera in z


def test_a_network_is_asked_about_both(survey, galaxy):
    found = repaint_galaxy(survey, galaxy, Alteration(dimmed=1.0), Counting())
    assert found.predictions_before["much"] == pytest.approx(1)
    assert found.predictions_after["much"] == pytest.approx(10**-0.4, abs=0.1)
    assert list(found.predictions_after) == ["much", "little"]


def test_the_provenance_tells_the_alteration(survey, galaxy):
    one, other = (repaint_galaxy(survey, galaxy, Alteration(turned=angle)).provenance for angle in (10.0, 20.0))
    assert one.data == survey.digest
    assert one.parameters["turned"] == 10.0
    assert one.digest != other.digest


def test_what_cannot_be_asked_is_refused(survey, galaxy, tmp_path):
    with pytest.raises(InputError, match="Nothing was altered"):
        repaint_galaxy(survey, galaxy, Alteration())
    with pytest.raises(InputError, match="spiral has no halo"):
        repaint_galaxy(survey, galaxy, Alteration(without=("halo",)))
    with pytest.raises(InputError, match="No galaxy 7"):
        repaint_galaxy(survey, 7, WITHOUT_ARMS)
    plain = Survey.create(tmp_path / "plain", survey.catalog)
    with pytest.raises(SurveyError, match="has no truth"):
        repaint_galaxy(plain, galaxy, WITHOUT_ARMS)


def test_every_alteration_has_words():
    alteration = Alteration(("arms",), (), 30.0, -1.0, 0.1, 2.0, (0.1, 0.0, 0.0, 0.0), ("disc",))
    words = alteration_in_words(alteration)
    for part in ("without arms", "30 degrees", "1 mag brighter", "redshift 0.1", "2 times", "+0.1", "disc only"):
        assert part in words


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_figure_is_the_same_file_again(survey, galaxy, tmp_path, suffix):
    found = repaint_galaxy(survey, galaxy, WITHOUT_ARMS, Counting())
    for name in ("one", "two"):
        write_repainted(survey, found, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert "without arms" in (tmp_path / "one.txt").read_text()


def test_the_figure_has_a_scale_bar_a_compass_and_says_what_its_numbers_are_of(survey, galaxy, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(repaint_module, "save_figure", lambda figure, path, caption: drawn.append((figure, caption)))
    write_repainted(survey, repaint_galaxy(survey, galaxy, WITHOUT_ARMS, Counting()), tmp_path / "figure.png")
    ((figure, caption),) = drawn
    first = figure.subfigs[0].axes[0]
    assert {"N", "E"} <= {text.get_text() for text in first.texts}
    assert any(text.get_text().endswith("\N{DOUBLE PRIME}") for text in first.texts)
    titles = [axis.get_title() for part in figure.subfigs for axis in part.axes]
    assert any(re.fullmatch(r"bulge, \d+ %", title) for title in titles)
    assert not any("_" in text.get_text() for part in figure.subfigs for axis in part.axes for text in axis.texts)
    assert "share of the galaxy's flux" in caption


def test_the_fits_file_has_both_images_where_they_are_on_the_sky(survey, galaxy, tmp_path):
    found = repaint_galaxy(survey, galaxy, WITHOUT_ARMS)
    write_repainted(survey, found, tmp_path / "pair.fits")
    with fits.open(tmp_path / "pair.fits") as hdus:
        assert hdus[0].header["OBJECT"] == str(galaxy)
        assert_array_equal(np.moveaxis(hdus["BEFORE"].data, 0, -1), found.before.image)
        assert_array_equal(np.moveaxis(hdus["AFTER"].data, 0, -1), found.after.image)
        assert [hdus["AFTER"].header[f"BAND{k}"] for k in range(1, 6)] == list("ugriz")
        assert hdus["AFTER"].header["BUNIT"] == "nmgy"
        where = WCS(hdus["AFTER"].header).celestial.pixel_to_world(31.5, 31.5)
    assert where.ra.deg == pytest.approx(survey.catalog["ra"][3], abs=1e-5)
    with pytest.raises(InputError, match=r"pair\.doc"):
        write_repainted(survey, found, tmp_path / "pair.doc")


def test_the_verb_lists_components_and_writes_a_figure(survey, galaxy, tmp_path):
    done = ran("repaint", survey.path, galaxy, "--without", "arms", "--turned", 30, "--out", tmp_path / "figure.png")
    assert done.returncode == 0, done.stderr
    assert "bulge" in done.stdout
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--without", "halo"), "has no halo"),
        (("--recoloured", "red"), "Four numbers"),
        (("--blurred", "0"), "above 0"),
        (("--out", "figure.png"), "Nothing was altered"),
    ],
)
def test_the_verb_tells_a_mistake_in_words(survey, galaxy, words, told):
    done = ran("repaint", survey.path, galaxy, *words)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_recipes_in_the_survey_paint_its_pixels(survey):
    recipe = Recipe.from_json(Truth.open(survey.path).recipes([3])[0])
    assert_array_equal(paint(recipe).cutout.image, survey.images([3])[0])
