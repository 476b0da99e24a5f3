"""Seeing of a frame set: PSF FWHM per band, from fits of the painter's PSF to isolated stars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from astropy.wcs.utils import proj_plane_pixel_area
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from gz2interp.painting.psf import MEDIAN_FWHM, STARS, Star
from gz2interp.schema import BANDS
from trainer.sources.detection import detect
from trainer.sources.frame_sets import Frame
from trainer.sources.judging import scatter

__all__ = ["MIN_STARS", "Seeing", "fit_star", "seeing_of"]

Doubles = NDArray[np.float64]

BRIGHT, FAINT = 16.0, 19.5
"""Magnitude range of the stars in the detection band: brighter ones saturate, fainter objects are often galaxies."""

MAX_STARS, MIN_STARS = 40, 5

ISOLATION_RADIUS: Final = 6.0
"""Radius [arcsec] without another object brighter than a fiftieth of the star."""

HALF_STAMP: Final = 8
"""Half width of the fitted stamp [pixel]."""

MAX_RELATIVE_ERROR = 0.1
"""Largest relative error of a star's width."""

NODES = 0.5 / np.sqrt(3)
"""Offset of the samples from the centre of a pixel: Gauss quadrature with two nodes per axis."""


@dataclass(frozen=True)
class Seeing:
    """PSF widths of a frame set.

    Attributes
    ----------
    fwhm : float per frame
        [arcsec], as in `gz2interp.painting.Psf`, without the 2 % that pixels add. NaN where unknown.
    stars : int per frame
        Number of stars measured.
    reason : str
        Why it is unknown in some bands; "" if it is known in all.
    """

    fwhm: tuple[float, ...]
    stars: tuple[int, ...]
    reason: str = ""


def seeing_of(frames: Sequence[Frame], bands: Sequence[str] = BANDS) -> Seeing:
    """Measure the seeing of a frame set.

    Notes
    -----
    Objects are detected in r, or in the middle band. Isolated objects are stars or galaxies; stars are selected as the
    densest concentration of widths. The result is the median width of the stars in each band. The variation of the
    width over a frame, about 4 % (one standard deviation), is neglected.
    """
    main = bands.index("r") if "r" in bands else len(bands) // 2
    x, y = _isolated(frames[main])
    ra, dec = frames[main].wcs.pixel_to_world_values(x, y)
    fitted = {main: _widths(frames[main], x, y, bands[main])}
    stars = _of_one_width(fitted[main])
    for place, frame in enumerate(frames):
        if place != main:
            x, y = map(np.asarray, frame.wcs.world_to_pixel_values(ra[stars], dec[stars]))
            fitted[place] = _widths(frame, x, y, bands[place])
    fitted[main] = fitted[main][stars]
    good = [widths[np.isfinite(widths)] for _, widths in sorted(fitted.items())]
    few = [f"{len(widths)} in {band}" for widths, band in zip(good, bands, strict=True) if len(widths) < MIN_STARS]
    reason = f"of the {MIN_STARS} isolated stars needed, there are {', '.join(few)}" if few else ""
    fwhm = tuple(float(np.median(widths)) if len(widths) >= MIN_STARS else float("nan") for widths in good)
    return Seeing(fwhm, tuple(map(len, good)), reason)


def fit_star(stamp: Doubles, star: Star, width: float, pixel: float, variance: Doubles | float) -> tuple[float, float]:
    """Fit the width of a star.

    Parameters
    ----------
    stamp : float (y, x)
        The star on a uniform sky, within a pixel or two of the centre of the stamp.
    star : Star
        Radial profile of the PSF.
    width : float
        FWHM of the profile [arcsec].
    pixel : float
        Pixel scale [arcsec].
    variance : float (y, x) or float
        Of the pixels of the stamp.

    Returns
    -------
    fwhm, error : float
        [arcsec].
    """
    weight = np.broadcast_to(1 / np.sqrt(variance), stamp.shape)
    y, x = (np.mgrid[: stamp.shape[0], : stamp.shape[1]] - (np.array(stamp.shape)[:, None, None] - 1) / 2) * pixel
    data = (stamp * weight).ravel()

    def residuals(guess: Doubles) -> Doubles:
        scale = np.exp(guess[0])
        light = sum(
            _profile(star, np.hypot(x + a * pixel - guess[1], y + b * pixel - guess[2]) / scale)
            for a in (-NODES, NODES)
            for b in (-NODES, NODES)
        )
        # Flux and sky are linear parameters: solved for the present width and position.
        model = np.stack([(light * weight).ravel(), weight.ravel()], axis=1)
        linear, *_ = np.linalg.lstsq(model, data, rcond=None)
        return np.asarray(data - model @ linear)

    fit = least_squares(residuals, np.zeros(3), method="lm", x_scale=(0.1, pixel / 2, pixel / 2), max_nfev=80)
    curvature = fit.jac.T @ fit.jac
    error = np.sqrt(np.linalg.inv(curvature)[0, 0]) if np.linalg.cond(curvature) < 1e12 else np.inf
    fwhm = width * np.exp(fit.x[0])
    return float(fwhm), float(error * fwhm)


