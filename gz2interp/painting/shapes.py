"""Shapes of components, drawn for a galaxy of a given size: the keywords of the components' functions."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from gz2interp.painting.recipe import Shape

__all__ = [
    "arms_shape",
    "bar_shape",
    "bulge_shape",
    "clumps_shape",
    "companion_shape",
    "dust_shape",
    "half_light_radius",
    "inner_ring_shape",
    "outer_ring_shape",
    "scale_length",
    "tail_shape",
]

SEEING_RADIUS = 1.85
"""Petrosian radius of a point in median seeing [arcsec]; a galaxy's adds to it in quadrature."""

ARM_NUMBERS, ARM_SHARES = (1, 2, 3, 4, 5), (0.04, 0.66, 0.15, 0.08, 0.07)

TEXTURES = 2**31
"""Seeds of patches are below this."""


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
    """One to five arms, the more the tighter; in a barred galaxy two, which begin at the ends of the bar."""
    number = 2 if bar else int(rng.choice(ARM_NUMBERS, p=ARM_SHARES))
    median = 18.0 if number < 3 else 13.0
    return {
        "scale": scale * rng.uniform(0.75, 0.95),
        "number": number,
        "pitch": float(np.clip(median * np.exp(0.32 * rng.standard_normal()), 7, 36) * rng.choice([-1, 1])),
        "phase": bar["bar_angle"] if bar else rng.uniform(0, 360),
        "contrast": 0.4 + 3.6 * rng.beta(1.2, 1.6),
        "start": 1.6 * bar["length"] if bar else scale * rng.uniform(0.5, 1.1),
        "fade": scale * rng.uniform(2.8, 4.2),
        "raggedness": rng.uniform(0.25, 0.9),
        "texture": int(rng.integers(TEXTURES)),
    }


def clumps_shape(rng: Generator, arms: Shape) -> dict[str, float]:
    """Of knots on those arms."""
    return {"count": int(rng.integers(6, 40)), "size": rng.uniform(0.15, 0.35)} | dict(arms)


def inner_ring_shape(rng: Generator, scale: float, bar: Shape | None) -> dict[str, float]:
    """Of a ring round the bar, as elongated as bars make them, or round a bulge."""
    radius = 1.7 * bar["length"] if bar else scale * rng.uniform(1.0, 1.6)
    return {
        "radius": radius,
        "width": radius * rng.uniform(0.08, 0.16),
        "axis_ratio": rng.uniform(0.75, 0.95),
        "ring_angle": bar["bar_angle"] if bar else rng.uniform(0, 180),
        "raggedness": rng.uniform(0.1, 0.5),
        "texture": int(rng.integers(TEXTURES)),
    }


def outer_ring_shape(rng: Generator, scale: float) -> dict[str, float]:
    """Of a ring at the edge of a disc."""
    radius = scale * rng.uniform(2.2, 3.2)
    return {
        "radius": radius,
        "width": radius * rng.uniform(0.07, 0.14),
        "axis_ratio": rng.uniform(0.85, 1.0),
        "ring_angle": rng.uniform(0, 180),
        "raggedness": rng.uniform(0.2, 0.8),
        "texture": int(rng.integers(TEXTURES)),
    }


def dust_shape(rng: Generator, disc: Shape, *, strong: bool) -> dict[str, float]:
    """Of a lane in an edge-on disc: half as thick as the stars, or thick enough to be seen through SDSS' seeing."""
    height = disc["scale"] * disc["thickness"]
    return {
        "scale": disc["scale"] * rng.uniform(1.0, 1.4),
        "height": max(height * rng.uniform(0.6, 0.9), 0.6) if strong else height * rng.uniform(0.35, 0.55),
        "depth": rng.uniform(2.5, 4.0) if strong else rng.uniform(0.6, 2.0),
        "offset": height * rng.uniform(-0.4, 0.4),
        "warp": height * rng.normal(0, 0.15),
        "raggedness": rng.uniform(0.2, 0.5),
        "texture": int(rng.integers(TEXTURES)),
        "angle": disc["angle"],
    }


def companion_shape(rng: Generator, petro_radius: float, nearest: float, farthest: float) -> dict[str, float]:
    """Of another galaxy beside one of that Petrosian radius; its distance in units of that."""
    distance, direction = petro_radius * rng.uniform(nearest, farthest), rng.uniform(0, 2 * np.pi)
    return {
        "x": distance * np.cos(direction),
        "y": distance * np.sin(direction),
        "radius": petro_radius * rng.uniform(0.2, 0.45),
        "nu": rng.integers(-5, 6) / 10,
        "axis_ratio": rng.uniform(0.45, 1.0),
        "angle": rng.uniform(0, 180),
    }


def tail_shape(rng: Generator, petro_radius: float, angle: float, sense: float) -> dict[str, float]:
    """Of a tidal tail that leaves a galaxy of that Petrosian radius at `angle`."""
    return {
        "start": petro_radius * rng.uniform(0.5, 0.8),
        "length": petro_radius * rng.uniform(1.0, 2.2),
        "width": petro_radius * rng.uniform(0.08, 0.16),
        "curl": sense * rng.uniform(20, 110),
        "angle": angle,
        "fading": rng.uniform(1.0, 2.0),
        "flare": rng.uniform(0.5, 1.5),
    }


def scale_length(petro_radius: float, axis_ratio: float, in_centre: float = 0.0) -> float:
    """Of a disc that shows a Petrosian radius in median seeing [arcsec], with that share of the light in bulge and bar.

    The brighter the centre, the smaller the Petrosian radius: a fit to painted discs, good to 10 %.
    """
    return half_light_radius(petro_radius, axis_ratio, index=1.0) / (1.678 * (0.89 - 0.62 * in_centre))


def half_light_radius(petro_radius: float, axis_ratio: float, index: float) -> float:
    """Of a Sersic profile that shows a Petrosian radius in median seeing, both [arcsec].

    A fit to profiles measured in circular apertures, good to 8 % for indices 1 to 5.5 and axis ratios above 0.2.
    """
    intrinsic = np.sqrt(max(petro_radius**2 - SEEING_RADIUS**2, 1.0))
    return float(intrinsic / ((2.70 - 0.16 * index) * axis_ratio**0.36))
