"""The scatter of the sky, measured where the galaxy is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["scatter", "sky_level", "sky_sigma"]

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


def scatter(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.5) -> float:
    """Standard deviation after `rounds` of leaving out those beyond `clip` sigma; NaN where nothing is finite.

    Notes
    -----
    For native pixels of SDSS: they are whole counts, a fifth of their scatter wide, so that a median of deviations
    comes in steps of a fifth.
    """
    kept = np.asarray(pixels, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    level, sigma = sky_level(kept.astype(np.float32))
    sigma *= 1.2  # that step: the first round leaves out nothing that it should not
    for _ in range(rounds):
        kept = kept[np.abs(kept - level) <= clip * sigma]
        if not kept.size:
            return float("nan")
        level, sigma = float(kept.mean()), float(kept.std())
    return sigma
