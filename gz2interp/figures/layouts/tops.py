"""Channels by their most and least activating galaxies, with outlines of high activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import Cell, draw_picture, framed, outline
from gz2interp.figures.pieces.pictures import put_place, show, stretch_for, stretch_for_features
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import one_for_all
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["ChannelRow", "tops_figure"]

Floats = NDArray[np.floating[Any]]

_WORDS: Final = {1: 0.95, 2: 1.25}
_BETWEEN = 0.1


@dataclass(frozen=True, eq=False)
class ChannelRow:
    """One channel.

    Attributes
    ----------
    title, note : str
        Its name, and what it correlates with.
    tops, bottoms : sequence of Cell
        Galaxies, the most extreme first, each with the channel's map over the layer's plane.
    feature : float32 (y, x, band) or None
        Its feature image.
    """

    title: str
    note: str
    tops: Sequence[Cell]
    bottoms: Sequence[Cell]
    feature: Floats | None = None


def tops_figure(rows: Sequence[ChannelRow], bands: Sequence[str], manner: FigureStyle, foot: str = "") -> Figure:
    """A row per channel: words, its feature image if there is one, the most and the least activating galaxies.

    Parameters
    ----------
    rows : sequence of ChannelRow
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no channel, or a page has no room.
    """
    if not rows:
        raise InputError("A figure of no channel was asked for", "One channel or more")
    page = manner.page
    words = _WORDS[page.columns]
    feature = any(row.feature is not None for row in rows)
    tops, bottoms = (max(len(getattr(row, name)) for row in rows) for name in ("tops", "bottoms"))
    pictures = feature + tops + bottoms
    gaps = (feature + (bottoms > 0)) * _BETWEEN + (pictures - 1) * GAP
    width = (page.width - words - 0.08 - gaps) / pictures
    texts = [wrapped(row.note, words - 0.1) for row in rows]
    least = LINE * (max(text.count("\n") for text in texts) + 2.2)

    def step(side: float) -> float:
        return max(side, least) + 0.06

    head = LINE + 0.06
    ends = head + foot_height(foot, page)
    side = side_for(page, min(width, 1.0), len(rows), lambda side: len(rows) * step(side) + ends, "channels")
    cells = [cell for row in rows for cell in (*row.tops, *row.bottoms)]
    once = one_for_all(cell.galaxy.sky for cell in cells)
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, head + len(rows) * step(side), foot)
        stretch = stretch_for([cell.galaxy for cell in cells], bands)
        of_features = stretch_for_features((row.feature for row in rows), bands)
        start = words + feature * (side + _BETWEEN)
        after = start + tops * (side + GAP) - GAP + _BETWEEN
        for x, title in (
            (words, ("feature" if page.is_narrow else "feature image") if feature else ""),
            (start, "most active" if page.is_narrow else "most activating"),
            (after, ("least" if page.is_narrow else "least activating") if bottoms else ""),
        ):
            sheet.text(x, head - 0.03, title, va="bottom", weight="bold")
        for place, row in enumerate(rows):
            y = head + place * step(side)
            sheet.text(0.03, y + 0.01, row.title, va="top", weight="bold")
            sheet.text(0.03, y + 0.01 + LINE, texts[place], va="top")
            if row.feature is not None:
                image = sheet.axes(words, y, side, side)
                show(image, rgb(row.feature, bands, of_features))
                framed(image, "#444444")
            for origin, group, fires in ((start, row.tops, True), (after, row.bottoms, False)):
                for number, cell in enumerate(group):
                    axis = sheet.axes(origin + number * (side + GAP), y, side, side)
                    draw_picture(axis, cell.galaxy, bands, stretch)
                    if fires:
                        _dress(axis, cell, place if number == 0 else None, once)
    return sheet.figure


def _dress(axis: Axes, cell: Cell, place: int | None, once: bool) -> None:
    """Where the channel fires; in the first picture of a row its letter, in the first of all bar and compass."""
    outline(axis, cell.values, cell.galaxy.shape)
    if place is not None:
        put_letter(axis, place)
    if place == 0 and once:
        put_place(axis, cell.galaxy, "scale")
