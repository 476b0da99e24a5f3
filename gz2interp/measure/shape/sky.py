"""Images in standard deviations of their sky, and all bands as one image.

As `gz2interp.measure.outskirts` measures noise and background, but of a whole block of galaxies at once and without
looking for where each galaxy ends: cheap enough for every galaxy of a survey.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Above", "above_sky"]

Floats = NDArray[np.float32]

OUTER: Final = 0.38
"""Pixels farther from the middle than this share of the width are sky."""

MIDDLE: Final = 0.12
"""Pixels nearer to the middle than this share of the width say how bright a galaxy is in each band."""

TO_SIGMA: Final = 1.4826
CLIPPED: Final = 2.5
FITS: Final = 3
SOFTEST: Final = 1e-4
"""A sky so quiet, as a share of the brightest pixels, counts as noisy as that."""

FAINTEST: Final = 0.02
"""No band weighs less than one in which the galaxy's pixels have this many standard deviations."""


class Above:
    """Images above their sky.

    Attributes
    ----------
    bands : float32 (n, pixel, band)
        In standard deviations of the sky.
    together : float32 (n, pixel)
        The bands' sum, each with the weight that its signal has in the middle, in its own noise.
    sigma : float32 (n, band)
        Noise of the sky, in the images' unit.
    shape : (int, int)
        Of the images.
    y, x : float32 (pixel,)
        Of each pixel, from the middle.
    """

    def __init__(self, images: Floats) -> None:
        count, height, width, bands = images.shape
        self.shape = (height, width)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self.y, self.x = (y - (height - 1) / 2).ravel(), (x - (width - 1) / 2).ravel()
        far = np.hypot(self.y, self.x) / min(height, width)
        outer = far > OUTER
        self.sigma = _noise(images, outer.reshape(height, width))
        terms = np.stack([np.ones_like(self.x), 2 * self.x / width, 2 * self.y / height], axis=1)
        pixels = images.reshape(count, -1, bands)
        plane = _plane(pixels[:, outer], terms[outer], self.sigma)
        self.bands = np.asarray((pixels - terms @ plane) / self.sigma[:, None], np.float32)
        weights = np.maximum(self.bands[:, far < MIDDLE].mean(axis=1), FAINTEST)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        self.together = np.asarray((self.bands @ weights[..., None])[..., 0], np.float32)

    def __len__(self) -> int:
        return len(self.bands)

    def plane_of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (n, pixel, ...) as images (n, y, x, ...)."""
        return values.reshape(len(values), *self.shape, *values.shape[2:])


def above_sky(images: NDArray[np.floating]) -> Above:
    """Images float (n, y, x, band) above their sky; what is not finite counts as nothing."""
    return Above(np.nan_to_num(np.asarray(images, np.float32), posinf=0, neginf=0))


def _noise(images: Floats, outer: NDArray[np.bool_]) -> Floats:
    """From second differences along both axes, which know neither planes nor what is smooth (n, band)."""
    rows = images[:, 2:] - 2 * images[:, 1:-1] + images[:, :-2]
    curved = (rows[:, :, 2:] - 2 * rows[:, :, 1:-1] + rows[:, :, :-2]) / 6
    sigma = TO_SIGMA * np.median(np.abs(curved[:, outer[1:-1, 1:-1]][:, ::2]), axis=1)
    brightest = np.abs(images).max(axis=(1, 2))
    return np.asarray(np.maximum(sigma, np.maximum(SOFTEST * brightest, 1e-30)), np.float32)


def _plane(pixels: Floats, terms: Floats, sigma: Floats) -> Floats:
    """A plane through the sky, what stands out left out (n, 3, band)."""
    plane = np.zeros((len(pixels), 3, pixels.shape[2]), np.float32)
    plane[:, 0] = np.median(pixels[:, ::2], axis=1)
    pairs = (terms[:, :, None] * terms[:, None, :]).reshape(-1, 9)
    for _ in range(FITS):
        rest = pixels - terms @ plane
        kept = (np.abs(rest) < CLIPPED * sigma[:, None]).astype(np.float32)
        squares = (kept.transpose(0, 2, 1) @ pairs).reshape(len(pixels), -1, 3, 3) + np.eye(3, dtype=np.float32)
        products = (kept * rest).transpose(0, 2, 1) @ terms
        plane += np.moveaxis(np.linalg.solve(squares, products[..., None])[..., 0], 1, 2)
    return plane
