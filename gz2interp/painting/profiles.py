"""Surface brightness profiles of unit flux, with tables for their special functions.

Positions are in arcsec from the galaxy's centre, brightness in flux per square arcsec, angles in degrees from the x
axis towards the y axis. All arrays are float32 of any one shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

__all__ = [
    "FLOOR",
    "annulus",
    "edge_on_disc",
    "edge_on_law",
    "exponential",
    "layer",
    "moffat_transfer",
    "rotated",
    "sersic",
    "spergel",
    "spergel_half_light",
]


Floats = NDArray[np.float32]

STEP = 1 / 128
REACH = 24.0
"""Both functions have fallen below 1e-8 there."""


@dataclass(frozen=True, eq=False)
class FunctionTable:
    """A function on [0, REACH], interpolated linearly and taken as zero beyond."""

    values: Floats

    def __call__(self, argument: Floats) -> Floats:
        """Values at `argument` >= 0, any shape."""
        place = np.minimum(argument * np.float32(1 / STEP), np.float32(len(self.values) - 2))
        below = place.astype(np.int32)
        low = self.values[below]
        values: Floats = low + (place - below.astype(np.float32)) * (self.values[below + 1] - low)
        return values


@cache
def moffat_transfer(beta: float) -> FunctionTable:
    """Fourier transform of a Moffat profile of unit flux, by wave number times scale radius.

    It is ``2 (u/2)**(beta-1) K_{beta-1}(u) / Gamma(beta-1)``, and 1 at u = 0 (Trujillo et al. 2001, MNRAS 328, 977).
    """
    order = beta - 1
    return _table(lambda u: 2 * (u / 2) ** order * special.kv(order, u) / special.gamma(order))


@cache
def edge_on_law() -> FunctionTable:
    """``t K1(t)``, the surface brightness of an exponential disc seen exactly edge-on, by radius in scale lengths."""
    return _table(lambda t: t * special.k1(t))


def _table(function: Callable[[NDArray[np.float64]], Any]) -> FunctionTable:
    argument = np.arange(0, REACH + STEP, STEP)
    values = np.ones_like(argument)
    values[1:] = function(argument[1:])
    values[-2:] = 0
    return FunctionTable(values.astype(np.float32))


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


def spergel(kx: Floats, ky: Floats, *, radius: float, nu: float, axis_ratio: float, angle: float) -> Floats:
    """Fourier transform of Spergel's profile, 1 at the origin.

    Parameters
    ----------
    kx, ky : float32
    radius : float
        Semi-major axis of the ellipse that holds half the light [arcsec].
    nu : float
        0.5 is exponential; -0.6 is close to de Vaucouleurs' law; -1 would be a point.
    axis_ratio, angle : float

    References
    ----------
    Spergel 2010, ApJS 191, 58, https://arxiv.org/abs/1007.3248
    """
    along, across = rotated(kx, ky, angle)
    scale = radius / spergel_half_light(nu)
    squared = (along * np.float32(scale)) ** 2 + (across * np.float32(scale * axis_ratio)) ** 2
    transform: Floats = (1 + squared) ** np.float32(-1 - nu)
    return transform


@lru_cache(maxsize=1024)
def spergel_half_light(nu: float) -> float:
    """Radius that holds half the light of Spergel's profile, in units of its scale.

    Beyond u lies ``2 (u/2)**(nu+1) K_{nu+1}(u) / Gamma(nu+1)`` of the light.
    """

    def beyond(radius: float) -> float:
        return float(2 * (radius / 2) ** (nu + 1) * special.kv(nu + 1, radius) / special.gamma(nu + 1))

    return float(optimize.brentq(lambda radius: beyond(radius) - 0.5, 1e-9, 20.0))
