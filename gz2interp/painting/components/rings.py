"""Rings in the plane of a disc: round a bar, or at the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting import profiles
from gz2interp.painting.components.plane import in_plane
from gz2interp.painting.components.registry import component
from gz2interp.painting.components.texture import texture_of

__all__: list[str] = []

Floats = NDArray[np.float32]

WINDING = 3.0
"""Patches of a ring trail by this many radians per unit of the radius' logarithm: rings are wound-up arms."""


def ring(
    x: Floats,
    y: Floats,
    *,
    radius: float,
    width: float,
    inclination: float,
    angle: float,
    axis_ratio: float = 1.0,
    ring_angle: float = 0.0,
    raggedness: float = 0.0,
    texture: int = 0,
) -> Floats:
    """A ring of semi-major axis `radius` in its disc's plane, Gaussian across with a standard deviation of `width`.

    Its own axis ratio and the angle of its major axis are those in the plane: rings round bars are elongated like the
    bar. `raggedness` is the standard deviation of the logarithm of its patchiness, `texture` its seed.
    """
    along, across, flattening = in_plane(x, y, inclination, angle)
    along, across = profiles.rotated(along, across, ring_angle)
    across = across / np.float32(axis_ratio)
    brightness = profiles.annulus(np.sqrt(along * along + across * across), radius, width)
    if raggedness:
        brightness *= _patches(along, across, radius, raggedness, texture)
    return brightness / (flattening * np.float32(axis_ratio))


component("inner_ring", lengths=("radius", "width"))(ring)
component("outer_ring", lengths=("radius", "width"))(ring)


def _patches(along: Floats, across: Floats, radius: float, raggedness: float, texture: int) -> Floats:
    """Log-normal patches round the ring, of mean 1 at every radius."""
    pattern = texture_of(texture)
    row = np.zeros(1, np.float32)
    mean = np.exp(raggedness * pattern.at(_f32(np.arange(128) / 128), row)).mean()
    out = np.log((along * along + across * across + profiles.FLOOR) / np.float32(radius**2))
    turned = np.asarray(np.arctan2(across, along) - np.float32(WINDING / 2) * out, np.float32)
    patches: Floats = np.exp(raggedness * pattern.at(_f32(turned / (2 * np.pi)), row)) / mean
    return patches


def _f32(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)
