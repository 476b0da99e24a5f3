"""Knots of young stars along the arms: hardly resolved, and few of them bright."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.components.plane import out_of_plane
from gz2interp.painting.components.registry import component
from gz2interp.painting.components.spirals import AZIMUTHS, PolarMap, Spiral, polar_map
from gz2interp.painting.streams import stream

__all__ = ["MOST", "Knots", "knots_of"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

MOST = 100
"""Knots of one part."""

STEEPNESS = 1.8
"""Of the luminosity function, dN/dL ~ L**-STEEPNESS: 2.0 +- 0.5 for regions of ionised gas (Kennicutt, Edgar & Hodge
1989, ApJ 337, 761)."""

FAINTEST = 0.03
"""Of the brightest possible knot."""


@dataclass(frozen=True, eq=False)
class Knots:
    """Knots in the plane of a disc.

    Attributes
    ----------
    along, across : float32 (knot,)
        [arcsec].
    share : float32 (knot,)
        Of their light; 1 in all.
    size : float32 (knot,)
        Relative to the median's.
    """

    along: Floats
    across: Floats
    share: Floats
    size: Floats


@component("clumps", form="spectrum", lengths=("size", "scale", "start", "fade"))
def clumps(
    kx: Floats, ky: Floats, *, count: int, size: float, inclination: float, angle: float, **pattern: float
) -> Spectrum:
    """Knots in the plane of a disc, where a `Spiral` of this `pattern` is bright.

    Parameters
    ----------
    kx, ky : float32 (1, m) and (n, 1)
    count : int
        Of knots, `MOST` at most.
    size : float
        Standard deviation of a median knot's Gaussian [arcsec].
    inclination, angle, pattern : float
        Those of the arms: with the arms' texture, the knots lie in the arms' patches.
    """
    knots = knots_of(int(count), Spiral(**pattern))  # type: ignore[arg-type]
    x, y = out_of_plane(knots.along, knots.across, inclination, angle)
    width = knots.size * np.float32(size)
    columns = np.exp(-0.5 * (kx.T * width) ** 2 - 1j * (kx.T * x))
    rows = np.exp(-0.5 * (ky * width) ** 2 - 1j * (ky * y)) * knots.share
    return np.asarray(rows @ columns.T, np.complex64)


@lru_cache(maxsize=256)
def knots_of(count: int, spiral: Spiral) -> Knots:
    """Draw knots from the seed of the spiral's texture: more of them do not move those that there are.

    Raises
    ------
    InputError
        There are none, or more than `MOST`.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"Clumps of {count} knots were asked for", f"From 1 to {MOST}", "Use several parts for more")
    rank, place, out, turn, size = stream(int(spiral.texture), "knots").random((MOST, 5), np.float32)[:count].T
    along, across = _scattered(polar_map(spiral), place, out, turn)
    # The inverse of the cumulative luminosity function between the faintest knot and 1.
    power = 1 - STEEPNESS
    light = (1 + rank * (FAINTEST**power - 1)) ** (1 / power)
    return Knots(along, across, (light / light.sum()).astype(np.float32), 0.6 + 0.8 * size)


def _scattered(where: PolarMap, place: Floats, out: Floats, turn: Floats) -> tuple[Floats, Floats]:
    """Positions in the plane, of a density that goes as the light to the power of 1.5: young stars are in crowds."""
    radius = np.exp(where.log_radius)
    density = where.light * np.sqrt(where.light) / radius
    cumulative = np.cumsum(density, dtype=np.float64)
    row, column = np.divmod(np.searchsorted(cumulative, place * cumulative[-1]), AZIMUTHS)
    step = where.log_radius[1, 0] - where.log_radius[0, 0]
    at = radius[row, 0] * np.exp(step * (out - 0.5))
    azimuth = (column + turn - 0.5) * (2 * np.pi / AZIMUTHS)
    return (at * np.cos(azimuth)).astype(np.float32), (at * np.sin(azimuth)).astype(np.float32)
