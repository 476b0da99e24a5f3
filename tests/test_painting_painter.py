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
from gz2interp.painting import (
    COMPONENTS,
    KINDS,
    Alteration,
    Background,
    ComponentPart,
    Noise,
    Recipe,
    component,
    draw_recipe,
    paint,
    paint_without_noise,
    render,
    repaint,
)
from gz2interp.painting.components import component_of
from gz2interp.painting.noise import FULL_WELL, bled
from gz2interp.schema import BANDS

R = BANDS.index("r")
ANALOGUE = (0.0,) * 5
"""Electrons per count of a camera that writes down fractions of a count."""


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
    assert painted.light.shape == (64, 64, len(recipe.components))
    assert painted.light.dtype == np.float16
    ours = [component_of(name).place != "field" for name in recipe.components]
    flux = painted.flux[ours if any(ours) else slice(None, 1)].sum(axis=0)
    assert_allclose(flux, 10 ** (0.4 * (22.5 - recipe.magnitudes)), rtol=1e-5)


def test_light_is_the_share_of_the_r_band_that_lies_in_the_cutout():
    recipe = barred_spiral()
    light = paint(recipe).light.astype(np.float64)
    inside = np.array([pixels[R].sum() for pixels in render(recipe).light.values()])
    assert_allclose(light.sum(axis=(0, 1)), inside / recipe.subject_flux[R], rtol=2e-3, atol=1e-4)
    ours = [component_of(name).place != "field" for name in recipe.components]
    assert 0.8 < light[..., ours].sum() <= 1.001


def test_a_blank_sky_has_mean_zero_and_the_stated_scatter():
    noise = Noise(sky_sigma=(0.05, 0.02, 0.03, 0.04, 0.2))
    image = paint(Recipe("blank", 5, (), noise=noise)).cutout.image
    assert_allclose(image.std(axis=(0, 1)), noise.sky_sigma, rtol=0.04)
    assert_allclose(image.mean(axis=(0, 1)) / noise.sky_sigma, 0, atol=4 / 64)


def test_pixels_are_whole_counts_above_a_sky_of_any_height():
    recipe = barred_spiral()
    image, noise = paint(recipe).cutout.image.astype(np.float64), recipe.noise
    counts = image / (np.array(noise.electrons_per_count) / noise.electrons)
    phase = np.exp(2j * np.pi * counts).mean(axis=(0, 1))
    assert_allclose(np.abs(phase), 1, atol=1e-3)


def test_a_background_is_a_plane_without_noise():
    plane = Background(level=(1.0,) * 5, x_rise=(0.5,) * 5, y_rise=(-0.25,) * 5)
    noise = Noise((0.0,) * 5, electrons_per_count=ANALOGUE)
    image = paint(Recipe("blank", 5, (), noise=noise, background=plane)).cutout.image
    assert_allclose(image.mean(axis=(0, 1)), 1, atol=1e-5)
    assert_allclose(np.diff(image, axis=1), 0.5 / 32, atol=1e-5)
    assert_allclose(np.diff(image, axis=0), -0.25 / 32, atol=1e-5)


def test_photons_are_as_noisy_as_their_number():
    quiet = Noise((0.0,) * 5, (100.0,) * 5, ANALOGUE)
    recipe = replace(draw_recipe(np.random.default_rng(2), "round"), noise=quiet, background=Background())
    expected = np.moveaxis(render(recipe).total, 0, -1)
    counts, mean = paint(recipe).cutout.image * 100, expected * 100
    bright = mean > 5
    assert_allclose(((counts - mean)[bright] ** 2 / mean[bright]).mean(), 1, atol=0.15)


def test_light_behind_dust_is_as_noisy_as_what_is_left_of_it():
    quiet = Noise((0.0,) * 5, (100.0,) * 5, ANALOGUE)
    recipe = replace(draw_recipe(np.random.default_rng(2), "dust_lane"), noise=quiet, background=Background())
    expected = np.moveaxis(render(recipe).total, 0, -1)
    counts, mean = paint(recipe).cutout.image * 100, expected * 100
    bright = mean > 5
    assert_allclose(((counts - mean)[bright] ** 2 / mean[bright]).mean(), 1, atol=0.1)


def test_full_pixels_bleed_along_their_column_and_lose_nothing():
    electrons = np.zeros((5, 64, 64), np.float32)
    electrons[2, 30, 10] = 7 * FULL_WELL
    electrons[2, 40, 50] = 0.9 * FULL_WELL
    held = bled(electrons)
    assert held.max() <= FULL_WELL
    assert_allclose(held.sum(axis=1), electrons.sum(axis=1), rtol=1e-5)
    assert (held[2, 27:34, 10] == FULL_WELL).all()
    assert np.count_nonzero(held) == 8
    assert bled(held) is held


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others():
    recipe = barred_spiral()
    first, again = paint(recipe), paint(Recipe.from_json(recipe.to_json()))
    assert_array_equal(first.cutout.image, again.cutout.image)
    assert_array_equal(first.light, again.light)
    other = paint(replace(recipe, seed=recipe.seed + 1))
    assert not np.array_equal(first.cutout.image, other.cutout.image)
    assert_array_equal(first.light, other.light)


