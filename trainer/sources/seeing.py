"""The width of the stars on a frame set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from gz2interp.painting import Part, Psf, Recipe, paint
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE
from trainer.sources.detection import detect

__all__ = ["psf_of", "stellar_fwhm"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

HALF: Final = 12
"""Of the window about a star [pixel]."""

FLUXES: Final = (25.0, 800.0)
"""Of the stars that are fitted [nanomaggies]: bright enough to be measured in every band, and not saturated."""

PEAK: Final = 25.0
"""[nanomaggies per pixel]: what is above may be clipped."""

MOST, LEAST = 60, 5
"""Objects that are looked at, and stars that must be among them."""

NEAR: Final = 9
"""Pixels by which a star may be elsewhere in another band."""

PAINTED_STAR: Final = (20.0, 50.0, 90.0, 115.0, 125.0)
PAINTED_STARS: Final = 9
"""A star among those that are fitted [nanomaggies], and how many are painted to be measured alike."""

POINTLIKE: Final = 0.15
"""Stars are as wide as the median object to so many arcsec; galaxies are wider."""


def stellar_fwhm(frames: Sequence[Floats], reference: int) -> tuple[float, ...]:
    """Full width at half maximum of the stars in each band [arcsec].

    Parameters
    ----------
    frames : sequence of float32 (y, x), nanomaggies
        Native pixels, one per band, aligned to a few pixels.
    reference : int
        The band in which stars are looked for: r.

    Returns
    -------
    tuple of float
        NaN for all where fewer than five isolated stars are found, and for a band in which they are too faint.

    Notes
    -----
    A round Moffat profile, averaged over pixels, is fitted to each star; the median over the stars is taken. Wings
    beyond 5 arcsec are not seen by it.
    """
    light = frames[reference]
    flux, x, y = detect(light).T
    usable = (flux > FLUXES[0]) & (flux < FLUXES[1])
    order = np.flatnonzero(usable)[np.argsort(-flux[usable])][:MOST]
    places = [(round(float(x[place])), round(float(y[place]))) for place in order]
    alone = [place for place in places if _is_alone(light, *place)]
    widths = np.array([_width(light, *place) for place in alone])
    stars = [place for place, width in zip(alone, widths, strict=True) if abs(width - np.nanmedian(widths)) < POINTLIKE]
    if len(stars) < LEAST:
        return (float("nan"),) * len(frames)
    return tuple(_median([_width(frame, *_peak(frame, *star)) for star in stars]) for frame in frames)


def psf_of(fwhm: Sequence[float]) -> Psf:
    """The painter's PSF under which `stellar_fwhm` measures these widths: its stars are no Moffat profiles."""
    scales = np.array(fwhm) / np.array(_painted_fwhm())
    return Psf(tuple(round(float(width), 4) for width in np.array(Psf().fwhm) * scales))


@cache
def _painted_fwhm() -> tuple[float, ...]:
    """What is measured of painted stars in median seeing, under median noise: it weighs their wings."""
    star = Part("star", PAINTED_STAR, {})
    images = [paint(Recipe("star", seed, (star,))).cutout.image for seed in range(PAINTED_STARS)]
    middle = images[0].shape[0] // 2
    return tuple(_median([_width(image[..., band], middle, middle) for image in images]) for band in range(len(BANDS)))


def _median(widths: Sequence[float]) -> float:
    known = [width for width in widths if np.isfinite(width)]
    return float(np.median(known)) if len(known) >= LEAST else float("nan")


def _peak(light: Floats, x: int, y: int) -> tuple[int, int]:
    """The brightest pixel near a star of another band: the bands of a frame set lie some pixels beside one another."""
    near = ndimage.gaussian_filter(light[max(y - NEAR, 0) : y + NEAR + 1, max(x - NEAR, 0) : x + NEAR + 1], 1.0)
    row, column = np.unravel_index(int(np.nan_to_num(near, nan=-np.inf).argmax()), near.shape)
    return max(x - NEAR, 0) + int(column), max(y - NEAR, 0) + int(row)


def _window(light: Floats, x: int, y: int) -> Floats | None:
    if min(x, y) < HALF or y + HALF >= light.shape[0] or x + HALF >= light.shape[1]:
        return None
    window = light[y - HALF : y + HALF + 1, x - HALF : x + HALF + 1]
    return window if np.isfinite(window).all() else None


def _is_alone(light: Floats, x: int, y: int) -> bool:
    window = _window(light, x, y)
    if window is None or window.max() > PEAK:
        return False
    rows, columns = np.indices(window.shape) - HALF
    return bool(window[np.hypot(rows, columns) > 7].max() < max(0.3, 0.05 * window.max()))


def _width(light: Floats, x: int, y: int) -> float:
    """Of one star; NaN where it does not stand out from the sky, or lies at the edge."""
    window = _window(light, x, y)
    if window is None:
        return float("nan")
    edge = np.concatenate([window[0], window[-1], window[:, 0], window[:, -1]])
    level, sigma = float(np.median(edge)), float(np.std(edge))
    middle = window[HALF - 3 : HALF + 4, HALF - 3 : HALF + 4] - level
    if middle.sum() < 120 * sigma:
        return float("nan")
    row, column = np.unravel_index(int(middle.argmax()), middle.shape)
    start = [column - 3.0, row - 3.0, float(middle.max()) * 1.2, level, 1.35, 3.2]
    limits = ([-4, -4, 0, -np.inf, 0.6, 1.5], [4, 4, np.inf, np.inf, 4, 12])
    error = np.hypot(sigma, 0.02 * window)
    found = optimize.least_squares(lambda given: ((_moffat(given) - window) / error).ravel(), start, bounds=limits)
    return float(found.x[4])


def _moffat(given: Doubles) -> Doubles:
    """On the window, from three samples a pixel and axis."""
    x, y, peak, level, fwhm, beta = given
    scale = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1)) / NATIVE_PIXEL_SCALE
    size = 2 * HALF + 1
    fine = (np.arange(3 * size) - 3 * HALF - 1) / 3
    squared = ((fine - x)[None, :] ** 2 + (fine - y)[:, None] ** 2) / scale**2
    return np.asarray(level + peak * ((1 + squared) ** -beta).reshape(size, 3, size, 3).mean(axis=(1, 3)))
