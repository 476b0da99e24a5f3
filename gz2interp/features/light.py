"""What the light of a survey's cutouts is like: spectra, colours, noise and range, gathered in one pass.

Everything but the fluxes is told of *stretched* images, s = asinh(flux / softening): about linear in the sky, about
magnitudes in the galaxy, so that a nucleus does not drown the disc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.features.counting import Counts

__all__ = ["Light", "light_of", "magnitudes_of"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TO_SIGMA = 1.4826
"""A Gaussian's standard deviation over its median absolute deviation."""

RIM = 0.08
"""Share of the width, on each side, in which the sky is measured."""

QUIETEST = 1e-4
"""A sky so quiet, as a share of the brightest pixels, counts as noisy as that: pictures without noise exist."""

OUTER = (0.05, 0.95)
"""What counts as usual, of spectra, powers and colours."""

REACH = 0.99
"""Share of the galaxies with less light at some distance from the middle than a feature image may have there."""

EXTREME = (0.001, 0.999)
"""The range of fluxes: beyond lie stars that bleed and pixels that broke."""


@dataclass(frozen=True, eq=False)
class Light:
    """What a survey's cutouts look like, of any number of bands.

    Attributes
    ----------
    bands : tuple of str
    galaxies : int
        How many were looked at.
    sky : float32 (band,)
        Scatter of the sky [nanomaggies per pixel].
    softening : float32 (band,)
        Of the stretch [nanomaggies per pixel]: the sky's scatter.
    mean : float32 (band,)
        Of stretched pixels.
    covariance : float32 (band, band)
        Of stretched pixels.
    spectrum : float32 (band, fy, fx)
        Mean magnitude of the stretched images' Fourier transforms, as `numpy.fft.rfft2` lays them out.
    spectrum_range : float32 (2, band, fy, fx)
        Its 5th and 95th percentile at frequencies as high, in any direction.
    lowest, highest : float32 (band,)
        The range of fluxes [nanomaggies per pixel]: one pixel in a thousand is fainter, and at the distance from the
        middle that is brightest one in a thousand is brighter.
    reach : float32 (y, x, band)
        Stretched light that one pixel in a hundred exceeds at that distance from the middle.
    power : float32 (2, band)
        Root mean square of a stretched image, 5th and 95th percentile over the galaxies.
    colours : float32 (2, band - 1)
        5th and 95th percentile over the galaxies of the colour of all light, between neighbouring bands [mag].
    """

    bands: tuple[str, ...]
    galaxies: int
    sky: Floats
    softening: Floats
    mean: Floats
    covariance: Floats
    spectrum: Floats
    spectrum_range: Floats
    lowest: Floats
    highest: Floats
    reach: Floats
    power: Floats
    colours: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a cutout, (y, x, band)."""
        return self.reach.shape[0], self.reach.shape[1], self.reach.shape[2]

    def stretched(self, images: ArrayLike) -> Floats:
        """Stretched images (n, y, x, band) of images in nanomaggies; what is not finite is sky."""
        finite = np.nan_to_num(np.asarray(images, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        return np.arcsinh(finite / self.softening)

    def fluxes(self, stretched: ArrayLike) -> Floats:
        """The inverse of `stretched`, nanomaggies."""
        return np.asarray(np.sinh(np.asarray(stretched, np.float32)) * self.softening, np.float32)


def light_of(batches: Iterable[ArrayLike], bands: Sequence[str] = ()) -> Light:
    """What the light of a survey is like, from one pass over its cutouts.

    Parameters
    ----------
    batches : iterable of float32 (n, y, x, band), nanomaggies
        Of one shape; each is let go before the next is read, so memory does not grow with their number. Some hundred
        galaxies are enough.
    bands : sequence of str, optional
        Their names.

    Raises
    ------
    InputError
        There are no images, or they are of several shapes.
    """
    gathered: _Gathered | None = None
    for batch in batches:
        images = np.asarray(batch, np.float32)
        if not images.size:
            continue
        gathered = gathered or _Gathered(images)
        gathered.add(images)
    if gathered is None:
        raise InputError("No images were given", "Cutouts of the survey", "A few hundred are enough")
    names = tuple(bands) or tuple(f"band {k}" for k in range(gathered.shape[2]))
    if len(names) != gathered.shape[2]:
        raise InputError(f"{len(names)} bands were named", f"The images have {gathered.shape[2]}")
    return gathered.light(names)


def magnitudes_of(stretched: Floats) -> Floats:
    """Magnitude of the Fourier transform of each band, (n, band, fy, fx), of stretched images (n, y, x, band)."""
    return np.abs(np.fft.rfft2(np.moveaxis(stretched, -1, 1))).astype(np.float32)


def colours_of(images: ArrayLike, sky: Floats) -> Floats:
    """Colours of all light between neighbouring bands [mag], (n, band - 1); no light counts as sky's scatter."""
    total = np.nan_to_num(np.asarray(images, np.float64)).sum(axis=(1, 2))
    least = sky * np.sqrt(np.prod(np.shape(images)[1:3]))
    magnitudes = -2.5 * np.log10(np.maximum(total, least))
    return np.asarray(magnitudes[:, :-1] - magnitudes[:, 1:], np.float32)


