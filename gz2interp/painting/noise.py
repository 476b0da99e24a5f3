"""Reproducible noise of an image: photons and read-out, saturation with bleeding, and residuals of sky subtraction.

A sum of independent Poisson numbers is a Poisson number. So the photons of each component are drawn on their own, from
a stream that follows from the recipe's seed and the component's name: the image has exactly the noise of its total
light, and a component that is left out takes exactly its own photons away. The sky has a stream of its own. In an SDSS
frame the sky outshines most galaxies, so its photons and the read noise together have the measured width; the little
that a Poisson number leans to one side is kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.streams import stream
from gz2interp.schema import BANDS, CUTOUT_SIZE

__all__ = [
    "FULL_WELL",
    "Background",
    "Noise",
    "absorbed",
    "bled",
    "digitised",
    "draw_background",
    "draw_noise",
    "photons",
    "sky",
]


Floats = NDArray[np.float32]
Counts = NDArray[np.int64]

MEDIAN_SKY_SIGMA = (0.0426, 0.0170, 0.0275, 0.0441, 0.1605)
"""u g r i z [nanomaggies per pixel of 0.396 arcsec]: clipped scatter of a real SDSS frame."""

SKY_VARIES = (0.07, 0.05, 0.04, 0.06, 0.10)
"""Scatter of the logarithm of these between fields."""

ELECTRONS = (213.0, 1133.0, 1004.0, 719.0, 143.0)
"""u g r i z, electrons per nanomaggy in that frame."""

ELECTRONS_PER_COUNT = (2.17, 4.035, 4.895, 4.76, 4.69)
"""u g r i z: gain of the camera's sixth column, in which the frame was taken."""
SKY_COUNTS = (24.5, 84.6, 140.8, 178.9, 101.4)
"""u g r i z: counts of the sky in a pixel of that frame."""


DIM = 0.2
"""Electrons below which most pixels get none."""


@dataclass(frozen=True)
class Noise:
    """How noisy the image is.

    Attributes
    ----------
    sky_sigma : float per band
        Scatter of the empty sky [nanomaggies per pixel].
    electrons : float per band
        Detected electrons per nanomaggy.
    electrons_per_count : float per band
        The gain: what the camera writes down are whole counts. 0 if they are not to be whole.
    """

    sky_sigma: tuple[float, ...] = MEDIAN_SKY_SIGMA
    electrons: tuple[float, ...] = ELECTRONS
    electrons_per_count: tuple[float, ...] = ELECTRONS_PER_COUNT

    @property
    def per_nanomaggy(self) -> Floats:
        """Electrons per nanomaggy (band, 1, 1)."""
        return _column(self.electrons)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def draw_noise(rng: Generator) -> Noise:
    """The sky of one field: each band's varies by itself."""
    factor = np.exp(np.array(SKY_VARIES) * rng.standard_normal(len(SKY_VARIES)))
    return Noise(tuple(round(float(sigma), 6) for sigma in MEDIAN_SKY_SIGMA * factor))


def photons(expected: Floats, noise: Noise, seed: int, name: str) -> Counts:
    """What is detected of one component, int64 (band, y, x) [electrons].

    Parameters
    ----------
    expected : float32 (band, y, x)
        Its light without noise [nanomaggies per pixel].
    noise : Noise
    seed : int
        The recipe's.
    name : str
        The component's.
    """
    # A transform leaves rounding errors of either sign where there is no light.
    mean = (np.maximum(expected, 0) * noise.per_nanomaggy).ravel()
    rng, dim = stream(seed, f"photons of {name}"), mean < DIM
    counts = np.zeros(mean.size, np.int64)
    counts[~dim] = rng.poisson(mean[~dim])
    _scatter(counts, np.where(dim, mean, 0), rng)
    return counts.reshape(expected.shape)


def _scatter(counts: Counts, mean: Floats, rng: Generator) -> None:
    """Add Poisson numbers of these means, in place, at the cost of a number per photon instead of one per pixel.

    Their sum is a Poisson number, and each photon falls on a pixel with a probability equal to its share of the light.
    """
    up_to = np.cumsum(mean, dtype=np.float64)
    if up_to[-1] > 0:
        photons = rng.random(rng.poisson(up_to[-1])) * up_to[-1]
        np.add.at(counts, np.searchsorted(up_to[:-1], photons, side="right"), 1)


def absorbed(counts: Counts, share: Floats, seed: int, name: str) -> Counts:
    """Which of the photons of one component a screen of dust takes, int64 (band, y, x) [electrons].

    Each is taken with the same chance, so what is left has the noise of the light that is left.

    Parameters
    ----------
    counts : int64 (band, y, x)
        Photons that would be detected without it.
    share : float32 (band, y, x)
        Of the light that it takes.
    seed : int
    name : str
        What the screen and the component are called together.
    """
    return stream(seed, f"photons of {name}").binomial(counts, np.clip(share, 0, 1))


