"""A galaxy before and after an alteration, and the light of its components, as array functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.figures.overlay import diverging_rgb, symmetric_limit
from gz2interp.figures.rgb import Stretch, rgb

__all__ = ["light_picture", "middle_band", "three_pictures"]

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def three_pictures(before: Floats, after: Floats, bands: Sequence[str], stretch: Stretch) -> tuple[Bytes, Bytes, Bytes]:
    """Before and after in colour, and their difference in r: red is light that was added, blue light that is gone."""
    band = middle_band(bands)
    difference = after[..., band] - before[..., band]
    return (
        rgb(before, bands, stretch),
        rgb(after, bands, stretch),
        diverging_rgb(difference, symmetric_limit(difference)),
    )


def middle_band(bands: Sequence[str]) -> int:
    """The place of r, or of the middle band where there is no r."""
    return list(bands).index("r") if "r" in bands else len(bands) // 2


def light_picture(light: Floats) -> Bytes:
    """Light of one component in grey, uint8 (y, x, 3): the square root of the share of its brightest pixel."""
    brightest = float(np.abs(light).max()) or 1.0
    grey = (255 * np.sqrt(np.abs(light) / brightest)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
