"""Shapes of components, drawn for a galaxy of a given size: the keywords of the components' functions."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from gz2interp.painting.recipe import Shape

__all__ = ["arms_shape", "bar_shape", "bulge_shape", "half_light_radius", "scale_length"]

SEEING_RADIUS = 1.85
"""Petrosian radius of a point in median seeing [arcsec]; a galaxy's adds to it in quadrature."""


def bulge_shape(rng: Generator, scale: float, plane: Shape, axis_ratio: float) -> dict[str, float]:
    """Of the spheroid in a disc of that scale length [arcsec]."""
    radius = scale * rng.uniform(0.25, 0.45)
    return {"radius": radius, "index": rng.uniform(1.5, 4.0), "axis_ratio": axis_ratio, "angle": plane["angle"]}


def bar_shape(rng: Generator, scale: float) -> dict[str, float]:
    """Of a bar in a disc of that scale length."""
    return {
        "length": scale * rng.uniform(0.65, 1.0),
        "width": rng.uniform(0.2, 0.32),
        "bar_angle": rng.uniform(0, 180),
    }


def arms_shape(rng: Generator, scale: float, bar: Shape | None) -> dict[str, float]:
    """Two to four arms; in a barred galaxy two, which begin at the ends of the bar."""
    return {
        "scale": scale * rng.uniform(0.75, 0.9),
        "number": 2 if bar else int(rng.choice([2, 3, 4], p=[0.65, 0.22, 0.13])),
        "pitch": rng.uniform(12, 28) * rng.choice([-1, 1]),
        "phase": bar["bar_angle"] if bar else rng.uniform(0, 360),
        "contrast": rng.uniform(1.5, 4.0),
        "start": 1.7 * bar["length"] if bar else scale,
    }


def scale_length(petro_radius: float, axis_ratio: float) -> float:
    """Of an exponential disc that shows a Petrosian radius in median seeing, both [arcsec]."""
    return half_light_radius(petro_radius, axis_ratio, index=1.0) / 1.678


def half_light_radius(petro_radius: float, axis_ratio: float, index: float) -> float:
    """Of a Sersic profile that shows a Petrosian radius in median seeing, both [arcsec].

    A fit to profiles measured in circular apertures, good to 8 % for indices 1 to 5.5 and axis ratios above 0.2.
    """
    intrinsic = np.sqrt(max(petro_radius**2 - SEEING_RADIUS**2, 1.0))
    return float(intrinsic / ((2.35 - 0.14 * index) * axis_ratio**0.36))
