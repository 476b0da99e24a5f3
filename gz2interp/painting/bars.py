"""What is true of a painted galaxy's bar as it lies on the sky."""

from __future__ import annotations

import math

from gz2interp.painting.components.plane import flattening_of
from gz2interp.painting.recipe import Recipe

__all__ = ["bar_on_sky"]


def bar_on_sky(recipe: Recipe) -> tuple[float, float] | None:
    """Length and angle of the bar's axis as it is seen, under the disc's inclination and before the seeing.

    Returns
    -------
    (length, angle) or None
        From end to end [arcsec]; and from the x axis towards the y axis, from 0 to below 180 [deg]. A bar ends where
        its surface brightness has fallen to half of its middle's: twice the component's keyword ``length``, which for
        its Gaussian profile holds half the light too. None for a galaxy without a bar.
    """
    part = recipe.part("bar")
    if part is None:
        return None
    shape = part.shape
    in_plane, node = math.radians(shape["bar_angle"]), math.radians(shape["angle"])
    along = math.cos(in_plane)
    across = math.sin(in_plane) * float(flattening_of(shape["inclination"], 0.0))
    angle = math.degrees(node + math.atan2(across, along)) % 180.0
    return 2 * shape["length"] * math.hypot(along, across), angle
