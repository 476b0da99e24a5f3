"""Images under Gaussians of any width, one for each galaxy and band, beyond the edge mirrored: cosine transforms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["blurred", "response", "spectra_of", "with_spectra"]

Floats = NDArray[np.float32]


def blurred(images: Floats, widths: Floats) -> Floats:
    """Each band under a Gaussian; a width of 0 leaves it as it is.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    widths : float32 (n, band)
        Standard deviations [pixel].
    """
    changed = (widths > 0).any(axis=1)
    smooth = images.copy()
    if changed.any():
        some, wide = images[changed], widths[changed]
        smooth[changed] = with_spectra(some, spectra_of(some) * response(wide, some.shape[1:3]), wide)
    return smooth


def spectra_of(images: Floats) -> Floats:
    """Of the images mirrored at their edges, float32 (n, y, x, band); white noise has a white one, as wide."""
    return np.asarray(fft.dctn(images, axes=(1, 2), norm="ortho"))


def with_spectra(images: Floats, spectra: Floats, widths: Floats) -> Floats:
    """The images of these spectra in the bands with a width above 0, and in the others those given."""
    smooth = fft.idctn(spectra, axes=(1, 2), norm="ortho")
    return np.where(widths[:, None, None] > 0, smooth, images).astype(np.float32)


def response(widths: Floats, shape: tuple[int, int]) -> Floats:
    """What a Gaussian leaves of each wave, float32 (n, y, x, band)."""
    ky, kx = (np.pi * np.arange(side) / side for side in shape)
    squares = (ky[:, None] ** 2 + kx[None, :] ** 2).astype(np.float32)
    wide = np.asarray(widths, np.float32)[:, None, None]
    return np.asarray(np.exp(-0.5 * squares[None, :, :, None] * wide**2))
