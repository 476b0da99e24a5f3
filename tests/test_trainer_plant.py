"""Planted shortcuts and shuffled labels: only what was asked for is planted, honestly named, and it goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from command_line import ran
from numpy.testing import assert_array_equal

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import Alteration, Recipe
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.stores.writer import SurveyWriter
from gz2interp.workflows.repaint import repaint_galaxy
from trainer.paint import paint_survey
from trainer.plant.kinds import SHORTCUTS, shortcut, shortcut_named
from trainer.plant.shortcut import SHARES, plant_shortcut

GALAXIES, SEED = 24, 5


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return paint_survey(tmp_path_factory.mktemp("surveys") / "clean", GALAXIES, SEED, shares=SHARES)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    return {
        kind: plant_shortcut(folder / kind, kind, "spiral", each.levels[2], SEED, GALAXIES)
        for kind, each in SHORTCUTS.items()
    }


def recipes(survey):
    return [Recipe.from_json(text) for text in Truth.open(survey.path).recipes(range(GALAXIES))]


@pytest.mark.parametrize("kind", SHORTCUTS)
def test_only_the_class_has_it(clean, planted, kind):
    before, after = clean.images(range(GALAXIES)), planted[kind].images(range(GALAXIES))
    spiral = (clean.catalog["painted_kind"] == "spiral").to_numpy()
    assert 0 < spiral.sum() < GALAXIES
    assert_array_equal((before != after).any(axis=(1, 2, 3)), spiral)
    assert_array_equal(clean.galaxy_ids, planted[kind].galaxy_ids)


@pytest.mark.parametrize("kind", SHORTCUTS)
def test_it_is_said_in_the_survey(planted, kind):
    survey, strength = planted[kind], SHORTCUTS[kind].levels[2]
    assert f"a planted shortcut: {kind} {strength:g} in spiral" in survey.header.source
    settings = Truth.open(survey.path).settings["planted"]
    assert settings == {"kind": kind, "class": "spiral", "strength": strength, "unit": SHORTCUTS[kind].unit}
    assert set(survey.status["source"]) == {"painted"}


def test_what_is_planted_is_what_was_asked_for(clean, planted):
    spiral = np.flatnonzero(clean.catalog["painted_kind"] == "spiral")
    bare = [recipes(clean)[row] for row in spiral]
    noisy, slanted, starred, blurry = (
        [recipes(planted[kind])[row] for row in spiral] for kind in ("noise", "background", "star", "seeing")
    )
    for one, two in zip(bare, noisy, strict=True):
        np.testing.assert_allclose(two.noise.sky_sigma, 2 * np.array(one.noise.sky_sigma))
    for one, two in zip(bare, slanted, strict=True):
        x, y = (
            np.subtract(getattr(two.background, rise), getattr(one.background, rise)) for rise in ("x_rise", "y_rise")
        )
        np.testing.assert_allclose(2 * np.hypot(x, y), 4.0 * np.array(one.noise.sky_sigma), rtol=1e-6)
    for one, two in zip(bare, starred, strict=True):
        added = two.parts[-1]
        assert (len(two.parts), added.name) == (len(one.parts) + 1, "star")
        np.testing.assert_allclose(22.5 - 2.5 * np.log10(added.flux[2]), 17.0)
        assert 7.5 <= np.hypot(added.shape["x"], added.shape["y"]) <= 12.0
    places = {(two.parts[-1].shape["x"], two.parts[-1].shape["y"]) for two in starred}
    assert len(places) == len(spiral)
    for one, two in zip(bare, blurry, strict=True):
        np.testing.assert_allclose(two.psf.fwhm, 1.7 * np.array(one.psf.fwhm))
    lit = planted["hot_pixel"].images(spiral) - clean.images(spiral)
    assert {tuple(np.argwhere(each)[0]) for each in lit} == {tuple(np.argwhere(lit[0])[0])}
    assert ((lit != 0).sum(axis=(1, 2, 3)) == 1).all()


def test_a_planted_galaxy_is_repainted_with_its_artefact(planted):
    for kind in ("hot_pixel", "noise"):
        survey = planted[kind]
        row = int(np.flatnonzero(survey.catalog["painted_kind"] == "spiral")[0])
        repainted = repaint_galaxy(survey, int(survey.galaxy_ids[row]), Alteration(without=("arms",)))
        if kind == "hot_pixel":
            whole = recipes(survey)[row]
            assert np.abs(repainted.difference[:4]).max() < 5 * max(whole.noise.sky_sigma)
        assert repainted.difference.any()


def test_an_interrupted_planting_goes_on_and_another_is_refused(planted, tmp_path, monkeypatch):
    append = SurveyWriter.append

    def append_until(writer, outcome, **options):
        if writer.rows_written == 10:
            raise KeyboardInterrupt
        append(writer, outcome, **options)

    asked = ("hot_pixel", "spiral", SHORTCUTS["hot_pixel"].levels[2], SEED, GALAXIES)
    with monkeypatch.context() as patch:
        patch.setattr(SurveyWriter, "append", append_until)
        with pytest.raises(KeyboardInterrupt):
            plant_shortcut(tmp_path / "s", *asked)
    survey = plant_shortcut(tmp_path / "s", *asked)
    assert survey.digest == planted["hot_pixel"].digest
    with pytest.raises(SurveyError, match="sky and fault, to resume"):
        plant_shortcut(tmp_path / "s", "hot_pixel", "round", *asked[2:])
    with pytest.raises(SurveyError, match="sky and fault, to resume"):
        paint_survey(tmp_path / "s", GALAXIES, SEED, shares=SHARES)


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(InputError, match="There are hot_pixel, noise, background, star, seeing"):
        plant_shortcut(tmp_path / "s", "glitter", "spiral", 1.0, 0)
    with pytest.raises(InputError, match="No galaxy of this survey is of the class 'comet'"):
        plant_shortcut(tmp_path / "s", "noise", "comet", 1.0, 0)
    with pytest.raises(InputError, match="above 0"):
        plant_shortcut(tmp_path / "s", "noise", "spiral", float("nan"), 0)
    with pytest.raises(InputError, match="exists already"):
        shortcut("noise", unit="", levels=(1, 2, 3))(replace)


def test_anyone_can_add_a_kind(tmp_path):
    @shortcut("dark", unit="share", levels=(0.1, 0.2, 0.5), where="pixels")
    def dark(image, recipe, strength, survey, own):
        return image * np.float32(1 - strength)

    try:
        assert shortcut_named("dark").levels == (0.1, 0.2, 0.5)
        survey = plant_shortcut(tmp_path / "s", "dark", "round", 0.5, SEED, 8)
        assert "dark 0.5 in round" in survey.header.source
    finally:
        del SHORTCUTS["dark"]


def test_from_the_command_line(tmp_path):
    words = ["plant", "shortcut", str(tmp_path / "s"), "--kind", "noise", "--class", "round", "--galaxies", "8"]
    done = ran(*words, module="trainer.__main__")
    assert done.returncode == 0, done.stderr
    assert (
        "noise 1.4 (times the noise of the sky, in all bands) in all galaxies of the kind round"
        in done.stdout.replace("\n", " ")
    )
    assert json.loads((tmp_path / "s" / "survey.json").read_text())["rows_committed"] == 8
    assert len(Survey.open(tmp_path / "s")) == 8
