"""How a figure for a paper is drawn: for which page, on what ground, with which axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gz2interp.errors import InputError, choices
from gz2interp.figures.journals import Page

__all__ = ["AXES", "RGB", "STYLES", "Manner"]

RGB: Final = "rgb"
STYLES: Final = ("map", "overlay", "contours")
AXES: Final = ("scale", "wcs")


@dataclass(frozen=True)
class Manner:
    """How a figure is drawn.

    Attributes
    ----------
    page : Page
    style : str
        ``"map"``: the map alone, with the galaxy's isophotes; ``"overlay"``: over an image, opaque where it is strong;
        ``"contours"``: as lines on an image.
    on : str
        The image beneath: ``"rgb"``, or a band.
    axes : str
        ``"scale"``: a bar in arcsec and a compass; ``"wcs"``: right ascension and declination.

    Raises
    ------
    InputError
        The style or the axes are others.
    """

    page: Page = field(default_factory=Page)
    style: str = "map"
    on: str = RGB
    axes: str = "scale"

    def __post_init__(self) -> None:
        for what, given, known in (("style", self.style, STYLES), ("axes", self.axes, AXES)):
            if given not in known:
                raise InputError(f"The {what} {given!r} was given", f"One of {choices(known)}")

    def ground(self, bands: Sequence[str]) -> int | None:
        """The place of the band beneath the map; None for the colour image.

        Raises
        ------
        InputError
            The galaxies have no such band.
        """
        if self.on == RGB:
            return None
        if self.on not in bands:
            raise InputError(f"The image {self.on!r} was given", f"One of {choices((RGB, *bands))}")
        return list(bands).index(self.on)
