"""Maps that know nothing of the network: what a method must do better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["PLAIN"]

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


PLAIN: Final[Mapping[str, Callable[[Floats, np.random.Generator], Floats]]] = {
    "random": at_random,
    "gaussian": at_the_centre,
    "light": of_the_light,
}
