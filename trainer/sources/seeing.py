"""How wide stars are on a frame set: the width of the painter's own star in each band, fitted to isolated stars."""

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

__all__ = ["LEAST_STARS", "Seeing", "fit_star", "seeing_of"]

Doubles = NDArray[np.float64]

BRIGHT, FAINT = 16.0, 19.5
"""Magnitudes of the stars that are looked at in the band of detection: brighter ones fill pixels, and among fainter
objects galaxies are many."""

MOST_STARS, LEAST_STARS = 40, 5

ALONE: Final = 6.0
"""Arcsec in which there is no other object brighter than a fiftieth of the star."""

REACH: Final = 8
"""Pixels from a star's middle to the edge of the square that is fitted."""

GOOD = 0.1
"""Relative error up to which a star's width counts."""

NODES = 0.5 / np.sqrt(3)
"""Where a pixel is sampled, from its middle on either side: Gauss' rule with two nodes an axis."""


@dataclass(frozen=True)
class Seeing:
    """How wide stars are.

    Attributes
    ----------
    fwhm : float per frame
        [arcsec] Before the pixel adds its own 2 %: what `gz2interp.painting.Psf` calls so. NaN where it is not known.
    stars : int per frame
        How many it was measured on.
    reason : str
        Why it is not known in some; "" if it is.
    """

    fwhm: tuple[float, ...]
    stars: tuple[int, ...]
    reason: str = ""


def seeing_of(frames: Sequence[Frame], bands: Sequence[str] = BANDS) -> Seeing:
    """The seeing of a frame set.

    Parameters
    ----------
    frames : sequence of Frame
    bands : sequence of str
        Their names.

    Notes
    -----
    Objects are found in r, or the middle band. What stands alone is a star or a galaxy; stars all have one width, and
    are told by it: they are where most objects have nearly the same. The median of their widths in each band is the
    answer. Over a frame the width varies by about 4 % (one standard deviation), which the answer leaves out.
    """
    main = bands.index("r") if "r" in bands else len(bands) // 2
    x, y = _alone(frames[main])
    ra, dec = frames[main].wcs.pixel_to_world_values(x, y)
    fitted = {main: _widths(frames[main], x, y, bands[main])}
    stars = _of_one_width(fitted[main])
    for place, frame in enumerate(frames):
        if place != main:
            there = frame.wcs.world_to_pixel_values(ra[stars], dec[stars])
            fitted[place] = _widths(frame, np.asarray(there[0]), np.asarray(there[1]), bands[place])
    fitted[main] = fitted[main][stars]
    good = [widths[np.isfinite(widths)] for _, widths in sorted(fitted.items())]
    few = [f"{len(widths)} in {band}" for widths, band in zip(good, bands, strict=True) if len(widths) < LEAST_STARS]
    reason = f"of {LEAST_STARS} isolated stars, which it takes, there are {', '.join(few)}" if few else ""
    fwhm = tuple(float(np.median(widths)) if len(widths) >= LEAST_STARS else float("nan") for widths in good)
    return Seeing(fwhm, tuple(map(len, good)), reason)


def fit_star(stamp: Doubles, star: Star, width: float, pixel: float, variance: Doubles | float) -> tuple[float, float]:
    """The width of a star, and its error.

    Parameters
    ----------
    stamp : float (y, x)
        The star on an even sky; its middle is within a pixel or two of the stamp's.
    star : Star
        Its form, at the width of `width`.
    width : float
        [arcsec].
    pixel : float
        [arcsec].
    variance : float (y, x) or float
        Of the stamp's pixels.

    Returns
    -------
    fwhm, error : float
        [arcsec].
    """
    weight = np.broadcast_to(1 / np.sqrt(variance), stamp.shape)
    y, x = (np.mgrid[: stamp.shape[0], : stamp.shape[1]] - (np.array(stamp.shape)[:, None, None] - 1) / 2) * pixel
    wanted = (stamp * weight).ravel()

    def missed(guess: Doubles) -> Doubles:
        scale = np.exp(guess[0])
        light = sum(
            _profile(star, np.hypot(x + a * pixel - guess[1], y + b * pixel - guess[2]) / scale)
            for a in (-NODES, NODES)
            for b in (-NODES, NODES)
        )
        # Flux and sky are linear: the best of them for this width and place.
        model = np.stack([(light * weight).ravel(), weight.ravel()], axis=1)
        linear, *_ = np.linalg.lstsq(model, wanted, rcond=None)
        return np.asarray(wanted - model @ linear)

    found = least_squares(missed, np.zeros(3), method="lm", x_scale=(0.1, pixel / 2, pixel / 2), max_nfev=80)
    curvature = found.jac.T @ found.jac
    error = np.sqrt(np.linalg.inv(curvature)[0, 0]) if np.linalg.cond(curvature) < 1e12 else np.inf
    fwhm = width * np.exp(found.x[0])
    return float(fwhm), float(error * fwhm)


def _alone(frame: Frame) -> tuple[Doubles, Doubles]:
    """Objects of the right brightness with nothing beside them, the brightest first (x, y)."""
    flux, x, y = detect(frame.data).T
    magnitude = 22.5 - 2.5 * np.log10(flux)
    places = np.column_stack([x, y])
    beside = cKDTree(places).query_ball_point(places, ALONE / _pixel(frame)) if len(places) else []
    lonely = [flux[others].sum() < 1.02 * own for others, own in zip(beside, flux, strict=True)]
    chosen = np.flatnonzero((magnitude > BRIGHT) & (magnitude < FAINT) & np.array(lonely, dtype=bool))
    brightest = chosen[np.argsort(-flux[chosen], kind="stable")][:MOST_STARS]
    return x[brightest], y[brightest]


def _widths(frame: Frame, x: Doubles, y: Doubles, band: str) -> Doubles:
    """Of the stars at these places [arcsec], NaN where that is not well known."""
    index = BANDS.index(band) if band in BANDS else BANDS.index("r")
    star, width, pixel = STARS[index], MEDIAN_FWHM[index], _pixel(frame)
    sky = scatter(frame.data[::4, ::4]) ** 2
    electrons = frame.counts.electrons / float(frame.counts.nanomaggies.mean()) if frame.counts else np.inf
    widths = np.full(len(x), np.nan)
    for place, (column, row) in enumerate(zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True)):
        stamp = frame.data[max(row - REACH, 0) : row + REACH + 1, max(column - REACH, 0) : column + REACH + 1]
        if stamp.shape == (2 * REACH + 1, 2 * REACH + 1) and np.isfinite(stamp).all():
            light = stamp.astype(np.float64)
            fwhm, error = fit_star(light, star, width, pixel, sky + np.maximum(light, 0) / electrons)
            widths[place] = fwhm if error < GOOD * fwhm else np.nan
    return widths


def _of_one_width(widths: Doubles) -> NDArray[np.intp]:
    """Which have the width that most have: those within three scatters of the densest third."""
    known = np.flatnonzero(np.isfinite(widths))
    size = np.log(np.sort(widths[known]))
    if len(known) < LEAST_STARS:
        return known
    third = max(LEAST_STARS, len(known) // 3)
    spans = size[third - 1 :] - size[: len(size) - third + 1]
    first = int(np.argmin(spans))
    middle, spread = size[first : first + third].mean(), max(spans[first], 0.04)
    return np.asarray(known[np.abs(np.log(widths[known]) - middle) < 3 * spread])


def _profile(star: Star, radius: Doubles) -> Doubles:
    """Surface brightness of a star of unit flux at its own width."""
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
