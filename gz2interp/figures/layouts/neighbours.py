"""Galaxies and their neighbours in the network's own space: first the galaxy, then the nearest, each with its map."""

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
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["neighbours_figure"]

ACROSS: Final = {1: 3, 2: 6}
_BAR, _BETWEEN = 0.54, 0.08


def neighbours_figure(
    groups: Sequence[Sequence[Cell]], bands: Sequence[str], scale: MapScale, manner: FigureStyle, foot: str = ""
) -> Figure:
    """Each group begins on a line of its own with its galaxy; words above, the picture, and the map beneath.

    Parameters
    ----------
    groups : sequence of sequence of Cell
        A galaxy and its neighbours, nearest first.
    bands : sequence of str
    scale : MapScale
        Of all maps.
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no galaxy, or a page has no room.
    """
    if not groups or not all(groups):
        raise InputError("A figure of no galaxy was asked for", "One galaxy or more, with neighbours")
    page = manner.page
    left, beneath = FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    across = ACROSS[page.columns] - (1 if left else 0)
    lines = [group[start : start + across] for group in groups for start in range(0, len(group), across)]
    across = min(across, max(len(line) for line in lines))
    widest = min((page.width - _BAR) / across - _BETWEEN - left, 1.3)
    texts = [wrapped(cell.galaxy.words, widest + _BETWEEN / 2) for line in lines for cell in line]
    words = LINE * (max(text.count("\n") for text in texts) + 1) + 0.05

    def step(side: float) -> float:
        return words + 2 * side + GAP + beneath + 0.06

    ends = foot_height(foot, page)
    side = side_for(page, widest, len(lines), lambda side: len(lines) * step(side) + ends)
    pitch = (page.width - _BAR) / across
    cells = [cell for line in lines for cell in line]
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, len(lines) * step(side), foot)
        drawn = CellStyle.of(cells, bands, scale, manner)
        letters = iter(range(len(cells)))
        for row, line in enumerate(lines):
            for column, cell in enumerate(line):
                x = column * pitch + left + (pitch - left - side) / 2
                y = row * step(side) + words
                wcs = wcs_of(cell.galaxy, manner.axes)
                first, second = (sheet.axes(x, y + k * (side + GAP), side, side, wcs) for k in range(2))
                # The one whose coordinates have numbers stands below.
                picture, map_ = (second, first) if wcs is not None else (first, second)
                drawn.cell(picture, map_, cell, next(letters))
                text = wrapped(cell.galaxy.words, widest + _BETWEEN / 2)
                sheet.text(x, y - words + 0.02, text, va="top")
        bar = sheet.axes(page.width - _BAR + 0.04, words, 0.07, side)
        colour_bar(sheet.figure, bar, scale, manner)
    return sheet.figure
