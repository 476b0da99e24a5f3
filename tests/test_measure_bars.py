"""Bars on maps of known make: lengths, angles, and the laws that turning and scaling obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gz2interp.attribution.symmetry import apply_view, undo_view
from gz2interp.errors import InputError
from gz2interp.measure.bars import FWHM, axis_scatter, bars_in, fitted_ellipses, position_angles, seen_in
from gz2interp.painting import ComponentPart, Recipe
from gz2interp.painting.components.bodies import bar
from gz2interp.painting.recipe import bar_on_sky
from gz2interp.sky import cutout_wcs

Y, X = np.mgrid[:64, :64] - 31.5


def gaussian(major: float, minor: float, angle: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    turn = np.deg2rad(angle)
    along = (X - x) * np.cos(turn) + (Y - y) * np.sin(turn)
    across = (Y - y) * np.cos(turn) - (X - x) * np.sin(turn)
    return np.exp(-0.5 * (along / major) ** 2 - 0.5 * (across / minor) ** 2)


def apart(angle: float, other: float) -> float:
    return abs((angle - other + 90) % 180 - 90)


@settings(deadline=None, max_examples=40)
@given(some.floats(2, 9), some.floats(0.2, 0.7), some.floats(0, 180), some.floats(-1.5, 1.5), some.floats(-1.5, 1.5))
def test_a_gaussian_gives_back_its_length_and_angle(major, ratio, angle, x, y):
    minor = max(ratio * major, 0.8)
    found = bars_in(gaussian(major, minor, angle, x, y)[None], 0.396)
    assert found.length[0] == pytest.approx(FWHM * major * 0.396, rel=0.01)
    assert apart(found.angle[0], angle) < 180 * 0.01 / (1 - minor / major)
    assert (found.x[0], found.y[0]) == pytest.approx((x, y), abs=0.05)


def test_what_lies_around_moves_it_little():
    disc = 0.08 * np.exp(-np.hypot(X, Y / 0.8) / 12)
    found = bars_in((gaussian(5, 1.5, 60) + disc)[None])
    assert found.length[0] == pytest.approx(FWHM * 5, rel=0.06)
    assert apart(found.angle[0], 60) < 1


def test_the_length_of_a_plank_grows_with_it():
    planks = np.stack([(np.abs(X) < half) & (np.abs(Y) < 2) for half in (6, 9, 12)]).astype(float)
    found = bars_in(planks)
    np.testing.assert_allclose(found.length / found.length[0], [1, 1.5, 2], rtol=0.01)
    np.testing.assert_allclose(found.angle % 180, 0, atol=1e-6)


@pytest.mark.parametrize("view", range(8))
def test_it_turns_and_mirrors_with_the_map(view):
    upright = gaussian(6, 2, 25, 1.0, -0.5)
    straight, seen = bars_in(upright[None]), bars_in(apply_view(upright[None], view))
    back = bars_in(undo_view(apply_view(upright[None], view), view))
    mirrored = 180 - 25 if view >= 4 else 25
    assert seen.length[0] == pytest.approx(straight.length[0], rel=1e-6)
    assert apart(seen.angle[0], mirrored - 90 * (view % 4)) < 1e-3  # rows count upwards: rot90 turns from y to x
    assert apart(back.angle[0], straight.angle[0]) < 1e-6


def test_the_scale_of_pixels_and_of_values():
    maps = np.stack([gaussian(4, 1.5, 10), gaussian(6, 2, 100)])
    plain = bars_in(maps)
    np.testing.assert_allclose(bars_in(maps, np.array([0.396, 2.0])).length, plain.length * [0.396, 2.0])
    np.testing.assert_allclose(bars_in(1e-9 * maps).length, plain.length, rtol=1e-6)
    alone = bars_in(maps[1:])
    np.testing.assert_allclose(alone.length[0], plain.length[1], rtol=1e-9)  # its company does not matter


def test_what_is_no_bar_is_no_number():
    holes = gaussian(5, 2, 0)
    holes[0, 0] = np.nan
    far = gaussian(4, 1.5, 0, 20, 20)
    maps = np.stack([np.zeros((64, 64)), holes, gaussian(4, 4, 0), np.ones((64, 64)), far])
    found = bars_in(maps)
    assert np.isnan(found.length).all()
    assert np.isnan(found.angle).all()
    assert found.why_not == (
        "the map is blank",
        "the map is not finite",
        "what stands out is round",
        "no shape stands out in the middle of the map",
        "no shape stands out in the middle of the map",
    )


def test_maps_must_be_maps():
    with pytest.raises(InputError, match=r"shape \(64, 64\)"):
        bars_in(gaussian(4, 2, 0))
    with pytest.raises(InputError, match="below 0"):
        bars_in(-gaussian(4, 2, 0)[None])


def test_signs_and_bands_become_one_map():
    values = np.array([[[[1.0, -3.0], [2.0, 1.0]]]])
    np.testing.assert_array_equal(seen_in(values), [[[0.0, 3.0]]])
    np.testing.assert_array_equal(seen_in(values[..., 1]), [[[0.0, 1.0]]])


@pytest.mark.parametrize("turn", [0.0, 30.0, 200.0])
def test_position_angles_are_those_of_the_sky(turn):
    """A step along the bar, taken through the cutout's WCS."""
    wcs = cutout_wcs(150.0, 0.0, 0.396, turn, (64, 64))
    for angle in (0.0, 20.0, 90.0, 170.0):
        step = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
        (ra, dec), (ra0, dec0) = (wcs.wcs_pix2world([31.5 + 5 * k * step], 0)[0] for k in (1, 0))
        expected = np.rad2deg(np.arctan2((ra - ra0) * np.cos(np.deg2rad(dec0)), dec - dec0)) % 180
        assert apart(float(position_angles(np.array([angle]), turn)[0]), expected) < 0.01


def test_axes_scatter_modulo_180():
    assert axis_scatter(np.array([[179.0], [1.0]]))[0] == pytest.approx(1.0, rel=0.01)
    assert np.isnan(axis_scatter(np.array([[10.0], [np.nan]]))[0])
    assert axis_scatter(np.array([[0.0], [90.0]]))[0] > 45


def test_the_truth_is_the_axis_as_it_is_seen():
    """Against the light itself: the moments of the painted bar, sampled finely."""
    shape = {"length": 3.0, "width": 0.2, "bar_angle": 40.0, "inclination": 50.0, "angle": 20.0}
    recipe = Recipe("spiral", 1, (ComponentPart("bar", (1.0,) * 5, shape),))
    length, angle = bar_on_sky(recipe)
    light = bar(0.2 * X.astype(np.float32), 0.2 * Y.astype(np.float32), **shape).astype(np.float64)
    seen = fitted_ellipses(light[None])
    assert apart(angle, seen.angle[0]) < 3  # a bar of some width does not point quite along its axis
    x, y = (0.5 * length / 0.2 * trig(np.deg2rad(angle)) + 31.5 for trig in (np.cos, np.sin))
    assert light[round(y), round(x)] / light[31:33, 31:33].mean() == pytest.approx(0.5, abs=0.06)
    assert bar_on_sky(Recipe("disc", 1, ())) is None
