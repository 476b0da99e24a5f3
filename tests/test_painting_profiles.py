"""Profiles hold the flux they promise, and the PSF has the width it says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import fft, ndimage, optimize, special

from gz2interp.errors import InputError
from gz2interp.painting import ComponentPart, Psf, Recipe, render
from gz2interp.painting.components import component, component_of
from gz2interp.painting.grid import CELL, FIELD_SIZE, field_of, placed, samples, spectrum_of, wave_numbers
from gz2interp.painting.profiles import edge_on_disc, edge_on_law, moffat_transfer, sersic
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

FLUX = (10.0, 40.0, 100.0, 140.0, 180.0)
PLANE = {"inclination": 50.0, "angle": 20.0}
ARMS = {"scale": 0.9, "number": 3, "pitch": 20.0, "phase": 10.0, "contrast": 3.0, "start": 1.0}
ARMS |= {"fade": 4.0, "raggedness": 0.5, "texture": 7}
SMALL = {
    "bulge": {"radius": 0.9, "index": 1.2, "axis_ratio": 0.7, "angle": 30.0},
    "disc": {"scale": 1.0, "thickness": 0.2} | PLANE,
    "bar": {"length": 1.5, "width": 0.3, "bar_angle": 40.0} | PLANE,
    "arms": ARMS | PLANE,
    "inner_ring": {"radius": 2.5, "width": 0.4, "raggedness": 0.4, "texture": 3} | PLANE,
    "outer_ring": {"radius": 4.0, "width": 0.4, "axis_ratio": 0.8, "ring_angle": 30.0} | PLANE,
    "clumps": {"count": 20, "size": 0.3} | ARMS | PLANE,
    "companion": {"x": 3.0, "y": -2.0, "radius": 0.8, "nu": 0.5, "axis_ratio": 0.6, "angle": 20.0},
    "tail": {"start": 2.0, "length": 4.0, "width": 0.5, "curl": 50.0, "angle": 20.0},
    "arc": {"radius": 3.0, "width": 0.3, "opening": 60.0, "angle": 100.0},
    "star": {},
    "spikes": {"length": 1.2, "width": 0.25, "angle": 45.0},
    "neighbour": {"x": -5.0, "y": 4.0, "radius": 0.7, "nu": 0.0, "axis_ratio": 0.5, "angle": 70.0},
}
"""Every component so small that the cutout holds it."""


def recipe_of(name, shape, **options):
    return Recipe("test", 1, (ComponentPart(name, FLUX, shape),), **options)


def distances(cells):
    """From the middle of the field to each cell [arcsec]."""
    steps = (np.arange(cells) - (cells - 1) / 2) * CELL
    return np.hypot(*np.meshgrid(steps, steps))


@pytest.mark.parametrize("name", SMALL)
def test_flux_is_conserved_in_every_band(name):
    light = render(recipe_of(name, SMALL[name], centre=(0.3, -0.2))).light[name]
    assert light.shape == (len(BANDS), CUTOUT_SIZE, CUTOUT_SIZE)
    # The wings of the PSF lead some light out of the cutout.
    share = light.sum(axis=(1, 2)) / FLUX
    assert (share > 0.955).all()
    assert (share < 1.01).all()


def test_an_edge_on_disc_conserves_flux():
    where = samples()
    field = field_of(component_of("disc").function(where.x, where.y, **SMALL["disc"] | {"inclination": 88.0}))
    assert_allclose(field.sum() * CELL**2, 1, rtol=0.01)


@pytest.mark.parametrize(("radius", "index"), [(0.6, 4.0), (1.5, 4.0), (3.0, 2.5), (2.0, 5.5)])
def test_a_cuspy_bulge_has_the_light_within_a_circle_that_sersic_gives_it(radius, index):
    where = samples()
    field = field_of(sersic(where.x, where.y, radius, index)) * CELL**2
    within = distances(len(field)) < 10.0
    steepness = special.gammaincinv(2 * index, 0.5)
    wanted = special.gammainc(2 * index, steepness * (10.0 / radius) ** (1 / index))
    assert_allclose(field[within].sum(), wanted, rtol=0.01)


def test_half_the_light_lies_within_the_half_light_radius():
    where = samples()
    field = field_of(sersic(where.x, where.y, 4.0, 1.0)) * CELL**2
    assert_allclose(field[distances(len(field)) < 4.0].sum(), 0.5, atol=0.01)


def test_an_edge_on_disc_is_as_bright_at_its_centre_as_van_der_kruit_and_searle_say():
    assert_allclose(edge_on_disc(np.zeros(1), np.zeros(1), 2.0, 0.5), 1 / (2 * np.pi * 2.0 * 0.5), rtol=1e-5)


def test_tables_agree_with_the_special_functions():
    at = np.linspace(0.01, 12, 500).astype(np.float32)
    assert_allclose(edge_on_law()(at), at * special.k1(at), atol=2e-4)
    # A Moffat profile of exponent 1.5 transforms to an exponential.
    assert_allclose(moffat_transfer(1.5)(at), np.exp(-at), atol=1e-4)


@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.31, -0.17)])
@pytest.mark.parametrize("wider", [0.9, 1.0, 1.3])
def test_a_star_is_as_wide_as_the_psf(centre, wider):
    psf = Psf(tuple(wider * fwhm for fwhm in Psf().fwhm))
    light = render(recipe_of("star", {}, centre=centre, psf=psf)).light["star"]
    y, x = (np.indices((CUTOUT_SIZE, CUTOUT_SIZE)) - (CUTOUT_SIZE - 1) / 2) * NATIVE_PIXEL_SCALE
    radius = np.hypot(x - centre[0], y - centre[1])
    for band, fwhm in zip(light, psf.fwhm, strict=True):
        core = radius < 1.2

        def moffat(radius, peak, scale, beta):
            return peak * (1 + (radius / scale) ** 2) ** -beta

        fit, _ = optimize.curve_fit(moffat, radius[core], band[core], p0=(band.max(), 1.2, 3.0), maxfev=20_000)
        # A Moffat profile through pixels fits the sum of three to six per cent, too wide in all.
        assert 2 * fit[1] * np.sqrt(2 ** (1 / fit[2]) - 1) == pytest.approx(1.03 * fwhm, rel=0.05)


def test_a_star_has_wings_a_hundred_times_those_of_its_core():
    """SDSS' stars are 7.1 mag per square arcsec below their magnitude at 3.26 arcsec, and 10.5 at 7.5."""
    light = render(recipe_of("star", {}, psf=Psf())).light["star"][2] / FLUX[2] / NATIVE_PIXEL_SCALE**2
    y, x = (np.indices(light.shape) - (CUTOUT_SIZE - 1) / 2) * NATIVE_PIXEL_SCALE
    for radius, wanted in ((3.26, 7.13), (5.5, 9.38), (7.5, 10.52)):
        at = np.abs(np.hypot(x, y) - radius) < 0.3
        assert -2.5 * np.log10(light[at].mean()) == pytest.approx(wanted, abs=0.25)