@pytest.mark.parametrize("name", ["bulge", "disc", "arms", "clumps", "bar"])
def test_a_repaint_differs_by_the_detected_light_of_the_component_and_nothing_else(name):
    recipe = barred_spiral()
    recipe = replace(recipe, noise=replace(recipe.noise, electrons_per_count=ANALOGUE))
    difference = paint(recipe).cutout.image - repaint(recipe, Alteration(without=(name,))).cutout.image
    electrons = difference * np.array(recipe.noise.electrons)
    assert electrons.min() > -0.05  # whole photons taken away, to float32's rounding of the image
    assert_allclose(electrons, np.round(electrons), atol=0.05)
    light = render(recipe).light[name].sum(axis=(1, 2))
    scatter = np.sqrt(light / recipe.noise.electrons)
    assert (np.abs(difference.sum(axis=(0, 1)) - light) < 5 * scatter + 1e-3).all()


def test_in_whole_counts_a_repaint_differs_by_no_more_than_one_count_from_that():
    recipe = barred_spiral()
    analogue = replace(recipe, noise=replace(recipe.noise, electrons_per_count=ANALOGUE))
    count = np.array(recipe.noise.electrons_per_count) / recipe.noise.electrons
    without = Alteration(without=("arms",))
    counted = paint(recipe).cutout.image - repaint(recipe, without).cutout.image
    exact = paint(analogue).cutout.image - repaint(analogue, without).cutout.image
    assert (np.abs(counted - exact) / count).max() < 1.01
    assert not counted[exact == 0].any()


def test_without_its_dust_a_galaxy_gains_exactly_what_the_dust_took():
    recipe = draw_recipe(np.random.default_rng(4), "dust_lane")
    recipe = replace(recipe, noise=replace(recipe.noise, electrons_per_count=ANALOGUE))
    gain = repaint(recipe, Alteration(without=("dust",))).cutout.image - paint(recipe).cutout.image
    assert gain.min() > -1e-3
    taken = -render(recipe).light["dust"].sum(axis=(1, 2))
    assert (taken > 0).all()
    assert_allclose(gain.sum(axis=(0, 1)), taken, atol=5 * np.sqrt(taken / recipe.noise.electrons).max())
    assert_allclose(-recipe.flux[recipe.components.index("dust")], taken, rtol=0.1)


def test_dust_reddens_and_takes_the_more_the_deeper_it_is():
    recipe = draw_recipe(np.random.default_rng(4), "dust_lane")
    taken = -render(recipe).light["dust"].sum(axis=(1, 2)) / recipe.flux.clip(0).sum(axis=0)
    assert (np.diff(taken) < 0).all()
    (lane,) = recipe.parts_of("dust")
    deeper = replace(lane, shape={**lane.shape, "depth": 2 * lane.shape["depth"]})
    other = render(replace(recipe, parts=(*(part for part in recipe.parts if part.name != "dust"), deeper)))
    assert (other.light["dust"][R] <= render(recipe).light["dust"][R] + 1e-4).all()


def test_a_part_can_be_put_in():
    recipe = Recipe("round", 1, tuple(draw_recipe(np.random.default_rng(1), "round").parts_of("bulge")))
    with_star = repaint(recipe, Alteration(with_parts=(ComponentPart("star", (5.0,) * 5, {"x": 1.0}),)))
    gained = (with_star.cutout.image - paint(recipe).cutout.image).sum(axis=(0, 1))
    assert with_star.components == ("bulge", "star")
    assert_allclose(gained, 5.0, rtol=0.2)


def test_parts_of_one_name_are_one_component():
    one, two = (ComponentPart("star", (5.0,) * 5, {"x": x, "y": 2.0}) for x in (-4.0, 3.0))
    both = render(Recipe("pair", 1, (one, two)))
    apart = [render(Recipe("single", 1, (part,))).light["star"] for part in (one, two)]
    assert list(both.light) == ["star"]
    assert_allclose(both.light["star"], apart[0] + apart[1], atol=1e-5)
    assert_allclose(Recipe("pair", 1, (one, two)).flux, [[10.0] * 5])


def test_an_unknown_component_or_shape_is_refused_with_what_would_do():
    with pytest.raises(InputError, match=r"No component is called halo.*bulge"):
        paint(Recipe("odd", 1, (ComponentPart("halo", (1.0,) * 5, {}),)))
    with pytest.raises(InputError, match="A disc cannot have the shape"):
        paint(Recipe("odd", 1, (ComponentPart("disc", (1.0,) * 5, {"depth": 1.0}),)))


def test_a_new_component_is_found_in_the_truth(monkeypatch):
    monkeypatch.setattr("gz2interp.painting.components.registry.COMPONENTS", dict(COMPONENTS))

    @component("blob")
    def blob(x, y, *, where):
        return np.exp(-((x - where) ** 2 + y**2) / (2 * 0.8**2)) / (2 * np.pi * 0.8**2)

    recipe = draw_recipe(np.random.default_rng(1), "disc")
    painted = repaint(recipe, Alteration(with_parts=(ComponentPart("blob", (3.0,) * 5, {"where": 5.0}),)))
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


def test_what_noise_is_added_to_is_the_mean_of_what_comes_out():
    """Also behind dust: the same galaxy under many noises, averaged, is the galaxy without noise."""
    recipe = draw_recipe(np.random.default_rng(11), "dust_lane")
    many = [paint(replace(recipe, seed=seed)).cutout.image for seed in range(60)]
    excess = (np.mean(many, axis=0) - paint_without_noise(recipe)) / (np.std(many, axis=0) / np.sqrt(len(many)))
    assert excess.shape == (64, 64, 5)
    assert np.abs(excess.mean(axis=(0, 1))).max() < 0.1
    assert excess.std() == pytest.approx(1.0, abs=0.1)
