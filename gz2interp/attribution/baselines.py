"""Baselines of attribution: images without the galaxy, and sky noise that replaces parts of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.errors import InputError, choices

__all__ = ["BASELINES", "CUSTOM_IMAGE", "baseline_of", "broadcast_image", "scatter_at_rim", "sky_like"]


Floats = NDArray[np.float32]

CUSTOM_IMAGE: Final = "an image that was given"

BLUR = 8.0
"""Width (standard deviation) of the Gaussian in `blurred`, for an image of 64 pixels; others in proportion."""


def sky(images: Floats) -> Floats:
    """Noiseless, background-subtracted sky: zero in every pixel."""
    return np.zeros_like(images)


def blurred(images: Floats) -> Floats:
    """The image convolved with a wide Gaussian, which conserves the flux and removes the shape."""
    width = BLUR * images.shape[1] / 64
    return np.asarray(gaussian_filter(images, (0, width, width, 0), mode="reflect"), np.float32)


BASELINES: Final[dict[str, Callable[[Floats], Floats]]] = {"sky": sky, "blurred": blurred}


def baseline_of(images: Floats, baseline: str | Floats) -> tuple[Floats, str]:
    """The baseline of each image, float32 (n, y, x, band) in nanomaggies, and its name.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    baseline : str or float32 (y, x, band)
        One of `BASELINES`, or an image that all are compared with.

    Raises
    ------
    InputError
        There is no such baseline, or the image has another shape.
    """
    if isinstance(baseline, str):
        if baseline not in BASELINES:
            raise InputError(f"There is no baseline {baseline!r}", f"One of {choices(BASELINES)}, or an image")
        return BASELINES[baseline](np.asarray(images, np.float32)), baseline
    return broadcast_image(images, baseline), CUSTOM_IMAGE


def broadcast_image(images: Floats, image: Floats) -> Floats:
    """One image repeated for all images, float32 (n, y, x, band).

    Raises
    ------
    InputError
        It has another shape.
    """
    image = np.asarray(image, np.float32)
    if image.shape != images.shape[1:]:
        raise InputError(f"An image of shape {image.shape} was given", f"One as the others, {images.shape[1:]}")
    return np.broadcast_to(image, images.shape)


BORDER = 1 / 16
"""Width of the rim that counts as sky, as a share of the image's side."""

TO_SIGMA = 1.4826
"""From the median absolute deviation to a Gaussian's standard deviation."""


def sky_like(images: Floats, generator: np.random.Generator) -> Floats:
    """Sky noise with the level and scatter at each image's edge, in each band, float32 (n, y, x, band).

    They are the median and the median absolute deviation, which are robust against a neighbour at the edge. All images
    use the same random numbers, scaled to each image. The noise is white, unlike that of resampled images.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    """
    level, scatter = _at_rim(images)
    noise = generator.standard_normal(images.shape[1:], dtype=np.float32)
    return np.asarray(level[:, None, None] + scatter[:, None, None] * noise, np.float32)


def scatter_at_rim(images: Floats) -> Floats:
    """Scatter of the pixels near each image's edge, in each band, float32 (n, band)."""
    return _at_rim(images)[1]


def _at_rim(images: Floats) -> tuple[Floats, Floats]:
    rim = images[:, _rim(*images.shape[1:3])]
    level = np.median(rim, axis=1)
    return level, np.asarray(TO_SIGMA * np.median(np.abs(rim - level[:, None]), axis=1), np.float32)


def _rim(height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels are near the edge, bool (y, x)."""
    wide = max(round(min(height, width) * BORDER), 1)
    rim = np.ones((height, width), np.bool_)
    rim[wide:-wide, wide:-wide] = False
    return rim
