"""Correct beside wrong: on the left galaxies that the network has right, on the right such that it has wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import Cell, CellStyle
from gz2interp.figures.pieces.maps import MapScale, colour_bar
from gz2interp.figures.pieces.pictures import FOR_WCS, wcs_of
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, side_for, wrapped
from gz2interp.figures.style import STYLE, TEXT, FigureStyle

__all__ = ["right_wrong_figure"]

_TOP, _BAR, _BETWEEN, _WORDS = 0.2, 0.54, 0.14, 0.1
_WIDEST: Final = 1.3


def right_wrong_figure(
    right: Sequence[Cell],
    wrong: Sequence[Cell],
    bands: Sequence[str],
    scale: MapScale,
    manner: FigureStyle,
    foot: str = "",
) -> Figure:
    """Two halves of as many rows as the longer one has; every map on one scale, the words beneath each galaxy.

    Parameters
    ----------
    right, wrong : sequence of Cell
        The k-th of each stand beside one another.
    bands : sequence of str
    scale : MapScale
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        One half has no galaxy, or a page has no room.
    """
    if not right or not wrong:
        raise InputError(
            f"{len(right)} galaxies that the network has right and {len(wrong)} that it has wrong were given",
            "At least one of each",
        )
    page, rows = manner.page, max(len(right), len(wrong))
    left, beneath = FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    half = (page.width - _BAR - _BETWEEN) / 2
    widest = min((half - left - GAP) / 2, _WIDEST)
    texts = [wrapped(cell.galaxy.words, 2 * widest) for cell in (*right, *wrong)]
    words = LINE * (max(line.count("\n") for line in texts) + 1) + _WORDS

    def height(side: float) -> float:
        return _TOP + rows * (side + beneath + words)

    side = side_for(page, widest, rows, lambda side: height(side) + foot_height(foot, page))
    cells = [*right, *wrong]
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, height(side), foot)
        drawn = CellStyle.of(cells, bands, scale, manner)
        for column, (title, part) in enumerate((("right", right), ("wrong", wrong))):
            x = column * (half + _BETWEEN) + left + (half - left - 2 * side - GAP) / 2
            sheet.text(x + side + GAP / 2, _TOP - 0.05, title, ha="center", va="bottom", fontsize=TEXT, weight="bold")
            for row, cell in enumerate(part):
                y = _TOP + row * (side + beneath + words)
                wcs = wcs_of(cell.galaxy, manner.axes)
                pair = [sheet.axes(x + k * (side + GAP), y, side, side, wcs) for k in range(2)]
                drawn.cell(pair[0], pair[1], cell, column * len(right) + row)
                text = wrapped(cell.galaxy.words, 2 * side + GAP)
                sheet.text(x, y + side + beneath + 0.03, text, va="top")
        bar = sheet.axes(page.width - _BAR + 0.05, _TOP, 0.07, min(side, 1.6))
        colour_bar(sheet.figure, bar, scale, manner)
    return sheet.figure
