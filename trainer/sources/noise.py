"""The scatter of the sky, measured where the galaxy is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["sky_level", "sky_sigma"]

_TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""


def sky_sigma(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, ...]:
    """Robust scatter of the sky of each band, in the image's unit; NaN where nothing is valid.

    Parameters
    ----------
    image : float32 (y, x, band)
    valid : bool (y, x)

    Notes
    -----
    The galaxy's own pixels are clipped away as long as sky is the greater part of the cutout; of a galaxy that fills
    it, this is an upper limit.
    """
    return tuple(sky_level(band[valid])[1] for band in np.moveaxis(image, -1, 0))


def sky_level(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.0) -> tuple[float, float]:
    """Median and scatter of the pixels after `rounds` of leaving out those beyond `clip` sigma."""
    kept = np.asarray(pixels, dtype=np.float64).ravel()
    if not kept.size:
        return float("nan"), float("nan")
    for _ in range(rounds):
        level = np.median(kept)
        sigma = _TO_SIGMA * np.median(np.abs(kept - level))
        near = np.abs(kept - level) <= clip * sigma
        if near.all():
            break
        kept = kept[near]
    return float(level), float(sigma)
