"""Surface brightness of the shapes that galaxies are made of: array functions, each of unit flux over the whole sky.

Positions are in arcsec from the galaxy's centre, brightness in flux per square arcsec, angles in degrees from the x
axis towards the y axis. All arrays are float32 of any one shape.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting.tables import edge_on_law

__all__ = ["crests", "edge_on_disc", "exponential", "gaussian", "rotated", "sersic", "tapered_exponential"]

Floats = NDArray[np.float32]

FLOOR = np.float32(1e-6)
"""Keeps a logarithm of the radius finite at the very centre [arcsec]."""


def rotated(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    """Coordinates along and across an axis at `angle`."""
    cosine, sine = np.float32(np.cos(np.deg2rad(angle))), np.float32(np.sin(np.deg2rad(angle)))
    return cosine * x + sine * y, cosine * y - sine * x


def sersic(
    along: Floats, across: Floats, radius: float, index: float, axis_ratio: float = 1.0, boxiness: float = 2.0
) -> Floats:
    """Sersic's law on (boxy) ellipses.

    Parameters
    ----------
    along, across : float32
        Coordinates along the axes of the ellipse.
    radius : float
        Semi-major axis of the ellipse that holds half the light [arcsec].
    index : float
        1 is exponential, 4 de Vaucouleurs' law; below 0.5 a plateau with an edge.
    axis_ratio : float
        Minor to major.
    boxiness : float
        Exponent of the generalised ellipse; 2 is an ellipse, larger is boxier.

    Notes
    -----
    Graham & Driver 2005 (PASA 22, 118) for the law, Peng et al. 2002 (AJ 124, 266) for the area of a boxy ellipse.
    """
    steepness, flux = _sersic_constants(index, boxiness)
    if boxiness == 2.0:
        log_radius = 0.5 * np.log((along / radius) ** 2 + (across / (radius * axis_ratio)) ** 2 + FLOOR**2)
    else:
        power = np.abs(along / radius) ** boxiness + np.abs(across / (radius * axis_ratio)) ** boxiness
        log_radius = np.log(power + FLOOR) / boxiness
    return _f32(np.exp(-steepness * np.exp(log_radius / index)) / (flux * radius**2 * axis_ratio))


def exponential(radius: Floats, scale: float) -> Floats:
    """A face-on exponential disc of scale length `scale`, at `radius` in its plane."""
    return _f32(np.exp(-radius / scale) / (2 * np.pi * scale**2))


def tapered_exponential(radius: Floats, scale: float) -> Floats:
    """An exponential disc times the radius: empty at its centre, brightest one scale length out."""
    reduced = radius / scale
    return _f32(reduced * np.exp(-reduced) / (4 * np.pi * scale**2))


def edge_on_disc(along: Floats, across: Floats, scale: float, height: float) -> Floats:
    """An exponential disc seen edge-on whose layers follow the squared hyperbolic secant.

    Notes
    -----
    Van der Kruit & Searle 1981 (A&A 95, 105), equation 5, without truncation.
    """
    decay = np.exp(-2 * np.abs(across) / height)
    layer = 4 * decay / (1 + decay) ** 2
    return _f32(edge_on_law()(_f32(np.abs(along) / scale)) * layer / (2 * np.pi * scale * height))


def crests(
    along: Floats, across: Floats, radius: Floats, *, number: int, pitch: float, phase: float, contrast: float
) -> Floats:
    """Brightness of logarithmic spiral arms relative to its mean round the galaxy, which is 1 at every radius.

    Parameters
    ----------
    along, across, radius : float32
        In the plane of the disc; radius in units of the radius at which the first crest lies at angle `phase`.
    number : int
        Of arms.
    pitch : float
        Angle between an arm and the circle through it [deg]; its sign is the sense of winding.
    phase : float
        [deg].
    contrast : float
        Concentration of the von Mises law across an arm: 0 is none, 4 a thin arm.
    """
    winding = np.log(radius + FLOOR) / np.tan(np.deg2rad(pitch))
    angle = number * (np.arctan2(across, along) - winding - np.deg2rad(phase))
    return _f32(np.exp(contrast * (np.cos(angle) - 1)) / special.i0e(contrast))


def gaussian(x: Floats, y: Floats, sigma: float) -> Floats:
    """A round Gaussian."""
    return _f32(np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2))


@lru_cache(maxsize=4096)
def _sersic_constants(index: float, boxiness: float) -> tuple[float, float]:
    """Steepness b_n, and the flux of a profile of unit central brightness, unit radius and unit axis ratio."""
    steepness = float(special.gammaincinv(2 * index, 0.5))
    area = 4 * special.gamma(1 + 1 / boxiness) ** 2 / special.gamma(1 + 2 / boxiness)
    return steepness, float(area * 2 * index * steepness ** (-2 * index) * special.gamma(2 * index))


def _f32(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)
