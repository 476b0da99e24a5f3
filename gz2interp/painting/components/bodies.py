"""The bodies of galaxies: spheroids, discs, and the bars in their planes.

Positions (x, y) are from the component's centre [arcsec]; angles in degrees from the x axis towards the y axis. A
disc's parts lie in its plane: they share its inclination (0 is face-on) and the angle of its major axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting import profiles
from gz2interp.painting.components.registry import component, flattening_of, in_plane

__all__ = ["EDGE_ON"]

Floats = NDArray[np.float32]

EDGE_ON = 78.0
"""From this inclination on a disc is seen as a layer rather than as a tilted sheet [deg]."""


@component("bulge", lengths=("radius",))
def bulge(
    x: Floats, y: Floats, *, radius: float, index: float, axis_ratio: float, angle: float, boxiness: float = 2.0
) -> Floats:
    """A spheroid: the bulge of a disc, or the whole of an elliptical; boxy above a boxiness of 2."""
    return profiles.sersic(*profiles.rotated(x, y, angle), radius, index, axis_ratio, boxiness)


@component("disc", lengths=("scale",))
def disc(x: Floats, y: Floats, *, scale: float, thickness: float, inclination: float, angle: float) -> Floats:
    """An exponential disc; its thickness is its height over its scale length."""
    along, across = profiles.rotated(x, y, angle)
    if inclination < EDGE_ON:
        flattening = flattening_of(inclination, thickness)
        return profiles.exponential(np.sqrt(along * along + (across / flattening) ** 2), scale) / flattening
    # Short of 90 degrees the tilted plane thickens the layer.
    height = scale * float(np.hypot(thickness, 0.5 * np.cos(np.deg2rad(inclination))))
    return profiles.edge_on_disc(along, across, scale, height)


@component("bar", lengths=("length",))
def bar(
    x: Floats, y: Floats, *, length: float, width: float, bar_angle: float, inclination: float, angle: float
) -> Floats:
    """A boxy bar with half its light within `length` [arcsec]; `bar_angle` is measured in the disc's plane."""
    along, across, flattening = in_plane(x, y, inclination, angle)
    along, across = profiles.rotated(along, across, bar_angle)
    return profiles.sersic(along, across, length, index=0.5, axis_ratio=width, boxiness=2.8) / flattening
