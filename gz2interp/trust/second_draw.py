"""The same galaxy under another draw of photons: a map that changes with them tells of noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.replacements import scatter_at_rim
from gz2interp.painting.noise import ELECTRONS
from gz2interp.schema import BANDS

__all__ = ["electrons_of", "second_draw"]

Floats = NDArray[np.float32]


def second_draw(
    images: Floats, sky_sigma: Floats, electrons: Sequence[float], generator: np.random.Generator
) -> Floats:
    """Images with noise drawn once more on top of what they have, float32 (n, y, x, band).

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    sky_sigma : float32 (n, band)
        Scatter of the sky, as measured when the cutout was made [nanomaggies per pixel]; NaN where it was not: then
        that at the image's rim.
    electrons : sequence of float
        Per nanomaggy in each band, for the galaxy's own photons; infinite where that is not known.
    generator : numpy.random.Generator
        All images share one draw, each scaled to its own noise.

    Notes
    -----
    What is there already has its own noise, so the galaxy's photons scatter by the light that is seen, and the new
    image is noisier than the first by the square root of two.
    """
    measured = np.where(np.isfinite(sky_sigma), sky_sigma, scatter_at_rim(images))[:, None, None, :]
    variance = np.square(measured) + np.maximum(images, 0) / np.asarray(electrons, np.float32)
    drawn = generator.standard_normal(images.shape[1:], dtype=np.float32)
    return np.asarray(images + np.sqrt(variance) * drawn, np.float32)


def electrons_of(bands: Sequence[str]) -> tuple[float, ...]:
    """Electrons per nanomaggy in SDSS' bands, as in `gz2interp.painting.noise`; infinite for other bands."""
    known = dict(zip(BANDS, ELECTRONS, strict=True))
    return tuple(known.get(band, float("inf")) for band in bands)
