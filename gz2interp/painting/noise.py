"""Noise that a repaint can reproduce.

A sum of independent Poisson numbers is a Poisson number. So the photons of each component are drawn on their own, from
a stream that follows from the recipe's seed and the component's name: the image has exactly the noise of its total
light, and a component that is left out takes exactly its own photons away. The sky has a stream of its own. In an SDSS
frame the sky outshines most galaxies, so its photon noise and the read noise are one Gaussian of the measured width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.streams import stream

__all__ = ["Noise", "draw_noise", "photons", "sky"]

Floats = NDArray[np.float32]

MEDIAN_SKY_SIGMA = (0.0424, 0.0171, 0.0277, 0.0446, 0.160)
"""u g r i z [nanomaggies per pixel of 0.396 arcsec]: clipped scatter of a real SDSS frame."""

ELECTRONS = (159.0, 932.0, 966.0, 750.0, 144.0)
"""u g r i z, electrons per nanomaggy: the camera's gain over the calibration of that frame."""


@dataclass(frozen=True)
class Noise:
    """How noisy the image is.

    Attributes
    ----------
    sky_sigma : float per band
        Scatter of the empty sky [nanomaggies per pixel].
    electrons : float per band
        Detected electrons per nanomaggy: the gain.
    """

    sky_sigma: tuple[float, ...] = MEDIAN_SKY_SIGMA
    electrons: tuple[float, ...] = ELECTRONS

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Noise:
        """The inverse of `to_json`."""
        return cls(tuple(record["sky_sigma"]), tuple(record["electrons"]))


def draw_noise(rng: Generator) -> Noise:
    """A night's sky: its scatter varies by 8 % in all bands together, and by 4 % in each."""
    factor = np.exp(0.08 * rng.standard_normal() + 0.04 * rng.standard_normal(len(MEDIAN_SKY_SIGMA)))
    return Noise(tuple(round(float(sigma), 6) for sigma in MEDIAN_SKY_SIGMA * factor))


def photons(expected: Floats, noise: Noise, seed: int, name: str) -> Floats:
    """What is detected of one component.

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
    electrons = np.asarray(noise.electrons, np.float32)[:, None, None]
    # A transform leaves rounding errors of either sign where there is no light.
    counts = stream(seed, f"photons of {name}").poisson(np.maximum(expected, 0) * electrons)
    return (counts / electrons).astype(np.float32)


def sky(shape: tuple[int, int], noise: Noise, seed: int) -> Floats:
    """The noise of a subtracted sky, float32 (band, y, x) with mean 0."""
    sigma = np.asarray(noise.sky_sigma, np.float32)[:, None, None]
    return sigma * stream(seed, "sky").standard_normal((len(noise.sky_sigma), *shape), dtype=np.float32)
