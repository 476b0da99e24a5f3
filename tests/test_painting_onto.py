"""A painted galaxy added to a real image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import (
    Alteration,
    ComponentPart,
    Noise,
    Psf,
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
COUNTS = np.array(Noise().electrons_per_count) / Noise().electrons


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
    # Its photons, and that they are written down as whole counts: which of two is left to chance.
    scatter = (added - expected) / np.sqrt(np.maximum(expected, 1e-9) / electrons + COUNTS**2 / 6)
    assert scatter[bright].std() == pytest.approx(1, abs=0.05)
    assert abs(scatter[bright].mean()) < 5 / np.sqrt(bright.sum())
    assert painted.cutout.source == "painted onto archive"
    assert painted.components == recipe.components


def test_it_is_seen_through_the_cutouts_own_psf():
    star = Recipe("star", 1, (ComponentPart("star", (200.0,) * 5, {}),))
    sharp, wide = (
        paint_onto(real_cutout(psf_fwhm=tuple(factor * width for width in FWHM)), star).cutout.image[..., 2].max()
        for factor in (1.0, 1.5)
    )
    assert sharp / wide == pytest.approx(1.5**2, rel=0.15)


def test_faint_light_is_not_lost_between_whole_counts():
    """A quarter of an electron a pixel is a tenth of a count and less: a plain rounding would drop it."""
    star = Recipe("star", 1, (ComponentPart("star", (1.0,) * 5, {}),))
    light = np.moveaxis(render(seen_through(star, real_cutout())).total, 0, -1)
    images = [paint_onto(real_cutout(), replace(star, seed=seed)).cutout.image for seed in range(300)]
    added = (np.mean(images, axis=0) - real_cutout().image).sum(axis=(0, 1))
    error = np.sqrt((light / Noise().electrons + COUNTS**2 / 6).sum(axis=(0, 1)) / len(images))
    assert (np.abs(added - light.sum(axis=(0, 1))) < 4 * error).all()


def test_whole_counts_stay_whole_counts():
    """All pixels of a real frame lie on one lattice, which is nowhere left where something was painted."""
    counts = np.random.default_rng(1).integers(-9, 10, (64, 64, 5))
    cutout = real_cutout(image=((counts + 0.3) * COUNTS).astype(np.float32))
    for recipe in (galaxy(), replace(galaxy(), noise=Noise(electrons_per_count=(0.0,) * 5))):
        image = paint_onto(cutout, recipe).cutout.image.astype(float)
        beside = np.abs(image / COUNTS - 0.3 - np.round(image / COUNTS - 0.3))
        assert (beside.max() < 0.02) == (recipe.noise.electrons_per_count[0] > 0)


def test_light_is_shifted_as_the_bands_are():
    shift = ((0.2, -0.1), (-0.15, 0.0), (0.0, 0.0), (0.1, 0.18), (-0.05, 0.05))
    star, cutout = Recipe("star", 1, (ComponentPart("star", (1e4,) * 5, {"x": 1.0, "y": -2.0}),)), real_cutout()
    assert Recipe.from_json(replace(star, psf=Psf(FWHM, shift)).to_json()).psf.shift == shift
    image = paint_onto(cutout, replace(star, psf=Psf(FWHM, shift))).cutout.image - cutout.image
    place = (np.arange(64) - 31.5) * 0.396
    near = image * (np.hypot(place - 1.0, place[:, None] + 2.0) < 4)[..., None]
    flux = near.sum(axis=(0, 1))
    x, y = (near.sum(axis=axis).T @ place / flux for axis in (0, 1))
    assert_allclose(np.stack([x - 1.0, y + 2.0], axis=1), shift, atol=0.03)


def test_a_single_component_can_be_added():
    arc = ComponentPart("arc", (5.0,) * 5, {"radius": 4.0, "width": 0.3, "opening": 60.0, "angle": 90.0})
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
    valid = np.zeros((64, 64), bool)
    untouched = repaint_onto(painted, recipe, Alteration(without=recipe.components), valid)
    assert_array_equal(untouched, painted)


def test_blurring_does_not_blur_the_sky():
    cutout = real_cutout()
    recipe = seen_through(galaxy(), cutout)
    wide = repaint_onto(paint_onto(cutout, recipe).cutout.image, recipe, Alteration(blurred=2.0))
    alone = paint_onto(replace(cutout, psf_fwhm=tuple(2 * width for width in FWHM)), recipe).cutout.image
    assert_allclose(wide, alone, atol=1e-4)


def test_altered_onto_a_sky_it_changes_as_it_does_on_a_painted_one():
    recipe = recipe_of(3, 1, {"spiral": 1.0})
    alteration = Alteration(without=("arms",), dimmed=0.3)
    before = real_cutout().image
    onto = repaint_onto(before, recipe, alteration) - before
    from_scratch = repaint(recipe, alteration).cutout.image - repaint(recipe, Alteration()).cutout.image
    assert (np.abs(onto - from_scratch) < 2.01 * COUNTS).all()
