"""Painting and repainting: noise, truth, counterfactuals, recipes that travel."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import COMPONENTS, KINDS, Noise, Part, Recipe, component, draw_recipe, paint, render, repaint
from gz2interp.painting.profiles import gaussian
from gz2interp.schema import BANDS

R = BANDS.index("r")


def barred_spiral(seed=0):
    rng = np.random.default_rng(seed)
    return next(recipe for recipe in iter(lambda: draw_recipe(rng, "spiral"), None) if recipe.part("bar"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_painted_with_its_truth(kind):
    recipe = draw_recipe(np.random.default_rng(3), kind)
    painted = paint(recipe)
    image = painted.cutout.image
    assert image.shape == (64, 64, 5)
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    assert np.isfinite(image).all()
    assert painted.cutout.valid.all()
    assert painted.components == recipe.components
    assert painted.light.shape == (64, 64, len(recipe.parts))
    assert painted.light.dtype == np.float16
    assert_allclose(painted.flux.sum(axis=0), 10 ** (0.4 * (22.5 - recipe.magnitudes)), rtol=1e-5)


def test_light_is_the_share_of_the_r_band_that_lies_in_the_cutout():
    recipe = barred_spiral()
    light = paint(recipe).light.astype(np.float64)
    inside = render(recipe)[:, R].sum(axis=(1, 2))
    assert_allclose(light.sum(axis=(0, 1)), inside / recipe.flux[:, R].sum(), rtol=2e-3)
    assert 0.8 < light.sum() <= 1.001


def test_a_blank_sky_has_mean_zero_and_the_stated_scatter():
    noise = Noise(sky_sigma=(0.05, 0.02, 0.03, 0.04, 0.2))
    image = paint(Recipe("blank", 5, (), noise=noise)).cutout.image
    assert_allclose(image.std(axis=(0, 1)), noise.sky_sigma, rtol=0.04)
    assert_allclose(image.mean(axis=(0, 1)) / noise.sky_sigma, 0, atol=4 / 64)


def test_photons_are_as_noisy_as_their_number():
    recipe = replace(draw_recipe(np.random.default_rng(2), "round"), noise=Noise((0.0,) * 5, (100.0,) * 5))
    expected = np.moveaxis(render(recipe).sum(axis=0), 0, -1)
    counts, mean = paint(recipe).cutout.image * 100, expected * 100
    bright = mean > 5
    assert_allclose(((counts - mean)[bright] ** 2 / mean[bright]).mean(), 1, atol=0.15)


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others():
    recipe = barred_spiral()
    first, again = paint(recipe), paint(Recipe.from_json(recipe.to_json()))
    assert_array_equal(first.cutout.image, again.cutout.image)
    assert_array_equal(first.light, again.light)
    other = paint(replace(recipe, seed=recipe.seed + 1))
    assert not np.array_equal(first.cutout.image, other.cutout.image)
    assert_array_equal(first.light, other.light)


@pytest.mark.parametrize("name", ["bulge", "disc", "arms", "bar"])
def test_a_repaint_differs_by_the_detected_light_of_the_component_and_nothing_else(name):
    recipe = barred_spiral()
    difference = paint(recipe).cutout.image - repaint(recipe, without=(name,)).cutout.image
    electrons = difference * np.array(recipe.noise.electrons)
    assert electrons.min() > -0.05  # whole photons taken away, to float32's rounding of the image
    assert_allclose(electrons, np.round(electrons), atol=0.05)
    light = render(recipe)[recipe.components.index(name)].sum(axis=(1, 2))
    scatter = np.sqrt(light / recipe.noise.electrons)
    assert (np.abs(difference.sum(axis=(0, 1)) - light) < 5 * scatter + 1e-3).all()


def test_a_part_can_be_put_in():
    recipe = draw_recipe(np.random.default_rng(1), "round")
    point = Part("star", (5.0,) * 5, {"sigma": 0.05})
    with_star = repaint(recipe, with_parts=(point,))
    gained = (with_star.cutout.image - paint(recipe).cutout.image).sum(axis=(0, 1))
    assert with_star.components == ("bulge", "star")
    assert_allclose(gained, 5.0, rtol=0.2)


def test_what_is_not_there_cannot_be_left_out_nor_put_in_twice():
    recipe = draw_recipe(np.random.default_rng(1), "round")
    with pytest.raises(InputError, match="round has no bar"):
        repaint(recipe, without=("bar",))
    with pytest.raises(InputError, match="Each component once"):
        repaint(recipe, with_parts=recipe.parts)


def test_a_new_component_is_found_in_the_truth(monkeypatch):
    monkeypatch.setattr("gz2interp.painting.components.COMPONENTS", dict(COMPONENTS))

    @component("blob")
    def blob(x, y, *, where):
        return gaussian(x - where, y, 0.8)

    recipe = draw_recipe(np.random.default_rng(1), "disc")
    painted = repaint(recipe, with_parts=(Part("blob", (3.0,) * 5, {"where": 5.0}),))
    assert painted.components[-1] == "blob"
    row, column = np.unravel_index(painted.light[..., -1].argmax(), (64, 64))
    assert column - 31.5 == pytest.approx((5.0 + recipe.centre[0]) / 0.396, abs=1)
    assert row - 31.5 == pytest.approx(recipe.centre[1] / 0.396, abs=1)
    assert painted.flux[-1] == pytest.approx(3.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(sorted(KINDS)))
def test_a_recipe_survives_json(seed, kind):
    recipe = draw_recipe(np.random.default_rng(seed), kind)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert json.loads(recipe.to_json())["seed"] == recipe.seed < 2**53


def test_a_text_that_is_no_recipe_is_refused():
    for text in ("{}", "nonsense", '{"parts": [], "centre": [0, 0], "psf": {}, "noise": {}}'):
        with pytest.raises(InputError, match="not a recipe"):
            Recipe.from_json(text)
