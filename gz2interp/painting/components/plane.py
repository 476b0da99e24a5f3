"""From the sky into the plane of a tilted disc, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.profiles import rotated

__all__ = ["flattening_of", "in_plane", "out_of_plane"]

Floats = NDArray[np.float32]


def in_plane(x: Floats, y: Floats, inclination: float, angle: float) -> tuple[Floats, Floats, np.float32]:
    """Coordinates in the plane of the disc, and by how much its tilt raises the surface brightness (divide by it)."""
    along, across = rotated(x, y, angle)
    flattening = flattening_of(inclination, 0.0)
    return along, across / flattening, flattening


def out_of_plane(along: Floats, across: Floats, inclination: float, angle: float) -> tuple[Floats, Floats]:
    """Where a place in the plane of the disc is seen: the inverse of `in_plane`."""
    return rotated(along, across * flattening_of(inclination, 0.0), -angle)


def flattening_of(inclination: float, thickness: float) -> np.float32:
    """Apparent axis ratio of a disc of that inclination [deg], and of that height over its scale length."""
    tilt = np.deg2rad(inclination)
    return np.float32(np.hypot(np.cos(tilt), thickness * np.sin(tilt)))
