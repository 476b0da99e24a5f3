"""What stands where part of a galaxy is taken away: sky like that around it, so that no edge of nothing is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["scatter_at_rim", "sky_like"]

Floats = NDArray[np.float32]

BORDER = 1 / 16
"""Width of the rim that counts as sky, as a share of the image's side."""

TO_SIGMA = 1.4826
"""From the median absolute deviation to a Gaussian's standard deviation."""


def sky_like(images: Floats, generator: np.random.Generator) -> Floats:
    """Noise with the level and the scatter of each image's own rim, in each band, float32 (n, y, x, band).

    Median and median absolute deviation, which a neighbour at the rim hardly moves. All images share one draw, each
    scaled to its own rim. The noise is white; that of a resampled image is not.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    generator : numpy.random.Generator
    """
    level, scatter = _at_rim(images)
    drawn = generator.standard_normal(images.shape[1:], dtype=np.float32)
    return np.asarray(level[:, None, None] + scatter[:, None, None] * drawn, np.float32)


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
