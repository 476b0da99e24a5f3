"""How good each image is: what of it comes from the sky, the telescope and the cutting out, and not from the galaxy.

A pure function of pixels, so that any engine may run it, shard by shard.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.measure.bars import FWHM
from gz2interp.measure.outskirts import (
    ABOVE,
    PORTION,
    MeasuredImages,
    frame_of,
    measure,
    planes,
    signal_of,
    star_widths,
)

__all__ = ["GALAXY_COLUMNS", "image_quality", "quality_columns"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[np.float32]]

GALAXY_COLUMNS = ("extent", "reach", "light")
"""Of the galaxy rather than of its image: they tell which galaxies may be compared."""

PER_BAND = ("sky", "psf", "depth", "background", "gradient")
OF_IMAGE = ("smoothing", "invalid", "zero", "edge", "flat", "neighbour")

FLAT = 0.995
"""Of a band's brightest pixel: a peak of several pixels as bright as that has been cut off."""

FLAT_FROM = 50.0
"""Standard deviations of the sky from which on a peak can be cut off."""

LIMIT = 5.0
"""Standard deviations at which a star counts as seen, for the depth."""

ZERO_POINT = 22.5
"""Magnitude of one nanomaggy."""


def quality_columns(bands: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, in order."""
    return (*(f"{what}_{band}" for what in PER_BAND for band in bands), *OF_IMAGE, *GALAXY_COLUMNS)


def image_quality(
    images: ArrayLike,
    valid: ArrayLike,
    bands: Sequence[str],
    pixel_scale: ArrayLike,
    psf_fwhm: ArrayLike | None = None,
) -> Columns:
    """The quality of n images.

    Parameters
    ----------
    images : float32 (n, y, x, band)
        Nanomaggies per cutout pixel.
    valid : bool (n, y, x)
    bands : sequence of str
    pixel_scale : float (n,)
        [arcsec]; NaN where unknown.
    psf_fwhm : float (n, band), optional
        [arcsec]; where it is NaN, a star in the cutout is measured.

    Returns
    -------
    dict of float32 (n,)
        Of each band ``sky`` (scatter of the sky [nanomaggies per pixel]), ``psf`` (full width at half maximum
        [arcsec]), ``depth`` (magnitude of a star at five standard deviations), ``background`` (its level in the middle)
        and ``gradient`` (its rise from the middle to the edge), both in scatters of the sky. Of the image ``smoothing``
        (correlation of neighbouring pixels' noise), ``invalid`` and ``zero`` (shares of pixels), ``edge`` (share of the
        border with light of the galaxy), ``flat`` (pixels of a peak that was cut off), ``neighbour`` (peak of the
        brightest other object in the outskirts, in standard deviations). Of the galaxy ``extent`` (share of the
        cutout), ``reach`` (of its farthest light from the middle, in half widths of the cutout) and ``light`` (all
        bands together [nanomaggies]). NaN where unknown.

    Raises
    ------
    InputError
        The arrays do not fit one another.
    """
    pixels, mask = np.asarray(images, np.float32), np.asarray(valid, np.bool_)
    scale = np.asarray(pixel_scale, np.float32)
    if pixels.ndim != 4 or pixels.shape[3] != len(bands) or scale.shape != (len(pixels),):
        raise InputError(
            f"Images {pixels.shape}, {len(bands)} bands and pixel scales {scale.shape} were given",
            "Images (n, y, x, band), the name of each band, and one pixel scale for each image",
        )
    psf_widths = np.full((len(pixels), len(bands)), np.nan) if psf_fwhm is None else np.asarray(psf_fwhm, np.float32)
    starts = range(0, max(len(pixels), 1), PORTION)
    parts = [_portion(pixels[at : at + PORTION], mask[at : at + PORTION], scale[at : at + PORTION]) for at in starts]
    measured = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _named(measured, bands, scale, psf_widths.reshape(len(pixels), len(bands)))


def _portion(images: Floats, valid: Bools, scale: Floats) -> Columns:
    """What a few galaxies show; columns of bands are (n, band)."""
    galaxies = measure(images, valid)
    signal = signal_of(galaxies.images, galaxies.plane, galaxies.sigma)
    above = (images - planes(galaxies.plane, images.shape[1:3])) * (valid & galaxies.galaxy)[..., None]
    return {
        "sky": galaxies.sigma,
        "psf": star_widths(galaxies) * scale[:, None],
        "background": galaxies.plane[:, 0] / galaxies.sigma,
        "gradient": np.hypot(galaxies.plane[:, 1], galaxies.plane[:, 2]) / galaxies.sigma,
        "smoothing": galaxies.correlation,
        "invalid": _share(~valid),
        "zero": _share((images == 0).any(axis=3) & valid),
        "edge": _edge(signal, galaxies),
        "flat": _flat(images, galaxies.sigma),
        "neighbour": _neighbour(signal, galaxies),
        "extent": _share(galaxies.galaxy),
        "reach": _reach(galaxies.galaxy),
        "light": above.sum(axis=(1, 2, 3)),
    }


def _named(measured: Columns, bands: Sequence[str], scale: Floats, psf_widths: Floats) -> Columns:
    measured["psf"] = np.where(np.isfinite(psf_widths), psf_widths, measured["psf"])
    width = measured["psf"] / scale[:, None] / FWHM
    noise = measured["sky"] * np.sqrt(4 * np.pi) * np.maximum(width, 0.5)  # of the best filter for a Gaussian star
    measured["depth"] = ZERO_POINT - 2.5 * np.log10(LIMIT * noise)
    columns = {f"{what}_{band}": measured[what][:, at] for what in PER_BAND for at, band in enumerate(bands)}
    columns |= {what: measured[what] for what in (*OF_IMAGE, *GALAXY_COLUMNS)}
    return {name: np.asarray(columns[name], np.float32) for name in quality_columns(bands)}


def _share(where: Bools) -> Floats:
    return np.asarray(where.mean(axis=(1, 2)), np.float32)


def _edge(signal: Floats, galaxies: MeasuredImages) -> Floats:
    """The mask of the galaxy has a margin; what counts is light."""
    border = np.ones(signal.shape[1:], np.bool_)
    border[1:-1, 1:-1] = False
    return np.asarray(((signal > ABOVE) & galaxies.galaxy)[:, border].mean(axis=1), np.float32)


def _reach(galaxy: Bools) -> Floats:
    y, x = (np.abs(np.arange(side) - (side - 1) / 2) / (side / 2) for side in galaxy.shape[1:])
    return np.asarray((galaxy * np.maximum(y[:, None], x[None, :])).max(axis=(1, 2)), np.float32)


def _flat(images: Floats, sigma: Floats) -> Floats:
    """Pixels beside the brightest that are as bright, in the band where they are most."""
    top = images.max(axis=(1, 2))
    same = (images >= FLAT * top[:, None, None]).sum(axis=(1, 2)) - 1
    return np.asarray(np.where(top > FLAT_FROM * sigma, same, 0).max(axis=1), np.float32)


def _neighbour(signal: Floats, galaxies: MeasuredImages) -> Floats:
    outskirts = frame_of(signal.shape[1:])[None] & galaxies.valid & ~galaxies.galaxy
    return np.asarray(np.where(outskirts, signal, 0).max(axis=(1, 2)), np.float32)
