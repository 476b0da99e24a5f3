"""Attribution maps against the truth of painted galaxies, beside baseline maps that ignore the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["BASELINE_MAPS", "of_components", "pointing", "region_of", "relevance_mass", "relevance_rank"]


Floats = NDArray[np.float32]

WIDTH: Final = 1 / 8
"""Standard deviation of the Gaussian at the centre, as a share of the image's side: 8 of 64 pixels."""


def at_random(images: Floats, generator: np.random.Generator) -> Floats:
    """A number at random in each pixel, float32 (n, y, x)."""
    return generator.random(images.shape[:3], dtype=np.float32)


def at_the_centre(images: Floats, generator: np.random.Generator) -> Floats:
    """A round Gaussian in the middle of each image, float32 (n, y, x): galaxies are in the middle of their cutouts."""
    sides = images.shape[1:3]
    y, x = (np.arange(side) - (side - 1) / 2 for side in sides)
    squares = np.add.outer((y / (WIDTH * sides[0])) ** 2, (x / (WIDTH * sides[1])) ** 2)
    return np.broadcast_to(np.exp(-squares / 2).astype(np.float32), images.shape[:3])


def of_the_light(images: Floats, generator: np.random.Generator) -> Floats:
    """The image itself, all bands together and smoothed by a pixel, float32 (n, y, x)."""
    return np.asarray(gaussian_filter(images.sum(axis=-1), (0, 1, 1)), np.float32)


BASELINE_MAPS: Final[Mapping[str, Callable[[Floats, np.random.Generator], Floats]]] = {
    "random": at_random,
    "gaussian": at_the_centre,
    "light": of_the_light,
}


Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

SHARE = 0.8
"""Share of a component's light in its region; the rest is very faint."""


def region_of(light: Floats, share: float = SHARE) -> Bools:
    """The smallest set of pixels that holds a share of a component's light, bool (n, y, x).

    Parameters
    ----------
    light : float32 (n, y, x)
        Below 0 for dust, whose absolute values are used.
    share : float
    """
    flat = np.abs(light.reshape(len(light), -1)).astype(np.float64)
    order = np.argsort(-flat, axis=1, kind="stable")
    held = np.cumsum(np.take_along_axis(flat, order, axis=1), axis=1)
    # A pixel is needed while those before it do not hold enough; the first always is.
    needed = np.concatenate([np.ones((len(flat), 1), np.bool_), held[:, :-1] < share * held[:, -1:]], axis=1)
    inside = np.zeros(flat.shape, np.bool_)
    np.put_along_axis(inside, order, needed & (held[:, -1:] > 0), axis=1)
    return inside.reshape(light.shape)


def relevance_mass(importance: Floats, region: Bools) -> Doubles:
    """The share of a map's positive values that lies in a region, float64 (n,); 0 of a map that is nowhere positive.

    Parameters
    ----------
    importance : float32 (n, y, x)
    region : bool (n, y, x)

    References
    ----------
    Arras, Osman & Samek 2022, CLEVR-XAI: a benchmark dataset for the ground truth evaluation of neural network
    explanations, https://arxiv.org/abs/2003.07258: relevance mass accuracy. In Quantus: ``RelevanceMassAccuracy``.
    """
    positive = np.maximum(importance, 0).astype(np.float64)
    total = positive.sum(axis=(1, 2))
    inside = (positive * region).sum(axis=(1, 2))
    return np.asarray(np.divide(inside, total, out=np.zeros_like(inside), where=total > 0))


def relevance_rank(importance: Floats, region: Bools) -> Doubles:
    """The share of the most important pixels, as many as a region has, that lies in the region, float64 (n,).

    Of equally important pixels those outside the region come first, so that a map without structure scores 0. NaN where
    the region is empty.

    Parameters
    ----------
    importance : float32 (n, y, x)
    region : bool (n, y, x)

    References
    ----------
    As `relevance_mass`: relevance rank accuracy. In Quantus: ``RelevanceRankAccuracy``.
    """
    values, inside = importance.reshape(len(importance), -1), region.reshape(len(region), -1)
    sizes = inside.sum(axis=1)
    order = np.lexsort((inside, -values), axis=1)  # by value, then those outside before those inside
    hits = np.cumsum(np.take_along_axis(inside, order, axis=1), axis=1)
    inside_best = hits[np.arange(len(hits)), np.maximum(sizes - 1, 0)]
    return np.asarray(np.divide(inside_best, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0))


def pointing(importance: Floats, region: Bools) -> Doubles:
    """Pointing game: whether a map's highest pixel lies in a region, 1 or 0, float64 (n,); all of several must.

    References
    ----------
    Zhang et al. 2018, Top-down neural attention by excitation backprop, https://arxiv.org/abs/1608.00507, without the
    margin of 15 pixels that it allows on photographs of 500. In Quantus: ``PointingGame``.
    """
    highest = importance == importance.max(axis=(1, 2), keepdims=True)
    return np.asarray((~highest | region).all(axis=(1, 2)), np.float64)


def of_components(importance: Floats, light: Floats) -> Doubles:
    """The sum of a map over each component, float64 (n, component).

    Each pixel is divided among the components by their light. Negative values decrease the score and are subtracted.

    Parameters
    ----------
    importance : float32 (n, y, x)
    light : float32 (n, y, x, component)
        In a pixel; dust below 0, which counts like light.
    """
    size = np.abs(light).astype(np.float64)
    total = size.sum(axis=-1, keepdims=True)
    shares = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
    return np.asarray(np.einsum("nyx,nyxc->nc", importance, shares))
