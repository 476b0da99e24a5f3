"""Activation grid: a galaxy, and beside it what a layer sees at each of its places, as large as it is strong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import draw_picture
from gz2interp.figures.pieces.pictures import put_place, stretch_for, stretch_for_features
from gz2interp.figures.pieces.sheet import FigureSheet, foot_height, put_letter, side_for
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["grid_figure"]

Floats = NDArray[np.floating[Any]]

_BETWEEN: Final = 0.08
_HEAD: Final = 0.17
FAINTEST: Final = 0.05
"""A place whose activation is below this share of the strongest is left empty."""


def grid_figure(
    galaxy: FigureGalaxy,
    strengths: Floats,
    cells: CellGeometry,
    images: Mapping[tuple[int, int], Floats],
    bands: Sequence[str],
    manner: FigureStyle,
    foot: str = "",
) -> Figure:
    """The galaxy, and its grid beside it, or beneath it in one column.

    Parameters
    ----------
    galaxy : FigureGalaxy
    strengths : float (y, x)
        Of each place, 1 for the strongest: the area of its picture.
    cells : CellGeometry
        Where the places lie in the galaxy's image.
    images : mapping
        (y, x) -> the feature image of what is said there, float32 (y, x, band).
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no feature image.
    """
    if not images:
        raise InputError("A grid without feature images was asked for", "One for each place that says something")
    page = manner.page
    columns = 1 if page.is_narrow else 2
    rows = 2 // columns
    width = (page.width - 0.06 - (columns - 1) * _BETWEEN) / columns

    def whole(side: float) -> float:
        return rows * (_HEAD + side) + 0.03

    side = side_for(page, width, rows, lambda side: whole(side) + foot_height(foot, page), "pictures")
    stretch, of_features = stretch_for([galaxy], bands), stretch_for_features(images.values(), bands)
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, whole(side), foot)
        for place, title in enumerate(("the galaxy", "feature image of each place")):
            x, y = (0.03 + place * (side + _BETWEEN), _HEAD) if columns == 2 else (0.03, _HEAD + place * (side + _HEAD))
            sheet.text(x, y - 0.03, title, va="bottom", weight="bold")
            axis = sheet.axes(x, y, side, side)
            if place == 0:
                draw_picture(axis, galaxy, bands, stretch)
                put_place(axis, galaxy, "scale")
            else:
                _cells(axis, strengths, cells, {at: rgb(image, bands, of_features) for at, image in images.items()})
            put_letter(axis, place)
    return sheet.figure


def _cells(
    axis: Any, strengths: Floats, cells: CellGeometry, pictures: Mapping[tuple[int, int], NDArray[np.uint8]]
) -> None:
    axis.set_facecolor("black")
    for (row, column), pixels in pictures.items():
        y, x, height, width = cells.box(row, column, float(np.sqrt(strengths[row, column])))
        axis.imshow(pixels, origin="lower", interpolation="none", extent=(x, x + width, y, y + height))
    axis.set_xlim(-0.5, cells.image[1] - 0.5)
    axis.set_ylim(-0.5, cells.image[0] - 0.5)
    axis.set_aspect("auto")
