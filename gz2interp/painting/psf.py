"""The point spread function: a Moffat profile per band, wide wings included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.grid import FIELD_SIZE
from gz2interp.painting.tables import moffat_transfer
from gz2interp.schema import NATIVE_PIXEL_SCALE

__all__ = ["Psf", "draw_psf", "transfer"]

Floats = NDArray[np.float32]

MEDIAN_FWHM = (1.48, 1.42, 1.32, 1.27, 1.25)
"""u g r i z [arcsec]: stars of a real SDSS frame, within 0.05 arcsec of the survey's medians."""

BETA = 3.0
"""Exponent of the Moffat profile: the median over stars of that frame is 3.1, 3.0, 3.1, 3.1, 2.8."""


@dataclass(frozen=True)
class Psf:
    """A round Moffat PSF per band.

    Attributes
    ----------
    fwhm : float per band
        [arcsec], before the pixel adds its own 2 %.
    beta : float
        Exponent; the smaller, the wider the wings.
    """

    fwhm: tuple[float, ...] = MEDIAN_FWHM
    beta: float = BETA

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Psf:
        """The inverse of `to_json`."""
        return cls(tuple(record["fwhm"]), record["beta"])


def draw_psf(rng: Generator) -> Psf:
    """A night's seeing: bands vary together by 8 %, and by 2 % each on its own."""
    together = 0.08 * rng.standard_normal()
    apart = 0.02 * rng.standard_normal(len(MEDIAN_FWHM))
    return Psf(tuple(round(float(fwhm), 4) for fwhm in MEDIAN_FWHM * np.exp(together + apart)))


def transfer(psf: Psf) -> Floats:
    """Fourier transform of the PSF on the field, for `scipy.fft.rfft2`.

    Returns
    -------
    float32 (band, y frequency, x frequency)
    """
    half_width_in_scales = np.sqrt(2 ** (1 / psf.beta) - 1)
    scales = np.asarray(psf.fwhm, np.float32) / np.float32(2 * half_width_in_scales)
    return moffat_transfer(psf.beta)(scales[:, None, None] * _wave_numbers())


@cache
def _wave_numbers() -> Floats:
    """[radian/arcsec]."""
    y = np.fft.fftfreq(FIELD_SIZE, NATIVE_PIXEL_SCALE)[:, None]
    x = np.fft.rfftfreq(FIELD_SIZE, NATIVE_PIXEL_SCALE)[None, :]
    wave_numbers: Floats = (2 * np.pi * np.hypot(y, x)).astype(np.float32)
    return wave_numbers
