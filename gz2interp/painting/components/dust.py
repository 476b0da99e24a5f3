"""Dust before a disc that is seen edge-on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting import profiles
from gz2interp.painting.components.registry import component
from gz2interp.painting.components.texture import texture_of
from gz2interp.painting.tables import edge_on_law

__all__: list[str] = []

Floats = NDArray[np.float32]

CLOUDS = 3.0
"""Period of the clouds along the lane, in its scale lengths, and across it, in twice as many heights."""


@component("dust", form="screen", lengths=("scale", "height", "offset", "warp"))
def dust(
    x: Floats,
    y: Floats,
    *,
    scale: float,
    height: float,
    depth: float,
    angle: float,
    offset: float = 0.0,
    warp: float = 0.0,
    raggedness: float = 0.0,
    texture: int = 0,
) -> Floats:
    """A lane of dust along the major axis of an edge-on disc: itself an exponential disc of that scale and height.

    Parameters
    ----------
    x, y : float32
    depth : float
        Median optical depth in r at its centre.
    offset : float
        How far its middle lies before the disc's centre, bulging towards us, if the disc is not quite edge-on [arcsec].
    warp : float
        How far its ends bend, to opposite sides, at two scale lengths [arcsec].
    raggedness, texture : float, int
        Standard deviation of the logarithm of its cloudiness, and the seed of its clouds.
    """
    along, across = profiles.rotated(x, y, angle)
    reduced = along / np.float32(scale)
    bend = np.clip(reduced / np.float32(2), np.float32(-2), np.float32(2))
    away = np.asarray(across - np.float32(offset) * np.exp(-(bend**2)) - np.float32(warp) * bend * np.abs(bend))
    depths = np.float32(depth) * edge_on_law()(np.abs(reduced)) * profiles.layer(away, height)
    if raggedness:
        clouds = texture_of(texture).at(_f32(reduced / CLOUDS), _f32(away / (2 * CLOUDS * height)))
        depths *= np.exp(np.float32(raggedness) * clouds)
    return depths


def _f32(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)
