"""How wide the PSF is: the recipient is blurred to the donor's, and the noise that blurring takes is given back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured
from gz2interp.trust.nuisances.blurring import response, spectra_of, with_spectra
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["seeing"]

Floats = NDArray[np.float32]

FWHM = float(np.sqrt(8 * np.log(2)))
"""Of a Gaussian, in standard deviations."""

KNOWN = 0.5
"""Share of the galaxies whose PSF must be known."""


def _lacking(galaxies: Measured) -> str:
    known = np.isfinite(galaxies.fwhm).all(axis=1).mean() if len(galaxies) else 0.0
    return "" if known >= KNOWN else "the width of the PSF is not known"


def _usable(recipients: Measured, donors: Sequence[Measured]) -> NDArray[np.bool_]:
    return np.asarray(np.all([np.isfinite(each.fwhm).all(axis=1) for each in (recipients, *donors)], axis=0))


@nuisance("seeing", "the seeing in which they were taken", lacking=_lacking, usable=_usable)
def seeing(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> Floats:
    """A Gaussian that widens the recipient's PSF to the donor's where that is wider, band by band.

    To the blurred noise is added what it lacks at each frequency, so that the noise of the sky stays white.
    """
    own = spectra_of(recipients.images)
    white = generator.standard_normal(own.shape, dtype=np.float32) * recipients.sigma[:, None, None]
    return np.stack([_widened(recipients, donor.fwhm, own, white) for donor in donors])


def _widened(recipients: Measured, fwhm: Floats, own: Floats, white: Floats) -> Floats:
    widths = np.sqrt(np.maximum(fwhm**2 - recipients.fwhm**2, 0)) / np.float32(FWHM)  # (n, band)
    left = response(widths, recipients.images.shape[1:3])
    blurry = with_spectra(recipients.images, own * left + white * np.sqrt(np.maximum(1 - left**2, 0)), widths)
    return np.where(recipients.valid[..., None], blurry, recipients.images)