class _Gathered:
    """Sums and counts, as large after a million galaxies as after one."""

    def __init__(self, first: Floats) -> None:
        if first.ndim != 4:
            raise InputError(f"Images of shape {first.shape} were given", "A batch, (n, y, x, band)")
        self.shape = first.shape[1:]
        self.sky = sky_of(first)
        height, width, bands = self.shape
        self.galaxies, self.total, self.product = 0, np.zeros(bands), np.zeros((bands, bands))
        self.magnitudes = np.zeros((bands, height, width // 2 + 1))
        self.distance, self.frequency = _distances(height, width), _frequencies(height, width)
        rings, notes = int(self.distance.max()) + 1, int(self.frequency.max()) + 1
        self.pixels = Counts((rings, bands), -20, 20)
        self.waves = Counts((notes, bands), -12, 18)
        self.powers, self.colours = Counts((bands,), 0, 20), Counts((max(bands - 1, 0),), -12, 12)

    def add(self, images: Floats) -> None:
        if images.shape[1:] != self.shape:
            raise InputError(f"Images of shape {images.shape[1:]} follow some of {self.shape}", "One shape")
        stretched = np.arcsinh(np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0) / self.sky)
        magnitudes = magnitudes_of(stretched)
        flat = stretched.reshape(-1, self.shape[2]).astype(np.float64)
        self.galaxies += len(images)
        self.total += flat.sum(axis=0)
        self.product += flat.T @ flat
        self.magnitudes += magnitudes.sum(axis=0, dtype=np.float64)
        self.pixels.add(stretched, self.distance[None, :, :, None], np.arange(self.shape[2]))
        bands = np.arange(self.shape[2])[None, :, None, None]
        self.waves.add(np.log(np.maximum(magnitudes, 1e-5)), self.frequency[None, None], bands)
        self.powers.add(np.sqrt(np.mean(stretched**2, axis=(1, 2))), np.arange(self.shape[2]))
        self.colours.add(colours_of(images, self.sky), np.arange(self.shape[2] - 1))

    def light(self, bands: tuple[str, ...]) -> Light:
        pixels = self.galaxies * self.shape[0] * self.shape[1]
        mean = self.total / pixels
        ends = np.exp(self.waves.quantiles(OUTER))  # (2, frequency, band)
        low = self.pixels.together().quantiles(EXTREME[:1])[0]
        reach, high = self.pixels.quantiles((REACH, EXTREME[1]))  # (distance, band)
        return Light(
            bands=bands,
            galaxies=self.galaxies,
            sky=self.sky,
            softening=self.sky,
            mean=mean.astype(np.float32),
            covariance=(self.product / pixels - np.outer(mean, mean)).astype(np.float32),
            spectrum=(self.magnitudes / self.galaxies).astype(np.float32),
            spectrum_range=np.moveaxis(ends[:, self.frequency], -1, 1).astype(np.float32),
            lowest=(np.sinh(low) * self.sky).astype(np.float32),
            highest=(np.sinh(high.max(axis=0)) * self.sky).astype(np.float32),
            reach=_falling(reach)[self.distance].astype(np.float32),
            power=self.powers.quantiles(OUTER).astype(np.float32),
            colours=self.colours.quantiles(OUTER).astype(np.float32),
        )


def _falling(rings: Doubles) -> Doubles:
    """Outwards it never grows again, since a star at one distance is no rule, and nowhere is it less than the sky's noise."""
    return np.maximum(np.maximum.accumulate(rings[::-1])[::-1], 1.0)


def sky_of(images: Floats) -> Floats:
    """Scatter of the sky, (band,), robustly, along the rim of images (n, y, x, band)."""
    wide = [max(round(RIM * side), 1) for side in images.shape[1:3]]
    rim = np.ones(images.shape[1:3], bool)
    rim[wide[0] : -wide[0], wide[1] : -wide[1]] = False
    pixels = images[:, rim]
    pixels = np.where(np.isfinite(pixels), pixels, np.nan).reshape(-1, images.shape[3])
    pixels = np.nan_to_num(pixels)
    sigma = TO_SIGMA * np.median(np.abs(pixels - np.median(pixels, axis=0)), axis=0)
    bright = np.nan_to_num(np.abs(images), posinf=0.0).max(axis=(0, 1, 2))
    floor = np.where(bright > 0, QUIETEST * bright, 1.0)
    return np.asarray(np.maximum(sigma, floor), np.float32)


def _distances(height: int, width: int) -> NDArray[np.int64]:
    y, x = np.ogrid[:height, :width]
    away = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    return np.asarray(np.floor(away), np.int64)


def _frequencies(height: int, width: int) -> NDArray[np.int64]:
    size = max(height, width)
    fy, fx = np.fft.fftfreq(height)[:, None] * size, np.fft.rfftfreq(width)[None] * size
    return np.asarray(np.round(np.hypot(fy, fx)), np.int64)