def _isolated(frame: Frame) -> tuple[Doubles, Doubles]:
    """Positions (x, y) of isolated objects in the magnitude range, brightest first."""
    flux, x, y = detect(frame.data).T
    magnitude = 22.5 - 2.5 * np.log10(flux)
    places = np.column_stack([x, y])
    beside = cKDTree(places).query_ball_point(places, ISOLATION_RADIUS / _pixel(frame)) if len(places) else []
    isolated = [flux[others].sum() < 1.02 * light for others, light in zip(beside, flux, strict=True)]
    selected = np.flatnonzero((magnitude > BRIGHT) & (magnitude < FAINT) & np.array(isolated, dtype=bool))
    brightest = selected[np.argsort(-flux[selected], kind="stable")][:MAX_STARS]
    return x[brightest], y[brightest]


def _widths(frame: Frame, x: Doubles, y: Doubles, band: str) -> Doubles:
    """FWHM of the stars at these positions [arcsec]; NaN where the error exceeds `MAX_RELATIVE_ERROR`."""
    index = BANDS.index(band) if band in BANDS else BANDS.index("r")
    star, width, pixel = STARS[index], MEDIAN_FWHM[index], _pixel(frame)
    sky = scatter(frame.data[::4, ::4]) ** 2
    electrons = frame.counts.electrons / float(frame.counts.nanomaggies.mean()) if frame.counts else np.inf
    widths = np.full(len(x), np.nan)
    for place, (column, row) in enumerate(zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True)):
        stamp = frame.data[
            max(row - HALF_STAMP, 0) : row + HALF_STAMP + 1,
            max(column - HALF_STAMP, 0) : column + HALF_STAMP + 1,
        ]
        if stamp.shape == (2 * HALF_STAMP + 1, 2 * HALF_STAMP + 1) and np.isfinite(stamp).all():
            light = stamp.astype(np.float64)
            fwhm, error = fit_star(light, star, width, pixel, sky + np.maximum(light, 0) / electrons)
            widths[place] = fwhm if error < MAX_RELATIVE_ERROR * fwhm else np.nan
    return widths


def _of_one_width(widths: Doubles) -> NDArray[np.intp]:
    """Indices of the most common width: within three standard deviations of the densest third."""
    finite = np.flatnonzero(np.isfinite(widths))
    size = np.log(np.sort(widths[finite]))
    if len(finite) < MIN_STARS:
        return finite
    third = max(MIN_STARS, len(finite) // 3)
    spans = size[third - 1 :] - size[: len(size) - third + 1]
    first = int(np.argmin(spans))
    middle, spread = size[first : first + third].mean(), max(spans[first], 0.04)
    return np.asarray(finite[np.abs(np.log(widths[finite]) - middle) < 3 * spread])


def _profile(star: Star, radius: Doubles) -> Doubles:
    """Surface brightness of a star of unit flux."""
    scale = star.wing / (2 * np.sqrt(2 ** (1 / star.beta) - 1))
    wing = (star.beta - 1) / (np.pi * scale**2) * (1 + (radius / scale) ** 2) ** -star.beta
    in_core = 1 - star.in_skirt - star.in_wing
    return np.asarray(
        in_core * _gaussian(star.core, radius) + star.in_skirt * _gaussian(star.skirt, radius) + star.in_wing * wing
    )


def _gaussian(fwhm: float, radius: Doubles) -> Doubles:
    steep = 4 * np.log(2) / fwhm**2
    return np.asarray(steep / np.pi * np.exp(-steep * radius**2))


def _pixel(frame: Frame) -> float:
    """Width of a pixel [arcsec]."""
    return float(np.sqrt(proj_plane_pixel_area(frame.wcs))) * 3600
