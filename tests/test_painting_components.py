"""Each component looks as its name says: the ring is a ring, the knots lie on the arms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

from gz2interp.errors import InputError
from gz2interp.painting.components import COMPONENTS, component_of
from gz2interp.painting.components.disc_structure import Spiral, knots_of, polar_map
from gz2interp.painting.grid import CELL, FIELD_SIZE, field_of, samples
from gz2interp.painting.profiles import spergel_half_light

FACE_ON = {"inclination": 0.0, "angle": 0.0}
ARMS = {"scale": 3.0, "number": 2, "pitch": 18.0, "phase": 40.0, "contrast": 3.0, "start": 2.0}
RAGGED = ARMS | {"fade": 9.0, "raggedness": 0.8, "texture": 5}
LANE = {"scale": 3.0, "height": 0.5, "depth": 2.0, "angle": 0.0}
SMALL_GALAXY = {"radius": 1.0, "nu": 0.0, "axis_ratio": 0.5, "angle": 20.0}
PATCHY = {"raggedness": 0.4, "texture": 3}
TILTED = {"inclination": 50.0, "angle": 30.0}
SHAPES = {
    "bulge": {"radius": 2.0, "index": 2.0, "axis_ratio": 0.6, "angle": 30.0, "boxiness": 3.0},
    "disc": {"scale": 2.0, "thickness": 0.2} | TILTED,
    "bar": {"length": 2.0, "width": 0.3, "bar_angle": 40.0} | TILTED,
    "arms": RAGGED | TILTED,
    "inner_ring": {"radius": 4.0, "width": 0.5, "axis_ratio": 0.8, "ring_angle": 20.0} | PATCHY | TILTED,
    "outer_ring": {"radius": 4.0, "width": 0.5} | TILTED,
    "clumps": {"count": 12, "size": 0.3} | RAGGED | TILTED,
    "dust": LANE | {"offset": 0.2, "warp": 0.2} | PATCHY,
    "companion": SMALL_GALAXY,
    "tail": {"start": 3.0, "length": 5.0, "width": 0.5, "curl": 60.0, "angle": 0.0},
    "arc": {"radius": 4.0, "width": 0.3, "opening": 60.0, "angle": 90.0},
    "star": {},
    "spikes": {"length": 4.0, "width": 0.25, "angle": 45.0},
    "trail": {"width": 0.5, "angle": 20.0},
    "neighbour": SMALL_GALAXY,
}
"""One of each."""


def values_of(name, **shape):
    where = samples()
    return np.asarray(component_of(name).function(where.x, where.y, **shape))


def field_values(name, **shape):
    return field_of(values_of(name, **shape))


def polar(field, radius, azimuths=720):
    """Values on a circle round the middle, by azimuth from x to y."""
    angle = np.arange(azimuths) * 2 * np.pi / azimuths
    middle = (len(field) - 1) / 2
    places = [middle + radius / CELL * np.sin(angle), middle + radius / CELL * np.cos(angle)]
    return ndimage.map_coordinates(field, places, order=1)


def test_the_truth_lists_them_in_this_order():
    body = ["bulge", "disc", "bar", "arms", "inner_ring", "outer_ring", "clumps", "dust"]
    assert list(COMPONENTS)[:15] == [*body, "companion", "tail", "arc", "star", "spikes", "trail", "neighbour"]


@settings(max_examples=25, deadline=None)
@given(
    raggedness=st.floats(0, 1.2),
    texture=st.integers(0, 2**31 - 1),
    contrast=st.floats(0, 4),
    number=st.integers(1, 5),
    pitch=st.floats(9, 36),
)
def test_arms_have_unit_flux_however_ragged(raggedness, texture, contrast, number, pitch):
    shape = {"scale": 1.5, "start": 1.5, "fade": 5.0, "phase": 10.0, "contrast": contrast, "number": number}
    shape |= {"pitch": pitch, "raggedness": raggedness, "texture": texture, "inclination": 40.0, "angle": 25.0}
    # One sample a pixel is all that the outskirts have: up to three per cent in patchy, tightly wound arms.
    assert field_values("arms", **shape).sum() * CELL**2 == pytest.approx(1, rel=0.05)


@settings(max_examples=25, deadline=None)
@given(raggedness=st.floats(0, 0.9), texture=st.integers(0, 1000), pitch=st.floats(7, 36))
def test_their_flux_is_added_up_to_one_per_cent(raggedness, texture, pitch):
    spiral = Spiral(**ARMS | {"fade": 9.0, "raggedness": raggedness, "texture": texture, "pitch": pitch})
    radius = np.geomspace(0.02, 60, 500, dtype=np.float32)[:, None]
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False, dtype=np.float32)
    light = spiral.light(radius * np.cos(angle), radius * np.sin(angle)).mean(axis=1, dtype=np.float64)
    exact = 2 * np.pi * np.trapezoid(light * radius[:, 0] ** 2, np.log(radius[:, 0]))
    assert polar_map(spiral).light.sum() == pytest.approx(exact, rel=0.01)


def test_arms_without_patches_have_the_symmetry_of_their_number():
    light = field_values("arms", **ARMS, **FACE_ON)
    assert_allclose(light, light[::-1, ::-1], atol=1e-4 * light.max())
    ragged = field_values("arms", **RAGGED, **FACE_ON)
    assert np.abs(ragged - ragged[::-1, ::-1]).max() > 0.2 * ragged.max()


def test_an_arm_follows_its_logarithmic_spiral():
    light = field_values("arms", **ARMS, **FACE_ON)
    for radius in (2.5, 4.0, 6.0):
        crest = np.deg2rad(polar(light, radius)[:360].argmax() / 2)
        wanted = np.deg2rad(40.0) + np.log(radius / 2.0) / np.tan(np.deg2rad(18.0))
        assert abs((crest - wanted + np.pi / 2) % np.pi - np.pi / 2) < 0.05


def test_knots_lie_on_the_arms():
    spiral = Spiral(**RAGGED)
    knots = knots_of(100, spiral)
    at_knots = spiral.light(knots.along, knots.across)
    angle = np.linspace(0, 2 * np.pi, 200, dtype=np.float32)
    radius = np.hypot(knots.along, knots.across)[:, None]
    around = spiral.light(radius * np.cos(angle), radius * np.sin(angle)).mean(axis=1)
    assert np.median(at_knots / around) > 1.3
    assert knots.share.sum() == pytest.approx(1, abs=1e-5)
    assert np.sort(knots.share)[-10:].sum() > 0.3  # few of them are bright


@pytest.mark.parametrize("name", ["inner_ring", "outer_ring"])
def test_a_ring_is_brightest_at_its_radius_and_dark_inside(name):
    light = field_values(name, radius=5.0, width=0.6, **FACE_ON)
    profile = [polar(light, radius).mean() for radius in (1.0, 3.0, 5.0, 7.0)]
    assert np.argmax(profile) == 2
    assert profile[0] < 1e-4 * profile[2]
    assert polar(light, 5.0).std() < 0.01 * profile[2]


def test_a_patchy_ring_keeps_its_flux():
    smooth, patchy = (
        field_values("outer_ring", radius=5.0, width=0.6, raggedness=ragged, texture=4, **FACE_ON)
        for ragged in (0.0, 0.8)
    )
    assert patchy.sum() == pytest.approx(smooth.sum(), rel=0.02)
    assert polar(patchy, 5.0).std() > 0.2 * polar(patchy, 5.0).mean()


def test_dust_is_never_bright_and_lies_along_its_disc():
    depth = field_values("dust", **LANE, raggedness=0.4, texture=2, warp=0.1, offset=0.1)
    assert (depth >= 0).all()
    middle = len(depth) // 2
    along, across = depth[middle - 3 : middle + 3].mean(axis=0), depth[:, middle - 3 : middle + 3].mean(axis=1)
    assert along[middle + 30] > 5 * across[middle + 30]
    clear = field_values("dust", **LANE)
    assert clear.max() == pytest.approx(2.0, rel=0.1)


def test_a_boxy_bulge_is_brighter_on_its_diagonals_than_a_round_one():
    shape = {"radius": 2.0, "index": 1.5, "axis_ratio": 1.0, "angle": 0.0}
    plain, boxy = field_values("bulge", **shape), field_values("bulge", **shape, boxiness=3.2)
    assert polar(plain, 3.0).std() < 0.02 * polar(plain, 3.0).mean()
    circle = polar(boxy, 3.0)
    assert circle[[90, 270, 450, 630]].mean() > 1.15 * circle[[0, 180, 360, 540]].mean()
    assert boxy.sum() == pytest.approx(plain.sum(), rel=0.03)


def test_a_tail_leaves_the_galaxy_and_fades():
    light = field_values("tail", start=3.0, length=6.0, width=0.6, curl=60.0, angle=0.0)
    bright = [polar(light, radius).max() for radius in (1.5, 4.0, 6.5, 8.5, 11.0)]
    assert np.argmax(bright) == 1
    assert bright[1] > bright[2] > bright[3] > 5 * bright[4]
    assert polar(light, 4.0).argmax() < polar(light, 7.0).argmax() < 120


def test_an_arc_is_a_piece_of_a_ring():
    light = field_values("arc", radius=4.0, width=0.3, opening=60.0, angle=90.0)
    circle = polar(light, 4.0)
    assert circle.argmax() == pytest.approx(180, abs=4)
    assert circle[0] < 1e-3 * circle.max()
    assert light.sum() * CELL**2 == pytest.approx(1, rel=0.01)


def test_spikes_are_a_cross():
    light = field_values("spikes", length=4.0, width=0.25, angle=45.0)
    assert_allclose(light, np.rot90(light), atol=1e-5)
    circle = polar(light, 5.0)
    assert set(np.round(circle.argsort()[-4:] / 90).astype(int)) <= {1, 3, 5, 7}


def test_a_trail_is_as_bright_at_one_end_as_at_the_other():
    light = field_values("trail", width=0.5, angle=0.0)
    profiles = light[:, [0, 50, -50, -1]]  # the middle is sampled more finely
    assert_allclose(profiles, profiles[:, :1] * np.ones(4), rtol=1e-5)
    assert light.sum(axis=0) == pytest.approx(light.sum(axis=0).mean(), rel=0.1)


@pytest.mark.parametrize("nu", [-0.5, 0.0, 0.5])
def test_half_of_a_neighbour_lies_within_its_half_light_radius(nu):
    """Of its Fourier transform, back on a fine grid."""
    step, size = 0.05, 512
    k = (2 * np.pi * np.fft.fftfreq(size, step)).astype(np.float32)
    transform = component_of("neighbour").function(k[None, :], k[:, None], radius=1.0, nu=nu, axis_ratio=1.0, angle=0.0)
    light = np.fft.fftshift(np.fft.ifft2(transform).real)
    at = (np.arange(size) - size / 2) * step
    assert light[np.hypot(at[None, :], at[:, None]) < 1.0].sum() == pytest.approx(0.5, abs=0.02)
    assert spergel_half_light(nu) > 0


@pytest.mark.parametrize("name", [name for name in SHAPES if component_of(name).form == "spectrum"])
def test_a_transform_is_one_at_the_origin_and_never_larger(name):
    k = (2 * np.pi * np.fft.fftfreq(FIELD_SIZE, 0.396)).astype(np.float32)
    transform = component_of(name).function(k[None, : FIELD_SIZE // 2], k[:, None], **SHAPES[name])
    assert abs(transform[0, 0] - 1) < 1e-5
    assert np.abs(transform).max() < 1 + 1e-5


@pytest.mark.parametrize("count", [0, 101])
def test_clumps_are_as_many_as_there_can_be(count):
    with pytest.raises(InputError, match="From 1 to 100"):
        knots_of(count, Spiral(**RAGGED))


@settings(max_examples=25, deadline=None)
@given(few=st.integers(1, 60), more=st.integers(1, 40))
def test_more_knots_leave_those_that_there_are_where_they_are(few, more):
    one, other = knots_of(few, Spiral(**RAGGED)), knots_of(few + more, Spiral(**RAGGED))
    assert_allclose(other.along[:few], one.along)
    assert_allclose(other.share[:few] / other.share[0], one.share / one.share[0], rtol=1e-4)


def test_every_component_has_a_shape_here():
    assert set(SHAPES) == set(list(COMPONENTS)[:15])


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if "angle" in shape])
@pytest.mark.parametrize("turn", [30.0, -110.0])
def test_its_angle_turns_it(name, turn):
    """In the sky as among the wave numbers: turned by an angle, it is at turned places what it was."""
    shape, function = SHAPES[name], component_of(name).function
    turned = shape | {"angle": shape["angle"] + turn}
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    for x, y in np.random.default_rng(1).uniform(-6, 6, (40, 2)):
        there = cosine * x - sine * y, sine * x + cosine * y
        value, same = function(*_place(x, y), **shape), function(*_place(*there), **turned)
        # A table's cells end where a place is rounded to lie, hence the tolerance.
        assert_allclose(same, value, rtol=5e-3, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_its_lengths_scale_it(name):
    """A galaxy twice as far looks half as large: the same values at half the positions, or twice the wave numbers."""
    component, shape = component_of(name), SHAPES[name]
    halved = {key: value / 2 if key in component.lengths else value for key, value in shape.items()}
    if component.form == "spectrum":
        k = np.linspace(-4, 4, 41, dtype=np.float32)
        large = component.function(k[None, :], k[:, None], **shape)
        assert_allclose(component.function(2 * k[None, :], 2 * k[:, None], **halved), large, atol=2e-3)
        return
    where = samples()
    large = np.asarray(component.function(where.x, where.y, **shape))
    small = np.asarray(component.function(where.x / 2, where.y / 2, **halved))
    area = 1 if component.form == "screen" or not component.unit_flux else 4
    assert_allclose(small / area, large, rtol=2e-3, atol=2e-4 * large.max())


def _place(x, y):
    return np.full((1, 1), x, np.float32), np.full((1, 1), y, np.float32)
