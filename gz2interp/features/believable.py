"""How far feature images look like the survey's cutouts, and how far two makings of one agree: numbers, NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.features.image_prior import ImagePrior, colours_of, magnitudes_of

__all__ = ["agreement", "random_images", "share_of_colours", "share_of_spectrum"]

Floats = NDArray[np.float32]


def random_images(light: ImagePrior, count: int, seed: int) -> Floats:
    """Images with the survey's mean magnitudes and random phases, nanomaggies: what an image without a meaning excites.

    Returns
    -------
    float32 (n, y, x, band)
        With noise, as the survey's have it, and light below its faintest and above its brightest cut off.
    """
    height, width, bands = light.shape
    generator = np.random.default_rng([seed, 1])
    images = np.empty((count, height, width, bands), np.float32)
    for image in images:
        # Phases of a real image of noise: those of frequencies that mirror one another belong together.
        waves = np.fft.rfft2(generator.standard_normal((height, width)))
        phases = waves / np.maximum(np.abs(waves), 1e-12)
        phases[0, 0] = 1.0
        image[:] = light.fluxes(np.moveaxis(np.fft.irfft2(light.spectrum * phases, s=(height, width)), 0, -1))
    return np.clip(images, light.lowest, light.highest)


def share_of_spectrum(images: ArrayLike, light: ImagePrior, seed: int | None = 0) -> Floats:
    """Which share of its spectrum lies in the survey's 5 to 95 % range, float32 (n,); of cutouts it is about 0.9.

    Images without noise are seen under the survey's, drawn from a seed; None for images that have theirs.
    """
    images = np.asarray(images, np.float32)
    if seed is not None:
        images = images + np.random.default_rng([seed, 2]).standard_normal(light.shape, np.float32) * light.sky
    magnitudes = magnitudes_of(light.stretched(images))
    low, high = light.spectrum_range
    return np.asarray(((magnitudes >= low) & (magnitudes <= high)).mean(axis=(1, 2, 3)), np.float32)


def share_of_colours(images: ArrayLike, light: ImagePrior) -> Floats:
    """Which share of an image's colours lies in the survey's 5 to 95 % range, float32 (n,); NaN of a single band."""
    images = np.asarray(images, np.float32)
    if len(light.sky) < 2:
        return np.full(len(images), np.nan, np.float32)
    colours = colours_of(images, light.sky)
    low, high = light.colours
    return np.asarray(((colours >= low) & (colours <= high)).mean(axis=1), np.float32)


def agreement(first: ArrayLike, second: ArrayLike, light: ImagePrior) -> Floats:
    """Correlation of the magnitudes of two images' spectra, less the survey's mean, float32 (n,).

    Two seeds put a pattern in different places; the magnitudes do not know of places. Unlike patterns agree too, since
    the light of all falls with frequency in like ways: what counts is by how much more like ones do.
    """
    logs = [np.log1p(magnitudes_of(light.stretched(each))) - np.log1p(light.signal) for each in (first, second)]
    centred = [each - each.mean(axis=(1, 2, 3), keepdims=True) for each in logs]
    product = (centred[0] * centred[1]).sum(axis=(1, 2, 3))
    sizes = np.sqrt((centred[0] ** 2).sum(axis=(1, 2, 3)) * (centred[1] ** 2).sum(axis=(1, 2, 3)))
    return np.asarray(product / np.maximum(sizes, 1e-12), np.float32)
