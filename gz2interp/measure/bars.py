"""How long a bar is and where it points, from a map of the pixels in which a network sees it.

After Bhambra, Joachimi, Lahav 2022, MNRAS 511, 5032, https://arxiv.org/abs/2110.08288, who took bars' lengths from
SmoothGrad maps.

Notes on differences: angle and length come from an adaptive ellipse about the map's brightest middle rather than from a
threshold, and of the map only what speaks for a bar counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.measure.moments import FWHM, fitted_ellipses

__all__ = ["BAR_CLASSES", "ROUND", "Bars", "axis_scatter", "bars_in", "position_angles", "seen_in"]

Floats = NDArray[np.float64]

BAR_CLASSES: Final = ("bar", "barred", "a06_bar")
"""What networks call their class of barred galaxies."""

ROUND: Final = 0.9
"""A shape rounder than this axis ratio points nowhere."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of n galaxies.

    Attributes
    ----------
    length : float (n,)
        From end to end along the major axis, where the shape has fallen to half of its middle's height, in the unit of
        the pixel scale; NaN where none was measured.
    angle : float (n,)
        From the x axis towards the y axis, from 0 to below 180 [deg].
    axis_ratio : float (n,)
        Minor to major; known of a shape that is too round to be a bar.
    x, y : float (n,)
        Of its middle, from the middle of the map [pixel].
    why_not : tuple of str
        Why none was measured; "" where one was.
    """

    length: Floats
    angle: Floats
    axis_ratio: Floats
    x: Floats
    y: Floats
    why_not: tuple[str, ...]


def seen_in(values: NDArray[np.floating]) -> Floats:
    """A map (n, y, x) not below 0 of attribution (n, y, x) or (n, y, x, band).

    Bands are added up, and what is below 0 is nothing: there light speaks against a bar, as it does beside one.
    """
    values = np.asarray(values, np.float64)
    return np.asarray(np.maximum(values.sum(axis=-1) if values.ndim == 4 else values, 0.0))


def bars_in(maps: NDArray[np.floating], pixel_scale: NDArray[np.floating] | float = 1.0) -> Bars:
    """The bar in the middle of each map.

    Parameters
    ----------
    maps : float (n, y, x)
        Not below 0, as from `seen_in`.
    pixel_scale : float or float (n,)
        [arcsec]; 1 gives lengths in pixels.

    Raises
    ------
    InputError
        The maps are not (n, y, x), or go below 0.
    """
    maps = np.asarray(maps, np.float64)
    if maps.ndim != 3:
        raise InputError(f"Maps of shape {maps.shape} were given", "(n, y, x)", "seen_in makes such of an attribution")
    if maps.size and np.nanmin(maps) < 0:
        raise InputError("A map below 0 was given", "Sizes, or what speaks for the score", "See seen_in")
    found = fitted_ellipses(maps)
    ratio = found.minor / found.major
    why_not = tuple(_why_not(*known) for known in zip(maps, found.major, ratio, strict=True))
    there = np.array([not words for words in why_not], np.bool_)
    length = np.where(there, FWHM * found.major * np.asarray(pixel_scale, np.float64), np.nan)
    return Bars(length, np.where(there, found.angle, np.nan), ratio, found.x, found.y, why_not)


def position_angles(angle: NDArray[np.floating], of_y_axis: NDArray[np.floating] | float) -> Floats:
    """Angles on the sky, from north to east, from 0 to below 180 [deg].

    Parameters
    ----------
    angle : float
        From the x axis towards the y axis [deg].
    of_y_axis : float
        Position angle of the +y axis, as a survey's ``position_angle`` [deg]; +x points west of it.
    """
    return np.asarray((np.asarray(angle, np.float64) + of_y_axis - 90.0) % 180.0)


def axis_scatter(angles: NDArray[np.floating]) -> Floats:
    """How far axes scatter, (n,) [deg] of angles (views, n) that count modulo 180; NaNs are left out.

    The circular standard deviation of the doubled angles, halved: Mardia & Jupp 2000,
    Directional Statistics, equation 2.3.11.
    """
    doubled = np.exp(2j * np.deg2rad(np.asarray(angles, np.float64)))
    known = np.isfinite(doubled)
    resultant = np.abs(np.where(known, doubled, 0).sum(axis=0)) / np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt(-2 * np.log(np.clip(resultant, 1e-12, 1.0)))
    return np.where(known.sum(axis=0) > 1, np.rad2deg(spread) / 2, np.nan)


def _why_not(values: Floats, major: float, ratio: float) -> str:
    if not np.isfinite(values).all():
        return "the map is not finite"
    if not values.max() > 0:
        return "the map is blank"
    if not np.isfinite(major):
        return "no shape stands out in the middle of the map"
    return "what stands out is round" if ratio > ROUND else ""
