"""How well a volunteer would see the structure of a painted galaxy: against the noise, and through the seeing.

Both functions return a number from 0 (not seen) to 1 (cannot be missed), of the form ``s / (s + s0)`` with s the
signal-to-noise ratio of the structure in the r band after the PSF has washed it out.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from gz2interp.painting.recipe import Part, Recipe
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = ["visibility_of_arms", "visibility_of_bar"]

R_BAND = BANDS.index("r")
HALF_SEEN = 5.0
"""Signal-to-noise ratio per resolved structure at which half the volunteers see it: an eye's choice, no measurement."""


def visibility_of_arms(recipe: Recipe) -> float:
    """Of the spiral arms; 0 for a galaxy without."""
    arms = recipe.part("arms")
    if arms is None:
        return 0.0
    shape = arms.shape
    foreshortened = np.cos(np.deg2rad(shape["inclination"]))
    typical_radius = 2 * shape["scale"]
    spacing = 2 * np.pi * typical_radius * abs(np.tan(np.deg2rad(shape["pitch"]))) / shape["number"]
    modulation = special.i1e(shape["contrast"]) / special.i0e(shape["contrast"])
    area = np.pi * typical_radius**2 * foreshortened
    return _seen(recipe, arms, modulation * _kept(recipe, spacing * np.sqrt(foreshortened)), area)


def visibility_of_bar(recipe: Recipe) -> float:
    """Of the bar; 0 for a galaxy without."""
    bar = recipe.part("bar")
    if bar is None:
        return 0.0
    length, width = bar.shape["length"], bar.shape["width"]
    return _seen(recipe, bar, _kept(recipe, 2 * length), np.pi * length**2 * width)


def _kept(recipe: Recipe, period: float) -> float:
    """How much of a wave of that period [arcsec] is left behind a Gaussian PSF."""
    sigma = recipe.psf.fwhm[R_BAND] / 2.355
    return float(np.exp(-2 * (np.pi * sigma / period) ** 2))


def _seen(recipe: Recipe, part: Part, contrast: float, area: float) -> float:
    noise = recipe.noise.sky_sigma[R_BAND] * np.sqrt(area) / NATIVE_PIXEL_SCALE
    signal = contrast * part.flux[R_BAND] / noise
    return float(signal / (signal + HALF_SEEN))
