"""What the subtraction of the sky leaves behind: a faint plane of light in each band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.painting.noise import Noise
from gz2interp.schema import BANDS, CUTOUT_SIZE

__all__ = ["Background", "draw_background"]

Floats = NDArray[np.float32]

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
    own = np.sqrt(1 - correlation**2) * rng.standard_normal(len(BANDS))
    level = np.array(LEVEL) + np.array(LEVEL_VARIES) * (correlation * rng.standard_normal() + own)
    rises = np.array(RISE) * rng.standard_normal((2, len(BANDS)))
    planes = sigma * np.stack([level, *rises])
    return Background(*(tuple(float(f"{value:.4g}") for value in plane) for plane in planes))
