"""The width of the PSF, from stars that happen to stand in a cutout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.measure.moments import FWHM, fitted_ellipses
from gz2interp.measure.outskirts import Measured, planes, signal_of

__all__ = ["star_widths"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

REACH = 6
"""Pixels on each side of a star that are looked at."""

BRIGHT = 60.0
"""Of a star's peak, all bands together under a Gaussian [standard deviations]."""

SEEN = 15.0
"""Of its peak in the band that is measured [standard deviations]: fainter ones look narrow or wide by chance."""

ROUND = 0.8
"""Axis ratio from which on it may be a star."""

WINGS = 1.13
"""By how much the wings of a Moffat profile widen what moments measure: found on painted stars of known width."""

MOST = 4
"""Stars looked at in a cutout, the brightest first."""


def star_widths(galaxies: Measured) -> Floats:
    """Full width at half maximum of the sharpest round object beside each galaxy, band by band.

    Parameters
    ----------
    galaxies : Measured

    Returns
    -------
    float32 (n, band)
        [pixel]; NaN where no bright object stands alone. An upper limit: a compact galaxy is wider than a star.
    """
    above = galaxies.images - planes(galaxies.plane, galaxies.images.shape[1:3])
    signal = signal_of(galaxies.images, galaxies.plane, galaxies.sigma)
    widths = np.full(galaxies.sigma.shape, np.nan, np.float32)
    for place in range(len(galaxies)):
        for y, x in _peaks(signal[place], galaxies.valid[place] & ~galaxies.galaxy[place]):
            stamp = above[place, y - REACH : y + REACH + 1, x - REACH : x + REACH + 1]
            widths[place] = np.fmin(widths[place], _widths(stamp, galaxies.sigma[place]))
    return widths


def _peaks(signal: Floats, sky: Bools) -> list[tuple[int, int]]:
    """Bright peaks whose whole stamp lies in the cutout and beside the galaxy, the brightest first."""
    tops = (signal == ndimage.maximum_filter(signal, size=5)) & (signal > BRIGHT) & sky
    tops[:REACH] = tops[-REACH:] = tops[:, :REACH] = tops[:, -REACH:] = False
    places = [(int(y), int(x)) for y, x in np.argwhere(tops)]
    return sorted(places, key=lambda at: -signal[at])[:MOST]


def _widths(stamp: Floats, sigma: Floats) -> Floats:
    found = fitted_ellipses(np.maximum(np.moveaxis(stamp, -1, 0), 0), farthest=2.0)
    alone = (stamp.max(axis=(0, 1)) > SEEN * sigma) & (found.minor >= ROUND * found.major)
    return np.where(alone, FWHM * np.sqrt(found.major * found.minor) / WINGS, np.nan).astype(np.float32)
