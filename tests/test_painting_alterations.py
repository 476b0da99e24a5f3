"""The same galaxy otherwise: turned, dimmed, moved away, blurred, recoloured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gz2interp.errors import InputError
from gz2interp.painting import KINDS, Alteration, ComponentPart, Recipe, altered, draw_recipe, paint, render, repaint
from gz2interp.painting.alterations import distance_ratios
from gz2interp.painting.components import component_of

GALAXIES = sorted(set(KINDS) - {"star", "artefact"})


def galaxy(kind="spiral", seed=1):
    """In the very middle of its cutout, so that it can be turned about it."""
    return replace(draw_recipe(np.random.default_rng(seed), kind), centre=(0.0, 0.0))


def of_the_galaxy(recipe):
    """Its light without its field (band, y, x)."""
    light = render(recipe).light
    return sum(light[name] for name in recipe.components if component_of(name).place != "field")


@pytest.mark.parametrize("kind", KINDS)
def test_no_alteration_gives_the_same_bytes(kind):
    recipe = galaxy(kind)
    assert altered(recipe, Alteration()) == recipe
    assert_array_equal(repaint(recipe, Alteration()).cutout.image, paint(recipe).cutout.image)


@pytest.mark.parametrize("kind", GALAXIES)
def test_a_quarter_turn_turns_the_light(kind):
    recipe = galaxy(kind)
    turned = of_the_galaxy(altered(recipe, Alteration(turned=90.0)))
    # From x towards y, in arrays whose rows are y.
    expected = np.rot90(of_the_galaxy(recipe), -1, axes=(1, 2))
    assert np.abs(turned - expected).max() < 0.01 * expected.max()


def test_turning_leaves_the_field_where_it_is():
    star = ComponentPart("star", (100.0,) * 5, {"x": 6.0, "y": -3.0})
    recipe = replace(galaxy(), parts=(*galaxy().parts, star))
    before, after = render(recipe).light, render(altered(recipe, Alteration(turned=60.0))).light
    assert_array_equal(before["star"], after["star"])
    assert not np.allclose(before["arms"], after["arms"])


@settings(max_examples=15, deadline=None)
@given(dimmed=st.floats(-2, 4), kind=st.sampled_from(GALAXIES))
def test_dimming_divides_the_light_and_leaves_shape_and_field(dimmed, kind):
    recipe = galaxy(kind)
    fainter = altered(recipe, Alteration(dimmed=dimmed))
    assert_allclose(fainter.magnitudes, recipe.magnitudes + dimmed, atol=1e-9)
    assert_allclose(of_the_galaxy(fainter), of_the_galaxy(recipe) * 10 ** (-0.4 * dimmed), rtol=2e-3, atol=1e-4)


def test_only_what_is_named_is_dimmed_and_recoloured():
    recipe = galaxy()
    other = altered(recipe, Alteration(dimmed=1.0, recoloured=(0.3, 0.2, 0.1, 0.0), only=("arms",)))
    for part, before in zip(other.parts, recipe.parts, strict=True):
        assert (part == before) == (part.name != "arms")


def test_recolouring_reddens_by_what_it_says_at_the_same_r_magnitude():
    recipe = galaxy()
    redder = altered(recipe, Alteration(recoloured=(0.4, 0.3, 0.2, 0.1)))
    assert_allclose(-np.diff(redder.magnitudes) + np.diff(recipe.magnitudes), (0.4, 0.3, 0.2, 0.1), atol=1e-9)
    assert redder.magnitudes[2] == pytest.approx(recipe.magnitudes[2])


def test_there_and_back_again_is_the_same_galaxy():
    recipe = galaxy()
    away = altered(recipe, Alteration(redshift=0.2))
    back = altered(away, Alteration(redshift=recipe.redshift))
    assert away.petro_radius < recipe.petro_radius
    assert (away.magnitudes > recipe.magnitudes).all()
    assert_allclose(back.flux, recipe.flux, rtol=1e-9)
    assert back.petro_radius == pytest.approx(recipe.petro_radius)


def test_surface_brightness_falls_with_the_fourth_power_of_the_redshift_scale():
    """Tolman's law, and at small redshifts Hubble's: lengths go as one over the distance."""
    length, flux = distance_ratios(0.05, 0.15)
    assert flux / length**2 == pytest.approx((1.05 / 1.15) ** 4)
    assert distance_ratios(1e-4, 2e-4)[0] == pytest.approx(0.5, rel=1e-3)


def test_worse_seeing_keeps_the_light_and_lowers_its_peak():
    recipe = galaxy("round")
    sharp, blurred = render(recipe).light["bulge"], render(altered(recipe, Alteration(blurred=2.0))).light["bulge"]
    assert (blurred.max(axis=(1, 2)) < 0.8 * sharp.max(axis=(1, 2))).all()
    assert_allclose(blurred.sum(axis=(1, 2)), sharp.sum(axis=(1, 2)), rtol=0.03)


def test_the_sky_stays_the_same_sky():
    """Where a turned galaxy has no light before or after, not a pixel changes."""
    recipe = Recipe(
        "dot", 3, (ComponentPart("bulge", (50.0,) * 5, {"radius": 0.5, "index": 1, "axis_ratio": 0.5, "angle": 0}),)
    )
    difference = paint(recipe).cutout.image - repaint(recipe, Alteration(turned=90.0, dimmed=0.5)).cutout.image
    assert np.count_nonzero(difference[:12]) < 0.05 * difference[:12].size
    assert difference[28:36, 28:36].any()


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        (Alteration(without=("halo",)), "spiral has no halo"),
        (Alteration(only=("halo",), dimmed=1.0), "spiral has no halo"),
        (Alteration(blurred=0.0), "above 0"),
        (Alteration(turned=float("inf")), "Finite numbers"),
        (Alteration(dimmed=float("nan")), "Finite numbers"),
        (Alteration(redshift=0.0), "above 0"),
        (Alteration(redshift=-0.1), "above 0"),
    ],
)
def test_what_cannot_be_is_refused(alteration, words):
    with pytest.raises(InputError, match=words):
        altered(galaxy(), alteration)
