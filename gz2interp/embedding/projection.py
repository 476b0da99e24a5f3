"""Two-dimensional maps of a layer by UMAP from a graph of nearest neighbours."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.results import Embedding, Neighbours

__all__ = ["MapSettings", "map_curve", "memberships", "project"]


Doubles = NDArray[np.float64]

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
    Fitted as in umap-learn to a curve that is 1 up to `min_dist` and falls off exponentially beyond; repeated here
    because umap takes 20 s to import. A test compares the two.
    """
    from scipy.optimize import curve_fit

    def curve(x: Doubles, a: float, b: float) -> Doubles:
        return 1.0 / (1.0 + a * x ** (2 * b))

    x = np.linspace(0, _SPREAD * 3, 300)
    target = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist) / _SPREAD))
    (a, b), _ = curve_fit(curve, x, target)
    return float(a), float(b)


def memberships(distances: Doubles) -> Doubles:
    """UMAP's fuzzy membership of each neighbour: 1 for the nearest, falling to 0.

    Parameters
    ----------
    distances : float64 (k, n)
        Ascending down each column.

    Returns
    -------
    float64 (k, n)
        exp(-(d - nearest) / s), with s such that they add up to log2(k + 1).

    References
    ----------
    McInnes, Healy & Melville 2018, "UMAP", arXiv:1802.03426, section 3.1.
    """
    beyond = distances - distances[0]
    target = np.log2(len(distances) + 1)
    low, high = np.zeros(distances.shape[1]), np.full(distances.shape[1], np.inf)
    scale = np.maximum(beyond.sum(axis=0) / len(distances), np.finfo(np.float64).tiny)
    for _ in range(_HALVINGS):
        too_many = np.exp(-beyond / scale).sum(axis=0) > target
        high, low = np.where(too_many, scale, high), np.where(too_many, low, scale)
        scale = np.maximum(np.where(np.isinf(high), 2 * scale, (low + high) / 2), np.finfo(np.float64).tiny)
    return np.asarray(np.exp(-beyond / scale))


Floats = NDArray[np.float32]

_FEWEST = 12
"""Fewer galaxies are projected on their principal axes instead."""


@dataclass(frozen=True)
class MapSettings:
    """Settings of a map.

    Attributes
    ----------
    neighbours : int
        Neighbours per galaxy (UMAP's ``n_neighbors``), itself included.
    min_dist : float
        How close points may lie, in the map's unit.
    seed : int
    density : bool
        densMAP, which preserves local density.
    sample : int
        Larger surveys are projected by a random sample of this size; the other galaxies are placed among it.
    """

    neighbours: int = 15
    min_dist: float = 0.1
    seed: int = 0
    density: bool = False
    sample: int = 200_000


def project(
    activations: Floats, neighbours: Neighbours, settings: MapSettings, start: Floats | None = None
) -> Embedding:
    """Coordinates (n, 2) by UMAP on a precomputed graph of neighbours.

    Parameters
    ----------
    activations : float32 (n, channel)
        Used for the starting positions only.
    neighbours : Neighbours
        Positions among `activations`, at least ``settings.neighbours - 1`` of each galaxy unless the survey is smaller.
    settings : MapSettings
    start : float32 (n, 2), optional
        Initial places, such as those of another map; by default UMAP's spectral layout.

    Returns
    -------
    Embedding
        With the method ``"umap"`` or ``"densmap"``, or ``"principal axes"`` for fewer than 12 galaxies.

    References
    ----------
    McInnes, Healy & Melville 2018, "UMAP", arXiv:1802.03426. Narayan, Berger & Cho 2021, "Assessing single-cell
    transcriptomic variability through density-preserving data visualization", Nature Biotechnology 39, 765 (densMAP).

    Notes
    -----
    umap-learn would search approximate neighbours; the precomputed ones are those that the dashboard shows.
    """
    n = len(activations)
    if n < _FEWEST:
        return Embedding(_principal_axes(activations), "principal axes")
    k = min(settings.neighbours, n - 1)
    places = _umap(activations, _knn(neighbours, k), neighbours.metric, settings, start)
    return Embedding(places, "densmap" if settings.density else "umap")


def _knn(neighbours: Neighbours, k: int) -> tuple[NDArray[np.int64], Floats]:
    """The graph for umap: copies, because it writes into them, with each galaxy first in its own row."""
    n = len(neighbours.rows)
    rows = np.column_stack([np.arange(n), neighbours.rows[:, : k - 1]])
    distances = np.column_stack([np.zeros(n, np.float32), neighbours.distances[:, : k - 1]])
    return rows, distances


def _umap(
    activations: Floats,
    knn: tuple[NDArray[np.int64], Floats],
    metric: str,
    settings: MapSettings,
    start: Floats | None,
) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        # umap warns that it runs on one core and cannot place new points: both are intended.
        warnings.simplefilter("ignore")
        import umap  # 20 s to import

        reducer = umap.UMAP(
            n_neighbors=knn[0].shape[1],
            min_dist=settings.min_dist,
            metric="cosine" if metric == "cosine" else "euclidean",
            precomputed_knn=knn,
            random_state=settings.seed,
            densmap=settings.density,
            init="spectral" if start is None else start,
            n_jobs=1,
        )
        return np.asarray(reducer.fit_transform(activations), dtype=np.float32)


def _principal_axes(activations: Floats) -> Floats:
    centred = activations - activations.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    coordinates = np.zeros((len(activations), 2), np.float32)
    axes = min(2, len(lengths))
    coordinates[:, :axes] = left[:, :axes] * lengths[:axes]
    return coordinates