def test_a_bright_star_does_not_ring():
    """Its wings fall steadily: the rows of pixels are as far from a parabola as a smooth curve is."""
    light = render(recipe_of("star", {}, centre=(-5.0, 0.1))).light["star"]
    wing = np.log(light[:, 32, 28:60])
    assert (light > 0).all()
    assert np.abs(np.diff(wing, 2)).max() < 0.4


@pytest.mark.parametrize("name", ["star", "bulge"])
def test_a_component_stands_where_its_recipe_says(name):
    centre = (0.31, -0.22)
    light = render(recipe_of(name, SMALL[name], centre=centre)).light[name][2]
    y, x = (np.indices(light.shape) - (CUTOUT_SIZE - 1) / 2) * NATIVE_PIXEL_SCALE
    # Weighting with the light itself keeps the wings, which the cutout's edge cuts unevenly, out of the centroid.
    weight = light**2 / (light**2).sum()
    assert_allclose([(weight * x).sum(), (weight * y).sum()], centre, atol=0.02)


def test_moving_a_point_within_a_pixel_does_not_change_its_peak_between_whole_pixels():
    peaks = [render(recipe_of("star", {}, centre=(offset, 0.1))).light["star"][2].max() for offset in (0.0, 0.396)]
    assert_allclose(peaks[1], peaks[0], rtol=1e-3)


def test_an_unknown_component_is_named_beside_those_there_are():
    with pytest.raises(InputError, match=r"called halo.*bulge, disc, bar"):
        component_of("halo")


def test_a_shape_that_does_not_fit_says_so():
    with pytest.raises(InputError, match="A star cannot have the shape"):
        render(recipe_of("star", {"width": 1.0}))


def test_a_name_is_given_once():
    with pytest.raises(InputError, match="exists already"):
        component("bulge")(component_of("bulge").function)


@pytest.mark.parametrize("place", [(0.13, -0.27), (3.1, 2.2), (-7.0, 9.0)])
def test_what_is_known_by_its_transform_stands_where_a_profile_would(place):
    """To a thousandth of a pixel; far out, where a pixel has one sample, its mean over the pixel is 1 % lower."""
    where, (kx, ky) = samples(), wave_numbers()
    x, y = where.x - np.float32(place[0]), where.y - np.float32(place[1])
    spectra = (
        spectrum_of(field_of(np.exp(-(x**2 + y**2) / 2) / (2 * np.pi))),
        placed(np.exp(-(kx**2 + ky**2) / 2), *place),
    )
    images = [fft.irfft2(spectrum, s=(FIELD_SIZE, FIELD_SIZE)) for spectrum in spectra]
    centres = [ndimage.center_of_mass(image**2) for image in images]
    assert_allclose(centres[1], centres[0], atol=1e-3)
    middle = (FIELD_SIZE - 1) / 2
    assert_allclose(
        centres[1], [middle + place[1] / NATIVE_PIXEL_SCALE, middle + place[0] / NATIVE_PIXEL_SCALE], atol=1e-3
    )
    assert_allclose(images[1], images[0], atol=0.012 * images[0].max())
