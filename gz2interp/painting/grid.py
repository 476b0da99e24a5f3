"""Where a profile is sampled, and how the samples become a spectrum that the PSF can be multiplied into.

A profile is evaluated once per pixel of a field half as wide again as the cutout, thrice per pixel and axis around the
middle, and on a finer lattice still at its heart, where a cuspy bulge varies within a pixel. Each lattice replaces the
coarser one beneath it. The margin around the cutout feeds the wings of the PSF back into it, and keeps a Fourier
transform's wrapping round out of it. The transform is that of the field with three samples per pixel: light is not
moved to the nearest pixel's centre before the PSF has spread it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gz2interp.schema import CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = [
    "CELL",
    "FIELD_SIZE",
    "MARGIN",
    "ProfileSamples",
    "field_of",
    "placed",
    "samples",
    "spectrum_of",
    "wave_numbers",
]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

FIELD_SIZE = 3 * CUTOUT_SIZE // 2
MARGIN = (FIELD_SIZE - CUTOUT_SIZE) // 2
LATTICES = ((FIELD_SIZE, 1), (FIELD_SIZE // 3, 3), (FIELD_SIZE // 12, 12))
"""Width in pixels, and samples per pixel and axis: 96 x 1, 32 x 3, 8 x 12, which is 9,216 samples each."""

FINENESS = 3
CELL = NATIVE_PIXEL_SCALE / FINENESS
"""Width of a cell of the field [arcsec]."""


@dataclass(frozen=True, eq=False)
class ProfileSamples:
    """Positions at which a profile is evaluated.

    Attributes
    ----------
    x, y : float32 (sample,)
        From the middle of the cutout, along its x and y axes [arcsec].
    """

    x: Floats
    y: Floats


@cache
def samples() -> ProfileSamples:
    """All lattices, the coarsest first."""
    lattices = [_lattice(width, fineness) for width, fineness in LATTICES]
    x, y = (np.concatenate(axis) for axis in zip(*lattices, strict=True))
    x.flags.writeable = y.flags.writeable = False
    return ProfileSamples(x, y)


def field_of(values: Floats) -> Floats:
    """Means over the cells of the field, of which three a side make a pixel.

    Parameters
    ----------
    values : float32 (sample,)
        A profile at `samples()`.

    Returns
    -------
    float32 (y, x)
        FINENESS * FIELD_SIZE cells a side.
    """
    coarse, *finer = np.split(values, len(LATTICES))
    pixels = coarse.reshape(FIELD_SIZE, FIELD_SIZE)
    field = pixels.repeat(FINENESS, axis=0).repeat(FINENESS, axis=1)
    for (width, fineness), lattice in zip(LATTICES[1:], finer, strict=True):
        cells, samples = width * FINENESS, fineness // FINENESS
        inner = slice((len(field) - cells) // 2, (len(field) + cells) // 2)
        field[inner, inner] = lattice.reshape(cells, samples, cells, samples).mean(axis=(1, 3))
    return field


def spectrum_of(field: Floats) -> Spectrum:
    """Spectrum of the field averaged over pixels, as `scipy.fft.rfft2` would give it had it one sample per pixel.

    Parameters
    ----------
    field : float32 (..., y, x)
        As `field_of` gives it.

    Returns
    -------
    complex64 (..., y frequency, x frequency)
        Up to the pixel's Nyquist frequency, of which a PSF leaves less than a thousandth.
    """
    half = FIELD_SIZE // 2
    columns = fft.fft(fft.rfft(field)[..., : half + 1], axis=-2)
    halves = np.concatenate([columns[..., :half, :], columns[..., -half:, :]], axis=-2)
    return np.asarray(halves * _pixel_response())


@cache
def wave_numbers() -> tuple[Floats, Floats]:
    """Kx (1, x frequency) and ky (y frequency, 1) of the spectra [radian/arcsec]."""
    x = 2 * np.pi * np.fft.rfftfreq(FIELD_SIZE, NATIVE_PIXEL_SCALE)[None, :].astype(np.float32)
    y = 2 * np.pi * np.fft.fftfreq(FIELD_SIZE, NATIVE_PIXEL_SCALE)[:, None].astype(np.float32)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def placed(transform: NDArray[np.inexact], x: float, y: float) -> Spectrum:
    """Spectrum of a profile whose Fourier transform is known, averaged over pixels, as `spectrum_of` gives it.

    Parameters
    ----------
    transform : float32 or complex64 (y frequency, x frequency)
        At `wave_numbers()`, 1 at the origin.
    x, y : float
        Where it stands, from the middle of the cutout [arcsec].
    """
    kx, ky = wave_numbers()
    middle = (FIELD_SIZE - 1) / 2 * NATIVE_PIXEL_SCALE  # from the first pixel's centre
    along_x = _mean_over_pixel(kx) * np.exp(-1j * kx * np.float32(x + middle))
    along_y = _mean_over_pixel(ky) * np.exp(-1j * ky * np.float32(y + middle))
    return np.asarray(transform * along_x * (along_y / np.float32(NATIVE_PIXEL_SCALE**2)), np.complex64)


def _mean_over_pixel(wave_number: Floats) -> Floats:
    return np.asarray(np.sinc(wave_number * np.float32(NATIVE_PIXEL_SCALE / (2 * np.pi))))


@cache
def _pixel_response() -> Spectrum:
    """Mean over a pixel's cells, taken at its middle cell, and the ratio of the two transforms' norms."""
    cells = FIELD_SIZE * FINENESS
    y = 2 * np.pi * np.fft.fftfreq(FIELD_SIZE, 1 / FIELD_SIZE)[:, None] / cells
    x = 2 * np.pi * np.fft.rfftfreq(FIELD_SIZE, 1 / FIELD_SIZE)[None, :] / cells
    mean = (1 + 2 * np.cos(y)) * (1 + 2 * np.cos(x)) / FINENESS**2
    return np.asarray(mean * np.exp(1j * (y + x)) / FINENESS**2, np.complex64)


def _lattice(width: int, fineness: int) -> tuple[Floats, Floats]:
    steps = (np.arange(width * fineness) + 0.5) / fineness - width / 2
    y, x = np.meshgrid(steps * NATIVE_PIXEL_SCALE, steps * NATIVE_PIXEL_SCALE, indexing="ij")
    return x.ravel().astype(np.float32), y.ravel().astype(np.float32)
