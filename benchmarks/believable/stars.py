"""The point spread function: Moffat profiles fitted to single stars, and the wings of bright ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

from .painted import lone_star
from .real import Field
from .report import Line, by_ratio
from .statistics import clipped

__all__ = ["compare_stars"]

Array = NDArray[np.floating]
Floats = NDArray[np.float32]

HALF = 12
"""Of the window of a fit [pixel]."""

FAINT, BRIGHT = (19.0, 17.2), (15.3, 11.0)
"""r magnitudes of the stars that are fitted, and of those whose wings are measured."""

WING_HALF = 62
WING_RADII = (2.4, 3.25, 4.25, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5)
"""[arcsec]."""

KNOWN = 0.15
"""A wing counts where the stars of one side agree to this fraction."""

POINTLIKE = 0.15
"""Stars are as wide as the median star to so many arcsec; galaxies are not."""

SATURATED = 25.0
"""[nanomaggies per pixel]: a peak above may be clipped."""


def compare_stars(field: Field, seed: int, number: int = 24) -> list[Line]:
    """Width, exponent and wings, real and painted."""
    real = [image for image in _real_stars(field, FAINT, 2 * HALF + 1) if _alone(image)]
    painted = [lone_star(seed * 1000 + n, r_mag=17.8).image for n in range(number)]
    middle = slice(32 - HALF, 32 + HALF + 1)
    fits = [_fits(real), _fits([image[middle, middle] for image in painted])]
    stars = [fit[np.abs(fit[:, 2, 0] - np.median(fit[:, 2, 0])) < POINTLIKE] for fit in fits]
    lines = []
    for index, band in enumerate(BANDS):
        fwhm, beta = (np.array([np.nanmedian(fit[:, index, column]) for fit in stars]) for column in (0, 1))
        lines.append(by_ratio(f"{band} FWHM [arcsec], {len(stars[0])} stars", fwhm, 0.1))
        lines.append(by_ratio(f"{band} Moffat's beta", beta, 0.2, ".2f"))
    spread = [float(np.std(fit[:, 2, 0]) / np.mean(fit[:, 2, 0])) for fit in stars]
    lines.append(Line("r FWHM, scatter (field, nights)", f"{spread[0]:.1%}", f"{spread[1]:.1%}", ""))
    return lines + _compare_wings(field, seed)


def _compare_wings(field: Field, seed: int) -> list[Line]:
    real = _real_stars(field, BRIGHT, 2 * WING_HALF + 1)
    painted = [lone_star(seed * 1000 + 500 + n, r_mag=13.5).image for n in range(16)]
    lines = []
    for index, band in enumerate(BANDS):
        (one, its_error), (other, others) = (_mean_wing(images, index) for images in (real, painted))
        apart = -2.5 * np.log10(np.maximum(other, 1e-7) / np.maximum(one, 1e-7))
        known = (its_error < KNOWN * one) & (others < KNOWN * np.maximum(one, other))
        worst = float(np.abs(apart[known]).max())
        reach = WING_RADII[int(np.flatnonzero(known)[-1])]
        what = f"{band} wings to {reach:g} arcsec, worst change"
        lines.append(
            Line(what, f"{len(real)} stars", f"{len(painted)} stars", f"{worst:.2f}", worst < 0.3, "within 0.3 mag")
        )
        words = " ".join(
            f"{radius:g}: {value:+.1f}"
            for radius, value in zip(WING_RADII, apart, strict=True)
            if known[WING_RADII.index(radius)]
        )
        lines.append(Line(f"   [mag] at {words}", "", "", ""))
    return lines


def _mean_wing(images: Sequence[Floats], band: int) -> tuple[Array, Array]:
    """Median over the stars, and its error."""
    wings = np.array([_wing(image[..., band]) for image in images])
    middle = np.nanmedian(wings, axis=0)
    return middle, 1.86 * np.nanmedian(np.abs(wings - middle), axis=0) / np.sqrt(len(wings))


def _real_stars(field: Field, r_range: tuple[float, float], size: int) -> list[Floats]:
    """Cutouts about objects of that brightness that are far from the edges."""
    band, found = BANDS.index("r"), []
    for x, y in field.found(most=200):
        image = field.cut(x, y, size)
        if image is None:
            continue
        light = image[..., band] - clipped(image[..., band])[0]
        middle = light[size // 2 - 10 : size // 2 + 11, size // 2 - 10 : size // 2 + 11].sum()
        r_mag = 22.5 - 2.5 * np.log10(max(float(middle), 1e-3))
        if r_range[1] < r_mag < r_range[0]:
            found.append(image)
    return found


def _alone(image: Floats) -> bool:
    """No neighbour in the window, and not saturated."""
    y, x = np.indices(image.shape[:2]) - image.shape[0] // 2
    light = image[..., BANDS.index("r")]
    ring = light[np.hypot(x, y) > 7]
    return bool(light.max() < SATURATED and ring.max() < max(0.3, 0.05 * light.max()))


def _fits(images: Sequence[Floats]) -> Array:
    """FWHM and beta (star, band, 2); NaN where a star is too faint."""
    return np.array([[_fit(image[..., band]) for band in range(len(BANDS))] for image in images])


def _fit(light: Floats) -> tuple[float, float]:
    """A Moffat profile averaged over pixels: FWHM [arcsec] and beta."""
    half = light.shape[0] // 2
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    sigma = clipped(edge)[1]
    middle = light[half - 3 : half + 4, half - 3 : half + 4]
    if middle.sum() < 120 * sigma:
        return float("nan"), float("nan")
    error = np.hypot(sigma, 0.02 * light)
    y, x = np.unravel_index(middle.argmax(), middle.shape)
    start = [x - 3.0, y - 3.0, float(middle.max()) * 1.2, 0.0, 1.35, 3.2]
    limits = ([-4, -4, 0, -1, 0.6, 1.5], [4, 4, 1e5, 1, 3, 12])
    found = optimize.least_squares(lambda given: ((_moffat(given, half) - light) / error).ravel(), start, bounds=limits)
    return float(found.x[4]), float(found.x[5])


def _moffat(given: Array, half: int) -> Array:
    x0, y0, peak, level, fwhm, beta = given
    scale = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1)) / NATIVE_PIXEL_SCALE
    fine = (np.arange(3 * (2 * half + 1)) - 3 * half - 1) / 3
    squared = ((fine - x0)[None, :] ** 2 + (fine - y0)[:, None] ** 2) / scale**2
    size = 2 * half + 1
    return np.asarray(level + peak * ((1 + squared) ** -beta).reshape(size, 3, size, 3).mean(axis=(1, 3)))


def _wing(light: Floats) -> Array:
    """Surface brightness at `WING_RADII` over that at 2.2 to 4 arcsec, where no star is saturated: medians, robust
    against neighbours.
    """
    y, x = np.indices(light.shape, float)
    half = light.shape[0] // 2
    near = np.hypot(x - half, y - half) < 12
    weight = np.where(near, np.clip(light, 0, 8), 0)
    centre_x, centre_y = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    radius = np.hypot(x - centre_x, y - centre_y) * NATIVE_PIXEL_SCALE
    level = np.median(light[(radius > 20) & (radius < 25)]) if half > 60 else 0.0
    rings = [np.abs(radius - middle) < (0.2 if middle < 3 else 0.25 if middle < 5 else 0.5) for middle in WING_RADII]
    profile = np.array([np.median(light[ring]) for ring in rings]) - level
    # Taken at the bright star's own scale: the mean of three rings, each in units of what a star has there.
    return np.asarray(profile / np.exp(np.mean(np.log(np.maximum(profile[:3], 1e-6)))))
