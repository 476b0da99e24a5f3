"""The ellipse of a bright shape, by moments under a weight that adapts to it: what lies around has no say.

Ref. Bernstein & Jarvis 2002, AJ 123, 583, https://arxiv.org/abs/astro-ph/0107431, section 3

Notes on differences: the centre is found with the ellipse, and may not leave the middle by more than a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FWHM", "Ellipses", "fitted_ellipses"]

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
    found = np.tile([0.0, 0.0, BEGINNING**2, BEGINNING**2, 0.0], (count, 1))
    values = np.asarray(maps, np.float64).reshape(count, -1)
    moving = np.isfinite(values).all(axis=1) & (np.nan_to_num(values).max(axis=1) > 0)
    failed = ~moving
    largest = min(height, width) / 4
    for _ in range(STEPS):
        at = np.flatnonzero(moving)
        if not len(at):
            break
        before, after = found[at], _step(values[at], x, y, found[at], farthest)
        lost = ~_possible(after, largest)
        found[at] = np.where(lost[:, None], np.nan, after)
        failed[at[lost]] = True
        settled = np.abs(after - before)[:, 2:].max(axis=1) < STILL * (after[:, 2] + after[:, 3])
        moving[at[lost | settled]] = False
    failed |= (np.abs(found[:, :2]) >= farthest).any(axis=1)  # held at the limit: its middle lies elsewhere
    found[failed] = np.nan
    return _ellipses(found)


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


def _possible(found: Floats, largest: float) -> NDArray[np.bool_]:
    """Whether it is a shape that pixels can show, and not the whole map."""
    xx, yy, xy = found[:, 2], found[:, 3], found[:, 4]
    half, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return np.asarray((half - apart > SMALLEST**2) & (half + apart < largest**2))


def _ellipses(found: Floats) -> Ellipses:
    x, y, xx, yy, xy = found.T
    half, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    angle = np.rad2deg(np.arctan2(2 * xy, xx - yy)) / 2 % 180.0
    return Ellipses(np.sqrt(half + apart), np.sqrt(half - apart), angle, x, y)
