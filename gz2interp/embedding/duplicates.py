"""Duplicates: catalogue entries so near on the sky that they are one galaxy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAME_WITHIN", "separation"]

SAME_WITHIN: Final = 5.0
"""Largest separation [arcsec] of duplicates."""

Doubles = NDArray[np.floating[Any]]


def separation(ra: Doubles, dec: Doubles, other_ra: Doubles, other_dec: Doubles) -> NDArray[np.float64]:
    """The angle between positions on the sky [arcsec]; NaN where one is not finite.

    Parameters
    ----------
    ra, dec, other_ra, other_dec : float
        [deg], of shapes that broadcast.

    Notes
    -----
    The haversine formula, which is exact for small angles, at the poles and across right ascension 0.
    """
    with np.errstate(invalid="ignore"):
        half_ra, half_dec = np.radians(other_ra - ra) / 2, np.radians(other_dec - dec) / 2
        cosines = np.cos(np.radians(dec)) * np.cos(np.radians(other_dec))
        chord = np.sqrt(np.sin(half_dec) ** 2 + cosines * np.sin(half_ra) ** 2)
        angle: NDArray[np.float64] = np.degrees(2 * np.arcsin(np.clip(chord, 0, 1))) * 3600
    return angle
