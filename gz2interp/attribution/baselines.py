"""What an image is compared with where nothing of the galaxy is to be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.errors import InputError, choices

__all__ = ["BASELINES", "GIVEN", "baseline_of", "given_image"]

Floats = NDArray[np.float32]

GIVEN: Final = "an image that was given"

BLUR = 8.0
"""Width (standard deviation) of the Gaussian in `blurred`, for an image of 64 pixels; others in proportion."""


def sky(images: Floats) -> Floats:
    """Sky of which the mean has been subtracted: no light in any pixel."""
    return np.zeros_like(images)


def blurred(images: Floats) -> Floats:
    """The galaxy's light, with nothing left of its shape but where it is and how much: no total flux is lost or won."""
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
    return given_image(images, baseline), GIVEN


def given_image(images: Floats, image: Floats) -> Floats:
    """One image for all, as large as they are, float32 (n, y, x, band).

    Raises
    ------
    InputError
        It has another shape.
    """
    given = np.asarray(image, np.float32)
    if given.shape != images.shape[1:]:
        raise InputError(f"An image of shape {given.shape} was given", f"One as the others, {images.shape[1:]}")
    return np.broadcast_to(given, images.shape)
