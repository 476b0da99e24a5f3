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

__all__ = ["FLOOR", "annulus", "edge_on_disc", "exponential", "layer", "rotated", "sersic"]

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


def edge_on_disc(along: Floats, across: Floats, scale: float, height: float) -> Floats:
    """An exponential disc seen edge-on whose layers follow the squared hyperbolic secant.

    Notes
    -----
    Van der Kruit & Searle 1981 (A&A 95, 105), equation 5, without truncation.
    """
    law = edge_on_law()(_f32(np.abs(along) / scale))
    return _f32(law * layer(across, height) / (2 * np.pi * scale * height))


def layer(across: Floats, height: float) -> Floats:
    """The squared hyperbolic secant, 1 in the middle: how the stars and the dust of a disc thin out above its plane."""
    decay = np.exp(np.abs(across) * np.float32(-2 / height))
    return _f32(4 * decay / (1 + decay) ** 2)


def annulus(radius: Floats, middle: float, width: float) -> Floats:
    """A face-on ring that is brightest at the radius `middle`; across it a Gaussian of standard deviation `width`."""
    reduced = middle / width
    flux = np.exp(-0.5 * reduced**2) + reduced * np.sqrt(np.pi / 2) * special.erfc(-reduced / np.sqrt(2))
    across = (radius - np.float32(middle)) / np.float32(width)
    return _f32(np.exp(-0.5 * across * across) / np.float32(2 * np.pi * width**2 * flux))


@lru_cache(maxsize=4096)
def _sersic_constants(index: float, boxiness: float) -> tuple[float, float]:
    """Steepness b_n, and the flux of a profile of unit central brightness, unit radius and unit axis ratio."""
    steepness = float(special.gammaincinv(2 * index, 0.5))
    area = 4 * special.gamma(1 + 1 / boxiness) ** 2 / special.gamma(1 + 2 / boxiness)
    return steepness, float(area * 2 * index * steepness ** (-2 * index) * special.gamma(2 * index))


def _f32(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)
