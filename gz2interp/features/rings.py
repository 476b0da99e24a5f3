"""Distances from the middle of a cutout, and from frequency 0 of its spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["distances", "frequencies", "ring_weights"]

STEP = 2.0
"""Distance between one ring and the next [pixel]."""


def distances(height: int, width: int) -> NDArray[np.int64]:
    """Whole pixels from the middle, (y, x)."""
    return np.asarray(np.floor(_away(height, width)), np.int64)


def frequencies(height: int, width: int) -> NDArray[np.int64]:
    """Waves across the longer side, to a whole one, (fy, fx) as `numpy.fft.rfft2` lays them out."""
    size = max(height, width)
    fy, fx = np.fft.fftfreq(height)[:, None] * size, np.fft.rfftfreq(width)[None] * size
    return np.asarray(np.round(np.hypot(fy, fx)), np.int64)


def ring_weights(height: int, width: int) -> NDArray[np.float32]:
    """How much each pixel belongs to each ring, (y * x, ring): between two rings to both, and in all 1."""
    place = _away(height, width).ravel()[:, None] / STEP
    rings = np.arange(int(np.ceil(place.max())) + 1)
    return np.asarray(np.maximum(1 - np.abs(place - rings), 0), np.float32)


def _away(height: int, width: int) -> NDArray[np.float64]:
    y, x = np.ogrid[:height, :width]
    return np.asarray(np.hypot(y - (height - 1) / 2, x - (width - 1) / 2))
