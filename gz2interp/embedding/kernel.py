"""What UMAP takes for near: on the map, and in the activations."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["map_curve", "memberships"]

Floats = NDArray[np.float64]

_HALVINGS: Final = 64
_SPREAD: Final = 1.0


@cache
def map_curve(min_dist: float) -> tuple[float, float]:
    """The a and b of 1 / (1 + a d^2b), UMAP's membership of two points at distance d on the map.

    Parameters
    ----------
    min_dist : float
        How close points may lie.

    Notes
    -----
    As umap-learn fits them to a curve that is 1 up to `min_dist` and falls off exponentially beyond; written down here
    because umap takes 20 s to import. A test holds the two together.
    """
    from scipy.optimize import curve_fit

    def curve(x: Floats, a: float, b: float) -> Floats:
        return 1.0 / (1.0 + a * x ** (2 * b))

    x = np.linspace(0, _SPREAD * 3, 300)
    wanted = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist) / _SPREAD))
    (a, b), _ = curve_fit(curve, x, wanted)
    return float(a), float(b)


def memberships(distances: Floats) -> Floats:
    """How far each neighbour belongs to a galaxy, in UMAP's sense: 1 for the nearest, falling to 0.

    Parameters
    ----------
    distances : float64 (k, n)
        Ascending down each column.

    Returns
    -------
    float64 (k, n)
        exp(-(d - nearest) / s), with s such that they add up to log2(k + 1): in a crowd s is small, outside it large.

    References
    ----------
    McInnes, Healy & Melville 2018, "UMAP", arXiv:1802.03426, section 3.1.
    """
    beyond = distances - distances[0]
    wanted = np.log2(len(distances) + 1)
    low, high = np.zeros(distances.shape[1]), np.full(distances.shape[1], np.inf)
    scale = np.maximum(beyond.sum(axis=0) / len(distances), np.finfo(np.float64).tiny)
    for _ in range(_HALVINGS):
        too_many = np.exp(-beyond / scale).sum(axis=0) > wanted
        high, low = np.where(too_many, scale, high), np.where(too_many, low, scale)
        scale = np.maximum(np.where(np.isinf(high), 2 * scale, (low + high) / 2), np.finfo(np.float64).tiny)
    return np.asarray(np.exp(-beyond / scale))
