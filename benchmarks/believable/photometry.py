"""Magnitudes, sizes and profiles of the galaxy in the middle of a cutout, real or painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

from .statistics import clipped, detections

__all__ = ["Subject", "aperture", "centre_of", "petrosian", "radii", "ring_profile", "subject_of"]

Array = NDArray[np.floating]
Floats = NDArray[np.float32]

R_BAND = BANDS.index("r")
LARGEST = 10.0
"""Petrosian radius that a cutout can show [arcsec]."""

PETROSIAN_RATIO = 0.2
"""At the Petrosian radius the brightness is so many times the mean within (Blanton et al. 2001, AJ 121, 2358)."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A galaxy in the middle of a cutout, measured.

    Attributes
    ----------
    image : float32 (y, x, band)
        Sky at 0; NaN on other objects.
    centre : (x, y)
        In the r band [pixel].
    petro_radius : float
        [arcsec]; NaN where the brightness does not fall far enough.
    magnitudes : float (band,)
        Within the Petrosian radius; NaN where there is no light.
    others : int
        Other objects in the cutout.
    """

    image: Floats
    centre: tuple[float, float]
    petro_radius: float
    magnitudes: Array
    others: int


def subject_of(image: Floats) -> Subject:
    """Measure the galaxy in the middle."""
    labels, number = detections(image)
    height, width = labels.shape
    middle = labels[height // 2 - 3 : height // 2 + 3, width // 2 - 3 : width // 2 + 3]
    own = int(np.bincount(middle[middle > 0]).argmax()) if middle.any() else 0
    sky = np.array([clipped(image[..., band][labels == 0])[0] for band in range(image.shape[-1])])
    light = np.where(((labels > 0) & (labels != own))[..., None], np.nan, image - sky).astype(np.float32)
    centre = centre_of(light[..., R_BAND])
    radius = petrosian(light[..., R_BAND], centre)
    flux = np.array([aperture(light[..., band], centre, radius) for band in range(image.shape[-1])])
    magnitudes = 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
    return Subject(light, centre, radius, magnitudes, number - int(own > 0))


def centre_of(light: Array, around: tuple[float, float] | None = None, sigma: float = 2.5) -> tuple[float, float]:
    """Centre of light (x, y) [pixel] under a Gaussian window that follows it, from the middle or a place given."""
    y, x = np.indices(light.shape, float)
    height, width = light.shape
    place = around or ((width - 1) / 2, (height - 1) / 2)
    for _ in range(12):
        weight = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma**2)) * np.clip(
            np.nan_to_num(light), 0, None
        )
        total = max(float(weight.sum()), 1e-9)
        # The window halves a step from where it stands; a little more than twice the step converges fast.
        place = (
            place[0] + 1.6 * (float((weight * x).sum()) / total - place[0]),
            place[1] + 1.6 * (float((weight * y).sum()) / total - place[1]),
        )
        place = (float(np.clip(place[0], 4, width - 5)), float(np.clip(place[1], 4, height - 5)))
    return place


def radii(light: Array, centre: tuple[float, float]) -> Array:
    """Of each pixel from the centre [arcsec]."""
    y, x = np.indices(light.shape, float)
    return np.asarray(np.hypot(x - centre[0], y - centre[1]) * NATIVE_PIXEL_SCALE)


def aperture(light: Array, centre: tuple[float, float], radius: float) -> float:
    """Flux within a circle [arcsec]; pixels on its edge count in part, pixels that are NaN like the others' mean."""
    if not np.isfinite(radius):
        return float("nan")
    weight = np.clip((radius - radii(light, centre)) / NATIVE_PIXEL_SCALE + 0.5, 0, 1)
    seen = np.isfinite(light)
    share = float(weight[seen].sum() / weight.sum())
    return float((weight * np.nan_to_num(light)).sum() / share) if share > 0.5 else float("nan")


def petrosian(light: Array, centre: tuple[float, float]) -> float:
    """Petrosian radius in circles [arcsec]; NaN beyond `LARGEST`."""
    steps = np.arange(1.0, LARGEST + 0.01, 0.1)
    ratios = []
    for radius in steps:
        inside = aperture(light, centre, radius) / (np.pi * radius**2)
        outer, inner = (aperture(light, centre, radius * factor) for factor in (1.25, 0.8))
        ratios.append((outer - inner) / (np.pi * radius**2 * (1.25**2 - 0.8**2)) / inside)
    below = np.flatnonzero(np.array(ratios) < PETROSIAN_RATIO)
    if not below.size or below[0] == 0:
        return float("nan")
    last = below[0]
    share = (ratios[last - 1] - PETROSIAN_RATIO) / (ratios[last - 1] - ratios[last])
    return float(steps[last - 1] + share * 0.1)


def ring_profile(light: Array, centre: tuple[float, float], edges: Array) -> Array:
    """Mean brightness per pixel between consecutive radii [arcsec]; NaN where nothing is seen."""
    fluxes = np.array([aperture(light, centre, edge) for edge in edges])
    areas = np.pi * (edges / NATIVE_PIXEL_SCALE) ** 2
    return np.asarray(np.diff(fluxes) / np.diff(areas))
