"""Length and position angle of a bar from an attribution map, by adaptively weighted moments.

Ref. Bernstein & Jarvis 2002, AJ 123, 583, https://arxiv.org/abs/astro-ph/0107431, section 3

Notes on differences: the centre is found with the ellipse, and may not leave the middle by more than a few pixels.

After Bhambra, Joachimi, Lahav 2022, MNRAS 511, 5032, https://arxiv.org/abs/2110.08288, who took bars' lengths from
SmoothGrad maps.

Notes on differences: angle and length come from an adaptive ellipse about the map's brightest middle rather than from a
threshold, and only positive values of the map are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = [
    "BAR_CLASSES",
    "FWHM",
    "ROUND",
    "BarMeasurements",
    "Ellipses",
    "axis_scatter",
    "bars_in",
    "fitted_ellipses",
    "position_angles",
    "seen_in",
]


Floats = NDArray[np.float64]

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum over the standard deviation of a Gaussian."""

BEGINNING = 3.0
"""Standard deviation of the round weight that the search begins with [pixel]."""

STEPS = 200
STILL = 1e-4
"""The search ends when no axis changes by more than that share."""

SMALLEST = 0.35
"""Standard deviation across a shape that pixels can still show [pixel]."""


@dataclass(frozen=True, eq=False)
class Ellipses:
    """Gaussians like the shapes in n maps.

    Attributes
    ----------
    major, minor : float (n,)
        Standard deviations [pixel]; NaN where none was found.
    angle : float (n,)
        Of the major axis, from x towards y, from 0 to below 180 [deg].
    x, y : float (n,)
        Of the centre, from the middle of the map [pixel].
    """

    major: Floats
    minor: Floats
    angle: Floats
    x: Floats
    y: Floats


def fitted_ellipses(maps: NDArray[np.floating], farthest: float = 3.0) -> Ellipses:
    """Of the brightest shape in the middle of each map.

    Parameters
    ----------
    maps : float (n, y, x)
        Not below 0.
    farthest : float
        How far the shape's centre may be from the middle [pixel].

    Notes
    -----
    A Gaussian under a Gaussian weight of its own size has half its variance, so twice the weighted variance is the next
    weight's. The fixed point of a Gaussian shape is its own covariance, however little of it stands out.
    """
    count, height, width = maps.shape
    y, x = (axis.ravel() for axis in np.mgrid[:height, :width].astype(np.float64))
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    ellipses = np.tile([0.0, 0.0, BEGINNING**2, BEGINNING**2, 0.0], (count, 1))
    values = np.asarray(maps, np.float64).reshape(count, -1)
    moving = np.isfinite(values).all(axis=1) & (np.nan_to_num(values).max(axis=1) > 0)
    failed = ~moving
    largest = min(height, width) / 4
    for _ in range(STEPS):
        at = np.flatnonzero(moving)
        if not len(at):
            break
        before, after = ellipses[at], _step(values[at], x, y, ellipses[at], farthest)
        lost = ~_possible(after, largest)
        ellipses[at] = np.where(lost[:, None], np.nan, after)
        failed[at[lost]] = True
        settled = np.abs(after - before)[:, 2:].max(axis=1) < STILL * (after[:, 2] + after[:, 3])
        moving[at[lost | settled]] = False
    failed |= (np.abs(ellipses[:, :2]) >= farthest).any(axis=1)  # held at the limit: its middle lies elsewhere
    ellipses[failed] = np.nan
    return _ellipses(ellipses)


def _step(values: Floats, x: Floats, y: Floats, at: Floats, farthest: float) -> Floats:
    """Centre and covariance (x, y, xx, yy, xy) under the weight of those before."""
    dx, dy = x - at[:, 0:1], y - at[:, 1:2]
    xx, yy, xy = at[:, 2:3], at[:, 3:4], at[:, 4:5]
    apart = (yy * dx * dx + xx * dy * dy - 2 * xy * dx * dy) / (xx * yy - xy * xy)
    weighted = values * np.exp(-0.5 * np.minimum(apart, 100.0))
    total = np.maximum(weighted.sum(axis=1), np.finfo(float).tiny)
    mean_x, mean_y = (weighted * dx).sum(axis=1) / total, (weighted * dy).sum(axis=1) / total
    second = [(weighted * product).sum(axis=1) / total for product in (dx * dx, dy * dy, dx * dy)]
    variances = [second[0] - mean_x**2, second[1] - mean_y**2, second[2] - mean_x * mean_y]
    centre = at[:, :2] + np.stack([mean_x, mean_y], axis=1)
    return np.column_stack([np.clip(centre, -farthest, farthest), *(2 * variance for variance in variances)])


def _possible(ellipses: Floats, largest: float) -> NDArray[np.bool_]:
    """Whether it is a shape that pixels can show, and not the whole map."""
    xx, yy, xy = ellipses[:, 2], ellipses[:, 3], ellipses[:, 4]
    half, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return np.asarray((half - apart > SMALLEST**2) & (half + apart < largest**2))


def _ellipses(ellipses: Floats) -> Ellipses:
    x, y, xx, yy, xy = ellipses.T
    half, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    angle = np.rad2deg(np.arctan2(2 * xy, xx - yy)) / 2 % 180.0
    return Ellipses(np.sqrt(half + apart), np.sqrt(half - apart), angle, x, y)


BAR_CLASSES: Final = ("bar", "barred", "a06_bar")
"""What networks call their class of barred galaxies."""

ROUND: Final = 0.9
"""A shape rounder than this axis ratio points nowhere."""


@dataclass(frozen=True, eq=False)
class BarMeasurements:
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

    Bands are summed and negative values are set to 0: there light decreases the score, as it does beside a bar.
    """
    values = np.asarray(values, np.float64)
    return np.asarray(np.maximum(values.sum(axis=-1) if values.ndim == 4 else values, 0.0))


def bars_in(maps: NDArray[np.floating], pixel_scale: NDArray[np.floating] | float = 1.0) -> BarMeasurements:
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
        raise InputError("A map below 0 was given", "Sizes, or attribution that increases the score", "See seen_in")
    ellipses = fitted_ellipses(maps)
    ratio = ellipses.minor / ellipses.major
    why_not = tuple(_why_not(*bar) for bar in zip(maps, ellipses.major, ratio, strict=True))
    valid = np.array([not words for words in why_not], np.bool_)
    length = np.where(valid, FWHM * ellipses.major * np.asarray(pixel_scale, np.float64), np.nan)
    return BarMeasurements(length, np.where(valid, ellipses.angle, np.nan), ratio, ellipses.x, ellipses.y, why_not)


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
    finite = np.isfinite(doubled)
    resultant = np.abs(np.where(finite, doubled, 0).sum(axis=0)) / np.maximum(finite.sum(axis=0), 1)
    spread = np.sqrt(-2 * np.log(np.clip(resultant, 1e-12, 1.0)))
    return np.where(finite.sum(axis=0) > 1, np.rad2deg(spread) / 2, np.nan)


def _why_not(values: Floats, major: float, ratio: float) -> str:
    if not np.isfinite(values).all():
        return "the map is not finite"
    if not values.max() > 0:
        return "the map is blank"
    if not np.isfinite(major):
        return "no shape stands out in the middle of the map"
    return "what stands out is round" if ratio > ROUND else ""
