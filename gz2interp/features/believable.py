"""Similarity of feature images to the survey's cutouts, and of two feature images of one objective, in NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.features.image_prior import ImagePrior, colours_of, magnitudes_of

__all__ = ["agreement", "random_images", "share_of_colours", "share_of_spectrum"]

Floats = NDArray[np.float32]


def random_images(prior: ImagePrior, count: int, seed: int) -> Floats:
    """Images with the survey's mean Fourier magnitudes and random phases, as a reference for activations.

    Returns
    -------
    float32 (n, y, x, band), nanomaggies
        With the survey's noise, and clipped to its range of fluxes.
    """
    height, width, bands = prior.shape
    generator = np.random.default_rng([seed, 1])
    images = np.empty((count, height, width, bands), np.float32)
    for image in images:
        # Phases of a real image of noise, so that opposite frequencies have conjugate phases.
        waves = np.fft.rfft2(generator.standard_normal((height, width)))
        phases = waves / np.maximum(np.abs(waves), 1e-12)
        phases[0, 0] = 1.0
        image[:] = prior.fluxes(np.moveaxis(np.fft.irfft2(prior.spectrum * phases, s=(height, width)), 0, -1))
    return np.clip(images, prior.lowest, prior.highest)


def share_of_spectrum(images: ArrayLike, prior: ImagePrior, seed: int | None = 0) -> Floats:
    """Share of an image's spectrum within the survey's 5 to 95 % range, float32 (n,); of cutouts it is about 0.9.

    The survey's noise is added from a seed; None for images that already have noise.
    """
    images = np.asarray(images, np.float32)
    if seed is not None:
        images = images + np.random.default_rng([seed, 2]).standard_normal(prior.shape, np.float32) * prior.sky
    magnitudes = magnitudes_of(prior.stretched(images))
    low, high = prior.spectrum_range
    return np.asarray(((magnitudes >= low) & (magnitudes <= high)).mean(axis=(1, 2, 3)), np.float32)


def share_of_colours(images: ArrayLike, prior: ImagePrior) -> Floats:
    """Share of an image's colours within the survey's 5 to 95 % range, float32 (n,); NaN for a single band."""
    images = np.asarray(images, np.float32)
    if len(prior.sky) < 2:
        return np.full(len(images), np.nan, np.float32)
    colours = colours_of(images, prior.sky)
    low, high = prior.colours
    return np.asarray(((colours >= low) & (colours <= high)).mean(axis=1), np.float32)


def agreement(first: ArrayLike, second: ArrayLike, prior: ImagePrior) -> Floats:
    """Correlation of the Fourier magnitudes of two images, minus the survey's mean, float32 (n,).

    Two seeds place a pattern at different positions, on which magnitudes do not depend. Different patterns correlate
    too, since all spectra fall with frequency: the value should be compared with that of images of other objectives.
    """
    logs = [np.log1p(magnitudes_of(prior.stretched(images))) - np.log1p(prior.signal) for images in (first, second)]
    centred = [log - log.mean(axis=(1, 2, 3), keepdims=True) for log in logs]
    product = (centred[0] * centred[1]).sum(axis=(1, 2, 3))
    sizes = np.sqrt((centred[0] ** 2).sum(axis=(1, 2, 3)) * (centred[1] ** 2).sum(axis=(1, 2, 3)))
    return np.asarray(product / np.maximum(sizes, 1e-12), np.float32)
