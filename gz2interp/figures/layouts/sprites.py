"""All feature images of a layer, each with its channel number and a mark of its reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import framed
from gz2interp.figures.pieces.pictures import show
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, side_for
from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["Sprite", "sprites_figure"]

Floats = NDArray[np.floating[Any]]

COLUMNS: Final = {1: 6, 2: 12}
"""Pictures in a line, by the columns of the page."""

TRUSTED, DOUBTED = "#009E73", "#BBBBBB"


@dataclass(frozen=True, eq=False)
class Sprite:
    """One feature image.

    Attributes
    ----------
    words : str
        Beneath it: its number, say.
    image : float32 (y, x, band) or None
        None where nothing excites it.
    trusted : bool
        Whether it goes beyond all real galaxies.
    """

    words: str
    image: Floats | None
    trusted: bool = True


def sprites_figure(
    sprites: Sequence[Sprite], bands: Sequence[str], stretch: Stretch, manner: FigureStyle, foot: str = ""
) -> Figure:
    """A sheet of small pictures.

    Parameters
    ----------
    sprites : sequence of Sprite
    bands : sequence of str
    stretch : Stretch
        Of all of them.
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is none, or a page has no room.
    """
    if not sprites:
        raise InputError("A sheet of no feature image was asked for", "One or more")
    page = manner.page
    columns = min(COLUMNS[page.columns], len(sprites))
    rows = -(-len(sprites) // columns)
    width = min((page.width - 0.06 - (columns - 1) * GAP) / columns, 1.2)

    def whole(side: float) -> float:
        return 0.03 + rows * (side + LINE + GAP)

    side = side_for(page, width, rows, lambda side: whole(side) + foot_height(foot, page), "feature images")
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, whole(side), foot)
        for place, sprite in enumerate(sprites):
            row, column = divmod(place, columns)
            x, y = 0.03 + column * (side + GAP), 0.03 + row * (side + LINE + GAP)
            axis = sheet.axes(x, y, side, side)
            if sprite.image is None:
                axis.set_facecolor("#F0F0F0")
                axis.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.6, transform=axis.transAxes)
            else:
                show(axis, rgb(sprite.image, bands, stretch))
            framed(axis, TRUSTED if sprite.trusted and sprite.image is not None else DOUBTED, 0.8)
            sheet.text(x + side / 2, y + side + 0.01, sprite.words, va="top", ha="center")
    return sheet.figure
