"""A painted galaxy added to a real image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import (
    Alteration,
    Part,
    Recipe,
    draw_recipe,
    paint_onto,
    recipe_of,
    render,
    repaint,
    repaint_onto,
    seen_through,
)
from gz2interp.results import Cutout

FWHM = (1.6, 1.5, 1.4, 1.3, 1.2)


def real_cutout(seed=0, **changes):
    image = np.random.default_rng(seed).normal(0, 0.03, (64, 64, 5)).astype(np.float32)
    cutout = Cutout(image, np.ones((64, 64), bool), "archive", 0.396, sky_sigma=(0.03,) * 5, psf_fwhm=FWHM)
    return replace(cutout, **changes)


def galaxy(kind="round", seed=2):
    return draw_recipe(np.random.default_rng(seed), kind)


def test_light_is_added_with_its_own_photon_noise_and_no_other():
    recipe, cutout = galaxy(), real_cutout()
    painted = paint_onto(cutout, recipe)
    added = painted.cutout.image - cutout.image
    expected = np.moveaxis(render(seen_through(recipe, cutout)).total, 0, -1)
    electrons = np.array(recipe.noise.electrons)
    assert_allclose(added.sum(axis=(0, 1)), expected.sum(axis=(0, 1)), rtol=0.02)
    bright = expected * electrons > 20
    assert (((added - expected) ** 2)[bright] * electrons.max() > 0).any()
    scatter = (added - expected) * np.sqrt(electrons / np.maximum(expected, 1e-9))
    assert scatter[bright].std() == pytest.approx(1, abs=0.1)
    assert painted.cutout.source == "painted onto archive"
    assert painted.components == recipe.components


def test_it_is_seen_through_the_cutouts_own_psf():
    star = Recipe("star", 1, (Part("star", (200.0,) * 5, {}),))
    sharp, wide = (
        paint_onto(real_cutout(psf_fwhm=tuple(factor * width for width in FWHM)), star).cutout.image[..., 2].max()
        for factor in (1.0, 1.5)
    )
    assert sharp / wide == pytest.approx(1.5**2, rel=0.15)


def test_a_single_component_can_be_added():
    arc = Part("arc", (5.0,) * 5, {"radius": 4.0, "width": 0.3, "opening": 60.0, "angle": 90.0})
    painted = paint_onto(real_cutout(), Recipe("arc", 1, (arc,)))
    added = painted.cutout.image - real_cutout().image
    assert painted.components == ("arc",)
    y, _ = np.unravel_index(added[..., 2].argmax(), (64, 64))
    assert y - 31.5 == pytest.approx(4.0 / 0.396, abs=2)


def test_pixels_that_were_not_imaged_stay_as_they_are():
    valid = np.ones((64, 64), bool)
    valid[20:40] = False
    cutout = real_cutout(valid=valid)
    image = paint_onto(cutout, galaxy()).cutout.image
    assert_array_equal(image[20:40], cutout.image[20:40])
    assert (image[40:] != cutout.image[40:]).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pixel_scale": 0.5}, "0.396 arcsec"),
        ({"psf_fwhm": (float("nan"),) * 5}, "PSF is unknown"),
        ({"psf_fwhm": ()}, "PSF is unknown"),
        ({"image": np.zeros((32, 32, 5), np.float32)}, r"\(64, 64, 5\)"),
    ],
)
def test_an_image_that_cannot_be_painted_on_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        paint_onto(real_cutout(**changes), galaxy())


def test_an_unknown_sky_leaves_the_recipes_own_noise():
    recipe = galaxy()
    assert seen_through(recipe, real_cutout(sky_sigma=())).noise == recipe.noise
    assert seen_through(recipe, real_cutout()).noise.sky_sigma == (0.03,) * 5


def test_taken_out_again_the_sky_is_as_it_was():
    cutout = real_cutout()
    recipe = seen_through(galaxy("spiral"), cutout)
    painted = paint_onto(cutout, recipe).cutout.image
    empty = repaint_onto(painted, recipe, Alteration(without=recipe.components))
    assert_allclose(empty, cutout.image, atol=1e-4)


def test_altered_onto_a_sky_it_changes_as_it_does_on_a_painted_one():
    recipe = recipe_of(3, 1, {"spiral": 1.0})
    alteration = Alteration(without=("arms",), dimmed=0.3)
    before = real_cutout().image
    onto = repaint_onto(before, recipe, alteration) - before
    count = np.array(recipe.noise.electrons_per_count) / recipe.noise.electrons
    from_scratch = repaint(recipe, alteration).cutout.image - repaint(recipe, Alteration()).cutout.image
    assert (np.abs(onto - from_scratch) < 1.01 * count).all()
