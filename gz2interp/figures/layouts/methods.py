"""One galaxy through every method: each map on its own scale, which its bar states, for each has its own unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.maps import MapScale, colour_bar, draw_map, total
from gz2interp.figures.pieces.pictures import FOR_WCS, hatch_invalid, put_place, show, stretch_for, wcs_of
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["Panel", "methods_figure"]

ACROSS: Final = {1: 3, 2: 6}
_BAR, _NUMBERS, _BETWEEN = 0.05, 0.15, 0.09


@dataclass(frozen=True, eq=False)
class Panel:
    """The attribution of one method.

    Attributes
    ----------
    title : str
    values : float32 (y, x, band) or (y, x)
    scale : MapScale
    note : str
        A few words beneath.
    """

    title: str
    values: NDArray[np.floating[Any]]
    scale: MapScale
    note: str = ""


def methods_figure(
    galaxy: FigureGalaxy, panels: Sequence[Panel], bands: Sequence[str], manner: FigureStyle, foot: str = ""
) -> Figure:
    """The colour image, and beside it one map after the other, each with its own bar beneath.

    Parameters
    ----------
    galaxy : FigureGalaxy
        Its words stand above.
    panels : sequence of Panel
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no method.
    """
    if not panels:
        raise InputError("A figure of no method was asked for", "One method or more")
    page = manner.page
    across = min(ACROSS[page.columns], len(panels) + 1)
    rows = -(-(len(panels) + 1) // across)
    left, beneath = FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    notes = LINE if any(panel.note for panel in panels) else 0.0
    words = wrapped(galaxy.words, page.width - 0.1)
    head = LINE * (words.count("\n") + 1) + 0.06 if words else 0.0
    titled = 2 * LINE if page.is_narrow or rows == 1 else 1.6 * LINE

    def step(side: float) -> float:
        return titled + side + max(_BAR + _NUMBERS + notes, beneath) + _BETWEEN

    widest = (page.width - left - 0.06) / across - _BETWEEN
    ends = head + foot_height(foot, page)
    side = side_for(page, min(widest, 1.5), rows, lambda side: rows * step(side) + ends, "methods")
    pitch = (page.width - left) / across
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, head + rows * step(side), foot)
        sheet.text(0.05, 0.03, words, va="top")
        stretch = stretch_for([galaxy], bands)
        for place in range(len(panels) + 1):
            row, column = divmod(place, across)
            x = left + column * pitch + (pitch - side) / 2
            y = head + row * step(side) + titled
            axis = sheet.axes(x, y, side, side, wcs_of(galaxy, manner.axes) if place == 0 else None)
            panel = panels[place - 1] if place else None
            title = wrapped(panel.title if panel else "colour", pitch - 0.02)
            sheet.text(x + side / 2, y - 0.025, title, ha="center", va="bottom")
            if panel is None:
                show(axis, rgb(galaxy.image, bands, stretch))
                hatch_invalid(axis, galaxy.valid)
                put_place(axis, galaxy, manner.axes)
            else:
                draw_map(axis, total(panel.values), galaxy, bands, panel.scale, manner, stretch)
                bar = sheet.axes(x + 0.04 * side, y + side + GAP, 0.92 * side, _BAR)
                colour_bar(sheet.figure, bar, panel.scale, manner, "horizontal")
                sheet.text(x + side / 2, y + side + GAP + _BAR + _NUMBERS, panel.note, ha="center", va="top")
            put_letter(axis, place)
    return sheet.figure
