"""The image prior of a survey: spectra, colours, noise and range of its cutouts, gathered in one pass.

Spectra and ranges are those of *stretched* images, s = asinh(flux / sky): about linear in the sky and logarithmic in
the galaxy, so that the nucleus does not dominate the disc. The *grey* flux of a pixel is the stretched mean over bands
of flux / sky.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError

__all__ = [
    "Histograms",
    "ImagePrior",
    "colours_of",
    "distances",
    "frequencies",
    "image_prior",
    "magnitudes_of",
    "ring_weights",
]


STEP = 2.0
"""Distance between one ring and the next [pixel]."""


def distances(height: int, width: int) -> NDArray[np.int64]:
    """Distance from the centre rounded down to whole pixels, (y, x)."""
    return np.asarray(np.floor(_away(height, width)), np.int64)


def frequencies(height: int, width: int) -> NDArray[np.int64]:
    """Frequency rounded to whole waves across the longer side, (fy, fx) in the layout of `numpy.fft.rfft2`."""
    size = max(height, width)
    fy, fx = np.fft.fftfreq(height)[:, None] * size, np.fft.rfftfreq(width)[None] * size
    return np.asarray(np.round(np.hypot(fy, fx)), np.int64)


def ring_weights(height: int, width: int) -> NDArray[np.float32]:
    """Weights of linear interpolation from pixels to rings about the centre, (y * x, ring); a pixel's sum to 1."""
    place = _away(height, width).ravel()[:, None] / STEP
    rings = np.arange(int(np.ceil(place.max())) + 1)
    return np.asarray(np.maximum(1 - np.abs(place - rings), 0), np.float32)


def _away(height: int, width: int) -> NDArray[np.float64]:
    y, x = np.ogrid[:height, :width]
    return np.asarray(np.hypot(y - (height - 1) / 2, x - (width - 1) / 2))


BINS = 1000


