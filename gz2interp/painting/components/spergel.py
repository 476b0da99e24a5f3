"""Spergel's profile, whose Fourier transform is a simple function: small galaxies anywhere in the field, at no cost."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from gz2interp.painting import profiles

__all__ = ["spergel", "spergel_half_light"]

Floats = NDArray[np.float32]


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
    along, across = profiles.rotated(kx, ky, angle)
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
