"""How much of the sky a cutout shows: the same for all, or in proportion to the galaxy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Galaxy
from gz2interp.schema import CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["Field", "radius_in_pixels"]


@dataclass(frozen=True)
class Field:
    """The full width of a cutout.

    Attributes
    ----------
    arcsec : float
        The same for every galaxy. By default 64 native pixels of 0.396 arcsec.
    radii : float, optional
        So many Petrosian radii of the galaxy instead. It removes the apparent size, which a network may want to know.
    """

    arcsec: float = CUTOUT_SIZE * NATIVE_PIXEL_SCALE
    radii: float | None = None

    def __post_init__(self) -> None:
        if not (self.arcsec > 0 and (self.radii is None or self.radii > 0)):
            raise InputError(f"A field of {self.radii or self.arcsec:g} was given", "A width above 0")

    def of(self, galaxy: Galaxy) -> float:
        """The width for one galaxy [arcsec].

        Raises
        ------
        CutoutUnavailable
            The field is in radii, and the catalogue does not give the galaxy's.
        """
        if self.radii is None:
            return self.arcsec
        if not galaxy.petro_radius > 0:
            raise CutoutUnavailable("missing", "the catalogue gives no Petrosian radius to measure the field by")
        return self.radii * galaxy.petro_radius


def radius_in_pixels(radii: NDArray[np.float64], field: Field, pixels: int) -> NDArray[np.float64]:
    """Petrosian radii (n,) [arcsec] in cutout pixels; NaN where unknown."""
    widths = np.full(len(radii), field.arcsec) if field.radii is None else field.radii * radii
    return radii * pixels / widths
