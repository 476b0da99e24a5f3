"""A galaxy as the figures for papers show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from gz2interp.sky import cutout_wcs

__all__ = ["CutoutSky", "FigureGalaxy", "one_for_all"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class CutoutSky:
    """Where a cutout lies; NaN where that is not known.

    Attributes
    ----------
    pixel_scale : float
        [arcsec]
    position_angle : float
        Of the +y axis, east of north [deg].
    ra, dec : float
        [deg]
    """

    pixel_scale: float = float("nan")
    position_angle: float = float("nan")
    ra: float = float("nan")
    dec: float = float("nan")

    def wcs(self, shape: tuple[int, int]) -> WCS | None:
        """Of a cutout of that shape (y, x); None where something is not known."""
        if not np.isfinite([self.pixel_scale, self.position_angle, self.ra, self.dec]).all():
            return None
        return cutout_wcs(self.ra, self.dec, self.pixel_scale, self.position_angle, shape)


def one_for_all(skies: Iterable[CutoutSky]) -> bool:
    """Whether all cutouts have the same pixel scale and position angle, so that one bar and one compass tell of all."""
    geometry = np.array([(sky.pixel_scale, sky.position_angle) for sky in skies])
    return bool(np.isfinite(geometry).all() and np.allclose(geometry, geometry[0], rtol=1e-6))


@dataclass(frozen=True, eq=False)
class FigureGalaxy:
    """One galaxy of a figure.

    Attributes
    ----------
    image : float32 (y, x, band), nanomaggies
    valid : bool (y, x)
        What is not valid is hatched.
    sky : CutoutSky
    words : str
        What is said of it; wrapped to the room there is, line breaks are kept.
    """

    image: Floats
    valid: NDArray[np.bool_]
    sky: CutoutSky
    words: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) in pixels."""
        return self.image.shape[0], self.image.shape[1]
