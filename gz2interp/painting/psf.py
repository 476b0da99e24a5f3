"""The point spread function: two Gaussians and the wide wings of a Moffat profile, in each band.

It is the form in which SDSS' own pipeline describes a star (Lupton et al. 2001, ASP Conf. 238, 269: two Gaussians and a
power law), and stars of a real frame follow it to 0.05 mag out to 12 arcsec, where a single Moffat profile that fits
their cores is fainter by two magnitudes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.grid import FIELD_SIZE, wave_numbers
from gz2interp.painting.profiles import moffat_transfer
from gz2interp.schema import NATIVE_PIXEL_SCALE

__all__ = ["Psf", "Star", "draw_psf", "transfer"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

MEDIAN_FWHM = (1.49, 1.35, 1.40, 1.47, 1.30)
"""u g r i z [arcsec]: of the sum of the three below, in a real SDSS frame."""

SEEING, SEEING_PER_BAND = 0.06, 0.03
"""Scatter of the logarithm of the width between nights, and of each band beside."""


@dataclass(frozen=True)
class Star:
    """Light of a star in one band at the width of `MEDIAN_FWHM`.

    Attributes
    ----------
    core, skirt, wing : float
        Full widths at half maximum of two Gaussians and a Moffat profile [arcsec].
    in_skirt, in_wing : float
        Their shares of the light; the core has the rest.
    beta : float
        Exponent of the Moffat profile.
    """

    core: float
    skirt: float
    in_skirt: float
    in_wing: float
    wing: float
    beta: float


STARS = (
    Star(1.33, 2.27, 0.315, 0.214, 2.33, 2.34),
    Star(1.72, 2.92, 0.078, 0.504, 1.12, 1.88),
    Star(1.52, 3.13, 0.086, 0.353, 1.15, 1.72),
    Star(1.47, 3.00, 0.129, 0.241, 1.26, 1.47),
    Star(1.20, 2.11, 0.274, 0.180, 2.39, 2.11),
)
"""u g r i z: fits to a dozen bright and 25 faint isolated stars of that frame."""


@dataclass(frozen=True)
class Psf:
    """How wide a star is, and where its light falls.

    Attributes
    ----------
    fwhm : float per band
        [arcsec], before the pixel adds its own 2 %. The wings widen with it.
    shift : (x, y) per band
        By how much all light is displaced [arcsec]; empty if by nothing. Native pixels of a camera that takes its bands
        one after another agree to half a pixel.
    """

    fwhm: tuple[float, ...] = MEDIAN_FWHM
    shift: tuple[tuple[float, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self) if self.shift else {"fwhm": self.fwhm}


def draw_psf(rng: Generator) -> Psf:
    """A night's seeing: the bands vary together, and a little each on its own."""
    together, apart = SEEING * rng.standard_normal(), SEEING_PER_BAND * rng.standard_normal(len(MEDIAN_FWHM))
    return Psf(tuple(round(float(fwhm), 4) for fwhm in MEDIAN_FWHM * np.exp(together + apart)))


def transfer(psf: Psf) -> Floats | Spectrum:
    """Fourier transform of the PSF on the field, for `scipy.fft.rfft2`.

    Returns
    -------
    float32, or complex64 if it is shifted (band, y frequency, x frequency)
    """
    kx, ky = wave_numbers()
    half = FIELD_SIZE // 2
    wave_number = np.hypot(kx, ky[: half + 1])
    widths = zip(STARS, psf.fwhm, MEDIAN_FWHM, strict=True)
    upper = [_transfer_of(star, np.float32(width / median) * wave_number) for star, width, median in widths]
    taper = _taper(wave_number)
    upper = [rows * taper for rows in upper]
    # A round PSF: the frequencies below 0 are those above, in reverse.
    spectra = np.stack([np.concatenate([rows, rows[half - 1 : 0 : -1]]) for rows in upper])
    if not psf.shift:
        return spectra
    x, y = np.array(psf.shift, np.float32).T[..., None, None]
    return np.asarray(spectra * np.exp(-1j * (kx * x)) * np.exp(-1j * (ky * y)), np.complex64)


def _taper(wave_number: Floats) -> Floats:
    """1, and down to 0 over the last quarter before the pixels' Nyquist frequency.

    A thousandth of a star's light lies there; cut off sharply it would ring round bright stars.
    """
    nyquist = np.float32(np.pi / NATIVE_PIXEL_SCALE)
    beyond = np.clip(4 * (wave_number / nyquist - np.float32(0.75)), 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * beyond), np.float32)


def _transfer_of(star: Star, wave_number: Floats) -> Floats:
    scale = star.wing / (2 * np.sqrt(2 ** (1 / star.beta) - 1))
    in_core = 1 - star.in_skirt - star.in_wing
    return np.asarray(
        np.float32(in_core) * _gaussian(wave_number, star.core)
        + np.float32(star.in_skirt) * _gaussian(wave_number, star.skirt)
        + np.float32(star.in_wing) * moffat_transfer(star.beta)(np.float32(scale) * wave_number)
    )


def _gaussian(wave_number: Floats, fwhm: float) -> Floats:
    sigma = fwhm / np.sqrt(8 * np.log(2))
    return np.asarray(np.exp(np.float32(-0.5 * sigma**2) * wave_number**2))