def sky(shape: tuple[int, int], noise: Noise, seed: int) -> Floats:
    """The noise of a subtracted sky, float32 (band, y, x) with mean 0 [nanomaggies]."""
    normal = stream(seed, "sky").standard_normal((len(noise.sky_sigma), *shape), dtype=np.float32)
    # The first term of Cornish and Fisher's expansion has the skewness of the sky's photons.
    return np.asarray(_column(noise.sky_sigma) * (normal + _skewness(noise) / 6 * (normal**2 - 1)))


def digitised(image: Floats, noise: Noise, seed: int) -> Floats:
    """The image as whole counts of the camera above a sky that is none, float32 (band, y, x) [nanomaggies]."""
    count = _column(noise.electrons_per_count) / noise.per_nanomaggy
    if not count.all():
        return image
    zero = stream(seed, "zero").random((len(noise.electrons), 1, 1), dtype=np.float32)
    return np.asarray((np.round(image / count + zero) - zero) * count)


def _skewness(noise: Noise) -> Floats:
    """Of the sky in units of its noise (band, 1, 1): its photons' third moment is their number."""
    sigma = _column(noise.sky_sigma) * noise.per_nanomaggy
    photons = np.minimum(_column(SKY_COUNTS) * _column(ELECTRONS_PER_COUNT), sigma**2)
    return np.asarray(photons / np.maximum(sigma, 1e-6) ** 3)


def _column(values: tuple[float, ...]) -> Floats:
    return np.asarray(values, np.float32)[:, None, None]


FULL_WELL = 300_000.0
"""Electrons that a pixel of SDSS' camera holds before it bleeds (Gunn et al. 1998, AJ 116, 3040)."""


def bled(electrons: Floats) -> Floats:
    """Charge after full pixels have overflowed into their columns, up and down alike, until it has found room.

    Parameters
    ----------
    electrons : float32 (band, y, x)

    Returns
    -------
    float32 (band, y, x)
        The same array if no pixel is full. No pixel above `FULL_WELL`; what runs over an end of a column is lost.
    """
    full = electrons > FULL_WELL
    if not full.any():
        return electrons
    held = electrons.copy()
    for band, x in zip(*np.nonzero(full.any(axis=1)), strict=True):
        column = held[band, :, x]
        over = np.maximum(column - FULL_WELL, 0)
        column[:] = np.minimum(column, FULL_WELL)
        for y in np.flatnonzero(over):
            _pour(column[y + 1 :], over[y] / 2)
            _pour(column[:y][::-1], over[y] / 2)
    return held


def _pour(room: Floats, charge: float) -> None:
    """Fill pixels in order, in place."""
    free = np.maximum(FULL_WELL - room, 0)
    before = np.concatenate([[0], np.cumsum(free)[:-1]])
    room += np.clip(charge - before, 0, free).astype(np.float32)


NONE = (0.0,) * len(BANDS)

LEVEL = (0.022, 0.015, 0.012, 0.038, 0.022)
LEVEL_VARIES = (0.021, 0.047, 0.066, 0.082, 0.026)
IN_COMMON = (0.2, 0.75, 0.85, 0.85, 0.4)
RISE = (0.016, 0.018, 0.020, 0.024, 0.010)
"""Mean and scatter of the planes' height in u g r i z, its correlation with what all bands share, and scatter of their
rise from the middle of the cutout to an edge, in units of the sky's noise: as in a real SDSS frame, where the light of
unseen galaxies and the wings of far stars are left in the sky."""


@dataclass(frozen=True)
class Background:
    """A plane per band.

    Attributes
    ----------
    level : float per band
        In the middle of the cutout [nanomaggies per pixel].
    x_rise, y_rise : float per band
        From the middle to the edge, along x and along y [nanomaggies per pixel].
    """

    level: tuple[float, ...] = NONE
    x_rise: tuple[float, ...] = NONE
    y_rise: tuple[float, ...] = NONE

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"level": list(self.level), "x_rise": list(self.x_rise), "y_rise": list(self.y_rise)}

    def pixels(self) -> Floats:
        """Its light, float32 (band, y, x) [nanomaggies per pixel]."""
        place = ((np.arange(CUTOUT_SIZE) + 0.5) / (CUTOUT_SIZE / 2) - 1).astype(np.float32)
        level, x_rise, y_rise = (
            np.asarray(values, np.float32)[:, None, None] for values in (self.level, self.x_rise, self.y_rise)
        )
        return np.asarray(level + x_rise * place[None, None, :] + y_rise * place[None, :, None])


def draw_background(rng: Generator, noise: Noise) -> Background:
    """Of a field: the bands rise in directions of their own, since each has its own sky subtracted."""
    sigma, correlation = np.array(noise.sky_sigma), np.array(IN_COMMON)
    uncorrelated = np.sqrt(1 - correlation**2) * rng.standard_normal(len(BANDS))
    level = np.array(LEVEL) + np.array(LEVEL_VARIES) * (correlation * rng.standard_normal() + uncorrelated)
    rises = np.array(RISE) * rng.standard_normal((2, len(BANDS)))
    planes = sigma * np.stack([level, *rises])
    return Background(*(tuple(float(f"{value:.4g}") for value in plane) for plane in planes))