class Histograms:
    """Histograms that are filled batch by batch, one for each index of `shape`.

    Parameters
    ----------
    low, high : float
        Range of the bins; values beyond are counted in the outermost bins.
    """

    def __init__(self, shape: tuple[int, ...], low: float, high: float) -> None:
        self.shape, self.low, self.high = shape, low, high
        self.counts = np.zeros((int(np.prod(shape)), BINS), np.int64)

    def add(self, values: NDArray[np.floating], *places: NDArray[np.integer]) -> None:
        """Count values; `places`, of shapes that broadcast with theirs, are the indices of their histograms."""
        if not values.size:
            return
        which = np.ravel_multi_index(np.broadcast_arrays(*places), self.shape)
        bins = ((values - self.low) * (BINS / (self.high - self.low))).astype(np.int64)
        flat = np.broadcast_to(which, values.shape).ravel() * BINS + np.clip(bins, 0, BINS - 1).ravel()
        self.counts += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)

    def together(self) -> Histograms:
        """The histograms summed over the first index."""
        total = Histograms(self.shape[1:], self.low, self.high)
        total.counts = self.counts.reshape(self.shape[0], -1, BINS).sum(axis=0)
        return total

    def quantiles(self, shares: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of each histogram, (share, *shape), to a bin's width."""
        below = np.cumsum(self.counts, axis=1)
        thresholds = np.asarray(shares)[:, None] * below[:, -1]
        bins = np.array(
            [[np.searchsorted(row, value) for row, value in zip(below, values, strict=True)] for values in thresholds]
        )
        middles = self.low + (bins + 0.5) * (self.high - self.low) / BINS
        return np.asarray(middles).reshape(len(shares), *self.shape)


Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TO_SIGMA = 1.4826
"""A Gaussian's standard deviation over its median absolute deviation."""

RIM = 0.08
"""Width of the border in which the sky is measured, as a share of the image's side."""

QUIETEST = 1e-4
"""Least sky noise as a share of the brightest pixels, for pictures without noise."""

OUTER = (0.05, 0.95)
"""Quantiles that limit spectra and colours."""

REACH = 0.99
"""Quantile of the galaxies' flux at each distance from the centre that limits feature images."""

FIRST = 256
"""Number of galaxies, the first ones, in which the sky noise is measured."""

EXTREME = (0.001, 0.999)
"""Quantiles that limit fluxes, to exclude bleeding stars and broken pixels."""

SURE = 0.3
"""A Fourier magnitude is significant where it exceeds that of the noise by this share."""


@dataclass(frozen=True, eq=False)
class ImagePrior:
    """Statistics of a survey's cutouts, which limit feature images; of any number of bands.

    Attributes
    ----------
    galaxies : int
        Number of galaxies.
    sky : float32 (band,)
        Scatter of the sky [nanomaggies per pixel].
    mean : float32 (band,)
        Of stretched pixels.
    covariance : float32 (band, band)
        Of stretched pixels.
    spectrum : float32 (band, fy, fx)
        Mean magnitude of the stretched images' Fourier transforms, in the layout of `numpy.fft.rfft2`.
    spectrum_range : float32 (2, band, fy, fx)
        5th and 95th percentile of the magnitudes at the same frequency, over all directions.
    signal : float32 (band, fy, fx)
        The spectrum minus the noise, averaged over directions; extrapolated as a power law of frequency where the noise
        dominates.
    lowest, highest : float32 (band,)
        Range of fluxes [nanomaggies per pixel]: the 0.1 % quantile of all pixels, and the 99.9 % quantile at the
        brightest distance from the centre.
    reach : float32 (y, x, band + 1)
        99 % quantile of the stretched flux, and last of the grey flux, at each distance from the centre.
    profile : float32 (ring, band + 1)
        95 % quantile of means over rings about the centre.
    colours : float32 (2, band - 1)
        5th and 95th percentile of the galaxies' total colours between neighbouring bands [mag].
    """

    bands: tuple[str, ...]
    galaxies: int
    sky: Floats
    mean: Floats
    covariance: Floats
    spectrum: Floats
    spectrum_range: Floats
    signal: Floats
    lowest: Floats
    highest: Floats
    reach: Floats
    profile: Floats
    colours: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a cutout, (y, x, band)."""
        return self.reach.shape[0], self.reach.shape[1], len(self.sky)

    def stretched(self, images: ArrayLike) -> Floats:
        """Stretched images (n, y, x, band) of images in nanomaggies; values that are not finite become 0."""
        return np.asarray(np.arcsinh(_finite(images) / self.sky), np.float32)

    def fluxes(self, stretched: ArrayLike) -> Floats:
        """The inverse of `stretched`, nanomaggies."""
        return np.asarray(np.sinh(np.asarray(stretched, np.float32)) * self.sky, np.float32)


def image_prior(batches: Iterable[ArrayLike], bands: Sequence[str] = ()) -> ImagePrior:
    """Measure the image prior of a survey in one pass over its cutouts.

    Parameters
    ----------
    batches : iterable of float32 (n, y, x, band), nanomaggies
        Of one shape; one batch is in memory at a time. A few hundred galaxies are enough. The sky noise is measured in
        the first 256.
    bands : sequence of str, optional
        Their names.

    Raises
    ------
    InputError
        There are no images, or they have several shapes.
    """
    some = (images for batch in batches if (images := np.asarray(batch, np.float32)).size)
    first: list[Floats] = []
    for images in some:
        first.append(_batch_like(images, first))
        if sum(map(len, first)) >= FIRST:
            break
    if not first:
        raise InputError("No images were given", "Cutouts of the survey", "A few hundred are enough")
    sums = _PriorSums(np.concatenate(first)[:FIRST])
    for images in chain(first, some):
        sums.add(_batch_like(images, first))
    names = tuple(bands) or tuple(f"band {k}" for k in range(sums.shape[2]))
    if len(names) != sums.shape[2]:
        raise InputError(f"{len(names)} bands were named", f"The images have {sums.shape[2]}")
    return sums.prior(names)


def _batch_like(images: Floats, before: Sequence[Floats]) -> Floats:
    if images.ndim != 4:
        raise InputError(f"Images of shape {images.shape} were given", "A batch, (n, y, x, band)")
    if before and images.shape[1:] != before[0].shape[1:]:
        raise InputError(f"Images of shape {images.shape[1:]} follow some of {before[0].shape[1:]}", "One shape")
    return images


def magnitudes_of(stretched: Floats) -> Floats:
    """Magnitude of the Fourier transform of each band, (n, band, fy, fx), of stretched images (n, y, x, band)."""
    return np.abs(np.fft.rfft2(np.moveaxis(stretched, -1, 1))).astype(np.float32)


def colours_of(images: ArrayLike, sky: Floats) -> Floats:
    """Total colours between neighbouring bands [mag], (n, band - 1); the least flux is the noise of the sum."""
    total = np.nan_to_num(np.asarray(images, np.float64)).sum(axis=(1, 2))
    least = sky * np.sqrt(np.prod(np.shape(images)[1:3]))
    magnitudes = -2.5 * np.log10(np.maximum(total, least))
    return np.asarray(magnitudes[:, :-1] - magnitudes[:, 1:], np.float32)


class _PriorSums:
    """Sums and histograms of cutouts, whose size does not grow with the number of galaxies."""

    def __init__(self, first: Floats) -> None:
        self.shape, self.sky = first.shape[1:], sky_of(first)
        height, width, bands = self.shape
        self.galaxies, self.total, self.product = 0, np.zeros(bands), np.zeros((bands, bands))
        self.magnitudes = np.zeros((bands, height, width // 2 + 1))
        self.distance, self.frequency = distances(height, width), frequencies(height, width)
        self.weights = ring_weights(height, width)
        self.pixels = Histograms((int(self.distance.max()) + 1, bands + 1), -20, 20)
        self.rings = Histograms((self.weights.shape[1], bands + 1), -20, 20)
        self.waves = Histograms((int(self.frequency.max()) + 1, bands), -12, 18)
        self.colours = Histograms((max(bands - 1, 0),), -12, 12)

    def add(self, images: Floats) -> None:
        relative = _finite(images) / self.sky
        mean = relative.mean(axis=-1, keepdims=True)
        stretched = np.arcsinh(relative)
        self.galaxies += len(images)
        self._add_moments(stretched)
        self._add_waves(magnitudes_of(stretched))
        self._add_ranges(np.concatenate([stretched, np.arcsinh(np.maximum(mean, 0))], axis=-1))
        self.colours.add(colours_of(images, self.sky), np.arange(self.shape[2] - 1))

    def _add_moments(self, stretched: Floats) -> None:
        flat = stretched.reshape(-1, self.shape[2]).astype(np.float64)
        self.total += flat.sum(axis=0)
        self.product += flat.T @ flat

    def _add_waves(self, magnitudes: Floats) -> None:
        self.magnitudes += magnitudes.sum(axis=0, dtype=np.float64)
        bands = np.arange(self.shape[2])[None, :, None, None]
        self.waves.add(np.log(np.maximum(magnitudes, 1e-5)), self.frequency[None, None], bands)

    def _add_ranges(self, planes: Floats) -> None:
        every = np.arange(planes.shape[-1])
        self.pixels.add(planes, self.distance[None, :, :, None], every)
        means = np.einsum("npb,pr->nrb", planes.reshape(len(planes), -1, len(every)), self.weights)
        means /= self.weights.sum(axis=0)[:, None]
        self.rings.add(means, np.arange(means.shape[1])[:, None], every)

    def prior(self, bands: tuple[str, ...]) -> ImagePrior:
        pixels = self.galaxies * self.shape[0] * self.shape[1]
        mean = self.total / pixels
        ends = np.exp(self.waves.quantiles(OUTER))  # (2, frequency, band)
        low = self.pixels.together().quantiles(EXTREME[:1])[0, :-1]
        reach, high = self.pixels.quantiles((REACH, EXTREME[1]))  # (distance, band + 1)
        spectrum = self.magnitudes / self.galaxies
        return ImagePrior(
            bands=bands,
            galaxies=self.galaxies,
            sky=self.sky,
            mean=mean.astype(np.float32),
            covariance=(self.product / pixels - np.outer(mean, mean)).astype(np.float32),
            spectrum=spectrum.astype(np.float32),
            spectrum_range=np.moveaxis(ends[:, self.frequency], -1, 1).astype(np.float32),
            signal=np.stack([signal_of(band, self.frequency) for band in spectrum]).astype(np.float32),
            lowest=(np.sinh(low) * self.sky).astype(np.float32),
            highest=(np.sinh(high[:, :-1].max(axis=0)) * self.sky).astype(np.float32),
            reach=_falling(reach)[self.distance].astype(np.float32),
            profile=np.maximum(self.rings.quantiles((OUTER[1],))[0], LEAST_PROFILE).astype(np.float32),
            colours=self.colours.quantiles(OUTER).astype(np.float32),
        )


LEAST_PROFILE = 0.05
"""Lower limit of the profile, in units of the sky noise."""


def signal_of(spectrum: Doubles, frequency: NDArray[np.integer]) -> Doubles:
    """A spectrum (fy, fx) minus its white noise, averaged over all directions.

    The noise is measured at the highest frequencies. Where it dominates, the signal is extrapolated by the power law
    through the last significant frequency and the third before it.
    """
    notes = int(frequency.max()) + 1
    counted = np.bincount(frequency.ravel(), minlength=notes)
    rings = np.bincount(frequency.ravel(), spectrum.ravel(), notes) / np.maximum(counted, 1)
    last = min(spectrum.shape[0] // 2, notes - 1)
    noise = float(np.median(rings[max(int(0.8 * last), 1) : last + 1]))
    sure = rings > (1 + SURE) * noise
    end = int(np.argmin(sure)) if not sure.all() else notes
    if end < 5:  # nothing but noise, or too few frequencies
        return np.asarray(rings[frequency])
    clean = np.sqrt(np.maximum(rings**2 - noise**2, 0))
    slope = np.log(clean[end - 1] / clean[end - 4]) / np.log((end - 1) / (end - 4))
    beyond = np.arange(end, notes)
    clean[end:] = clean[end - 1] * (beyond / (end - 1)) ** min(slope, -1.0)
    return np.asarray(clean[frequency])


def _finite(images: ArrayLike) -> Floats:
    return np.nan_to_num(np.asarray(images, np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _falling(rings: Doubles) -> Doubles:
    """Rings made monotonically decreasing outwards, against single stars, and at least 1, the noise."""
    return np.asarray(np.maximum(np.maximum.accumulate(rings[::-1])[::-1], 1.0))


def sky_of(images: Floats) -> Floats:
    """Robust scatter of the sky, (band,), at the border of images (n, y, x, band)."""
    wide = [max(round(RIM * side), 1) for side in images.shape[1:3]]
    rim = np.ones(images.shape[1:3], bool)
    rim[wide[0] : -wide[0], wide[1] : -wide[1]] = False
    pixels = images[:, rim].reshape(-1, images.shape[3])
    observed = np.isfinite(pixels).all(axis=1) & (pixels != 0).any(axis=1)  # unobserved pixels are 0 in all bands
    pixels = pixels[observed] if observed.any() else np.zeros((1, images.shape[3]), np.float32)
    sigma = TO_SIGMA * np.median(np.abs(pixels - np.median(pixels, axis=0)), axis=0)
    bright = np.nan_to_num(np.abs(images), posinf=0.0).max(axis=(0, 1, 2))
    floor = np.where(bright > 0, QUIETEST * bright, 1.0)
    return np.asarray(np.maximum(sigma, floor), np.float32)
