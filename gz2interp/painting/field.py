"""The field around a galaxy: other galaxies and stars, as many and as bright as in a real SDSS frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.populations import relative_to_r
from gz2interp.painting.recipe import ComponentPart, Recipe
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["bright_star", "crossing_trail", "in_a_field"]

Doubles = NDArray[np.float64]

HALF_WIDTH = (CUTOUT_SIZE / 2 + 8) * NATIVE_PIXEL_SCALE
"""What stands a little outside the cutout still shines into it [arcsec]."""

AREA = (2 * HALF_WIDTH / (CUTOUT_SIZE * NATIVE_PIXEL_SCALE)) ** 2
"""In cutouts."""

GALAXY_MAGNITUDES = (17.5, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0)
GALAXIES_BRIGHTER = (0.0, 0.007, 0.039, 0.130, 0.34, 0.85, 2.0)
"""Number per cutout brighter than that in r; beyond 22.5 so that as many are found as in the frame."""

STAR_MAGNITUDES = (13.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0)
STARS_BRIGHTER = (0.0, 0.025, 0.047, 0.055, 0.082, 0.103, 0.140, 0.193)

GALAXY_COLOURS = ((1.3, 0.95, 0.45, 0.35), (0.5, 0.4, 0.18, 0.2))
"""Median and scatter of u-g, g-r, r-i, i-z of faint galaxies in the field."""

SPIKED = 15.0
"""A star brighter than that in r shows spikes."""

IN_SPIKES, SPIKE_ANGLE = 0.02, 45.0
"""Share of a star's light, and the angle at which the vanes stand to the columns [deg]."""


def in_a_field(rng: Generator, recipe: Recipe) -> Recipe:
    """The recipe with what happens to stand around the galaxy."""
    galaxies = [_galaxy(rng, r_mag) for r_mag in _magnitudes(rng, GALAXY_MAGNITUDES, GALAXIES_BRIGHTER)]
    stars = [part for r_mag in _magnitudes(rng, STAR_MAGNITUDES, STARS_BRIGHTER) for part in _star(rng, r_mag)]
    return replace(recipe, parts=(*recipe.parts, *galaxies, *stars))


def bright_star(rng: Generator, recipe: Recipe) -> Recipe:
    """The recipe with a star so bright that it fills pixels, a few arcsec from the galaxy."""
    distance, direction = rng.uniform(2.0, 9.0), rng.uniform(0, 2 * np.pi)
    place = {"x": distance * np.cos(direction), "y": distance * np.sin(direction)}
    return replace(recipe, parts=(*recipe.parts, *_star(rng, rng.uniform(10.5, 13.5), place)))


def crossing_trail(rng: Generator, recipe: Recipe) -> Recipe:
    """The recipe with the trail of a satellite near the galaxy, in one band: they are taken one after another."""
    flux = np.zeros(len(BANDS))
    flux[BANDS.index(str(rng.choice(["g", "r", "i"])))] = 10 ** rng.uniform(1.8, 2.6)
    across = rng.uniform(-2.5, 2.5, 2)
    shape = {"x": across[0], "y": across[1], "width": rng.uniform(0.3, 0.7), "angle": rng.uniform(0, 180)}
    return replace(recipe, parts=(*recipe.parts, ComponentPart("trail", _plain(flux), _rounded(shape))))


def _magnitudes(rng: Generator, magnitudes: tuple[float, ...], brighter: tuple[float, ...]) -> Doubles:
    """As many as happen to be there, of the magnitudes that the counts say."""
    number = rng.poisson(brighter[-1] * AREA)
    return np.interp(rng.uniform(0, brighter[-1], number), brighter, magnitudes)


def _galaxy(rng: Generator, r_mag: float) -> ComponentPart:
    medians, scatters = np.array(GALAXY_COLOURS)
    median_radius = 0.97 * 10 ** (-0.07 * (r_mag - 19.5))
    shape = _place(rng) | {
        "radius": float(np.clip(median_radius * np.exp(0.33 * rng.standard_normal()), 0.15, 3.0)),
        "nu": rng.integers(-4, 7) / 10,
        "axis_ratio": rng.uniform(0.35, 1.0),
        "angle": rng.uniform(0, 180),
    }
    return ComponentPart("neighbour", _flux(r_mag, medians + scatters * rng.standard_normal(4)), _rounded(shape))


def _star(rng: Generator, r_mag: float, place: dict[str, float] | None = None) -> list[ComponentPart]:
    """A point on the sequence of main-sequence stars, and its spikes if it is bright enough for any."""
    g_r = float(np.clip(rng.choice([0.5, 1.35], p=[0.5, 0.5]) + 0.2 * rng.standard_normal(), 0.2, 1.5))
    red = max(g_r - 1.2, 0.0)
    colours = np.array([0.55 + 1.45 * g_r, g_r, 0.36 * g_r + 2.5 * red, 0.2 * g_r + 1.2 * red])
    flux, where = _flux(r_mag, colours), _rounded(place or _place(rng))
    if r_mag > SPIKED:
        return [ComponentPart("star", flux, where)]
    shape = where | _rounded({"length": rng.uniform(3, 6), "width": 0.32, "angle": SPIKE_ANGLE})
    return [
        ComponentPart("star", flux, where),
        ComponentPart("spikes", tuple(IN_SPIKES * value for value in flux), shape),
    ]


def _place(rng: Generator) -> dict[str, float]:
    x, y = rng.uniform(-HALF_WIDTH, HALF_WIDTH, 2)
    return {"x": float(x), "y": float(y)}


def _flux(r_mag: float, colours: Doubles) -> tuple[float, ...]:
    return _plain(10 ** (0.4 * (22.5 - r_mag - relative_to_r(colours))))


def _plain(flux: Doubles) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in flux)


def _rounded(shape: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 4) for key, value in shape.items()}
