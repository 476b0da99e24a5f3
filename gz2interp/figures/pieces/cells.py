"""A galaxy's picture and its map, with words: the cell that several layouts are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gz2interp.figures.manner import Manner
from gz2interp.figures.pieces.coordinates import put_place
from gz2interp.figures.pieces.letters import put_letter
from gz2interp.figures.pieces.maps import draw_map
from gz2interp.figures.pieces.pictures import hatch_invalid, show, stretch_for
from gz2interp.figures.pieces.scales import Scale, total
from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.figures.shown import Shown, one_for_all

__all__ = ["Cell", "Drawn", "draw_picture"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Cell:
    """One galaxy and its map.

    Attributes
    ----------
    shown : Shown
    values : float32 (y, x, band) or (y, x)
    """

    shown: Shown
    values: Floats


@dataclass(frozen=True, eq=False)
class Drawn:
    """What all cells of a figure have in common.

    Attributes
    ----------
    bands : tuple of str
    scale : Scale
        Of all maps.
    manner : Manner
    stretch : Stretch
        Of all colour images.
    told_once : bool
        Whether the bar and the compass of the first cell tell of all.
    """

    bands: Sequence[str]
    scale: Scale
    manner: Manner
    stretch: Stretch
    told_once: bool

    @classmethod
    def of(cls, cells: Sequence[Cell], bands: Sequence[str], scale: Scale, manner: Manner) -> Drawn:
        """What the cells of a figure have in common."""
        shown = [cell.shown for cell in cells]
        return cls(bands, scale, manner, stretch_for(shown, bands), one_for_all(each.sky for each in shown))

    def cell(self, picture: Axes, map_: Axes, cell: Cell, place: int) -> None:
        """Picture with its letter, and the map."""
        draw_picture(picture, cell.shown, self.bands, self.stretch)
        if self.manner.axes == "wcs" or place == 0 or not self.told_once:
            put_place(picture, cell.shown, self.manner.axes)
        put_letter(picture, place)
        draw_map(map_, total(cell.values), cell.shown, self.bands, self.scale, self.manner, self.stretch)
        if self.manner.axes == "wcs":
            put_place(map_, cell.shown, self.manner.axes, first=False)


def draw_picture(axis: Axes, shown: Shown, bands: Sequence[str], stretch: Stretch) -> None:
    """The colour image, hatched where it is not valid."""
    show(axis, rgb(shown.image, bands, stretch))
    hatch_invalid(axis, shown.valid)
