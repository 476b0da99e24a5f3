"""Numbers of pixels: scatter without outliers, objects, correlations. The same for real and painted ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.schema import BANDS

__all__ = [
    "LAGS",
    "autocorrelation",
    "block_excess",
    "clipped",
    "detections",
    "objects",
    "plane",
    "scatter_beyond",
    "spread",
]

Array = NDArray[np.floating]
Bools = NDArray[np.bool_]

SMOOTHING = 1.4
"""Of the matched filter [pixel]: stars in the seeing of SDSS."""

FLOOR, PEAK, GROWN = 2.0, 4.5, 4
"""An object's pixels stand out by so many sigmas of the smoothed sky, its brightest by so many; pixels around it."""

DETECTION_BANDS = tuple(BANDS.index(band) for band in "gri")

LAGS = ((0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0))
"""(y, x) [pixel]."""


def clipped(values: Array, clip: float = 3.5) -> tuple[float, float]:
    """Mean and standard deviation without outliers.

    SDSS' pixels are whole counts of the camera: a median deviation would move in steps of a sixth of itself.
    """
    kept = np.asarray(values, np.float64).ravel()
    kept = kept[np.isfinite(kept)]
    while kept.size:
        mean, sigma = kept.mean(), kept.std()
        near = np.abs(kept - mean) <= clip * sigma
        if near.all():
            return float(mean), float(sigma) * 1.0043  # what 3.5 sigma cut off a normal distribution
        kept = kept[near]
    return float("nan"), float("nan")


def detections(image: Array) -> tuple[NDArray[np.int64], int]:
    """Objects of an image (y, x, band): labels (y, x), and how many."""
    signal = np.zeros(image.shape[:2])
    for band in DETECTION_BANDS:
        level, sigma = clipped(image[..., band])
        signal += (image[..., band] - level) / sigma
    smooth = ndimage.gaussian_filter(signal, SMOOTHING)
    level, sigma = clipped(smooth, 3.0)
    labels, number = ndimage.label(smooth > level + FLOOR * sigma)
    peaks = np.asarray(ndimage.maximum(smooth, labels, np.arange(1, number + 1))).reshape(-1)
    bright = peaks > level + PEAK * sigma
    names = np.concatenate([[0], np.where(bright, bright.cumsum(), 0)])
    return np.asarray(names[labels], np.int64), int(bright.sum())


def objects(image: Array) -> Bools:
    """Where an image shows an object, a margin included, bool (y, x)."""
    labels, _ = detections(image)
    return np.asarray(ndimage.binary_dilation(labels > 0, iterations=GROWN))


def autocorrelation(values: Array, lag: tuple[int, int]) -> float:
    """Of an image (y, x) with NaN where it is not to be seen, mean 0 and variance 1 assumed."""
    dy, dx = lag
    product = values[: values.shape[0] - dy, : values.shape[1] - dx] * values[dy:, dx:]
    return float(np.nanmean(product)) if np.isfinite(product).any() else float("nan")


def plane(values: Array) -> tuple[float, float, float]:
    """Level, and change along x and y over the whole image, of a plane through the pixels that are not NaN."""
    y, x = (np.indices(values.shape) + 0.5) / np.array(values.shape)[:, None, None] - 0.5
    seen = np.isfinite(values)
    terms = np.column_stack([np.ones(int(seen.sum())), x[seen], y[seen]])
    level, along_x, along_y = np.linalg.lstsq(terms, values[seen], rcond=None)[0]
    return float(level), float(along_x), float(along_y)


def block_excess(values: Array, size: int) -> Array:
    """Means of blocks of an image that is NaN where not seen, times `size`: of scatter 1 if the noise is white."""
    height, width = (length // size * size for length in values.shape)
    squares = values[:height, :width].reshape(height // size, size, width // size, size)
    blocks = squares.swapaxes(1, 2).reshape(-1, size * size)
    whole = np.isfinite(blocks).mean(axis=1) > 0.9
    return np.asarray(np.nanmean(blocks[whole], axis=1) * size)


def spread(values: Array) -> float:
    """Half the distance from the 16th to the 84th percentile: a standard deviation that halos of stars do not move."""
    low, high = np.nanpercentile(values, [15.87, 84.13])
    return float(high - low) / 2


def scatter_beyond(values: Array, sampling: float) -> float:
    """Spread of numbers beyond what the few pixels behind each explain."""
    return float(np.sqrt(max(spread(values) ** 2 - sampling**2, 0.0)))
