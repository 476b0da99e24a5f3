"""Repaint pairs: a painted galaxy as it is and altered, what came and went, and what became of its map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import draw_picture
from gz2interp.figures.pieces.maps import MapScale, colour_bar, draw_map, scale_of, total
from gz2interp.figures.pieces.pictures import FOR_WCS, hatch_invalid, put_place, show, stretch_for, wcs_of
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import SMALL, STYLE, FigureStyle

__all__ = ["RepaintPair", "repaint_figure"]

Floats = NDArray[np.floating[Any]]

_WORDS, _BAR, _BETWEEN = 1.06, 0.54, 0.08
TITLES: Final = (
    "original",
    "altered",
    "light added (red)\nand removed (blue)",
    "map of the original",
    "map altered",
    "change of the map",
)


@dataclass(frozen=True, eq=False)
class RepaintPair:
    """A galaxy before and after.

    Attributes
    ----------
    before, after : FigureGalaxy
        The words of the first stand beside the row.
    map_before, map_after : float32 (y, x, band) or (y, x)
    """

    before: FigureGalaxy
    after: FigureGalaxy
    map_before: Floats
    map_after: Floats


def repaint_figure(
    pairs: Sequence[RepaintPair], bands: Sequence[str], scale: MapScale, manner: FigureStyle, foot: str = ""
) -> Figure:
    """Six pictures a pair, in two columns beside one another, in one column in two lines of three.

    Parameters
    ----------
    pairs : sequence of RepaintPair
    bands : sequence of str
    scale : MapScale
        Of all maps, and of their change.
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no galaxy, or a page has no room.
    """
    if not pairs:
        raise InputError("A figure of no galaxy was asked for", "One painted galaxy or more")
    page = manner.page
    left, beneath = FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    across, lines = (3, 2) if page.is_narrow else (6, 1)
    beside = 0.0 if page.is_narrow else _WORDS
    titled = 2 * LINE + 0.05
    room = page.width - beside - left - _BAR
    texts = [wrapped(pair.before.words, page.width if page.is_narrow else _WORDS - 0.06) for pair in pairs]
    above = LINE * (max(text.count("\n") for text in texts) + 1) + 0.04 if page.is_narrow else 0.0

    once = titled if lines == 1 else 0.0  # titles above the first row tell of all

    def step(side: float) -> float:
        return above + lines * (side + titled - once + beneath) + _BETWEEN

    ends = foot_height(foot, page) + once
    side = side_for(page, room / across - GAP, len(pairs), lambda side: len(pairs) * step(side) + ends)
    spare = (room - across * (side + GAP)) / 2
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, once + len(pairs) * step(side), foot)
        stretch = stretch_for([pair.before for pair in pairs], bands)
        for row, (pair, words) in enumerate(zip(pairs, texts, strict=True)):
            top = row * step(side) + above
            wcs = wcs_of(pair.before, manner.axes)
            axes = []
            for k, title in enumerate(TITLES):
                x = beside + left + spare + (k % across) * (side + GAP)
                y = top + (k // across) * (side + titled + beneath) + titled
                axes.append(sheet.axes(x, y, side, side, wcs))
                if row == 0 or not once:
                    sheet.text(x + side / 2, y - 0.03, wrapped(title, side + GAP), ha="center", va="bottom")
            _draw_pair(axes, pair, bands, scale, manner, stretch)
            put_letter(axes[0], row)
            if page.is_narrow:
                sheet.text(0.05, top - 0.02, words, va="bottom")
            else:
                sheet.text(beside + spare - 0.04, top + titled + side / 2, words, ha="right", va="center")
        low = above + titled + (lines - 1) * (side + titled + beneath)
        bar = sheet.axes(page.width - _BAR + 0.05 - spare, low, 0.07, side)
        colour_bar(sheet.figure, bar, scale, manner)
    return sheet.figure


def _draw_pair(
    axes: Sequence[Axes], pair: RepaintPair, bands: Sequence[str], scale: MapScale, manner: FigureStyle, stretch: Any
) -> None:
    before, after = total(pair.map_before), total(pair.map_after)
    draw_picture(axes[0], pair.before, bands, stretch)
    draw_picture(axes[1], pair.after, bands, stretch)
    _draw_difference(axes[2], pair, bands)
    draw_map(axes[3], before, pair.before, bands, scale, manner, stretch)
    draw_map(axes[4], after, pair.after, bands, scale, manner, stretch)
    change = MapScale(scale.limit)
    draw_map(axes[5], after - before, pair.after, bands, change, manner, stretch)
    for k, axis in enumerate(axes):
        if k == 0 or manner.axes == "wcs":
            put_place(axis, pair.before, manner.axes, first=k == 0)


def _draw_difference(axis: Axes, pair: RepaintPair, bands: Sequence[str]) -> None:
    """After less before in r, or the middle band; its limit is written into the picture."""
    band = list(bands).index("r") if "r" in bands else len(bands) // 2
    difference = pair.after.image[..., band] - pair.before.image[..., band]
    scale = scale_of([difference])
    show(axis, difference, cmap=scale.colours, vmin=scale.low, vmax=scale.limit)
    hatch_invalid(axis, pair.before.valid)
    axis.text(
        0.5,
        0.03,
        f"{bands[band]}, {scale} nmgy",
        transform=axis.transAxes,
        ha="center",
        va="bottom",
        fontsize=SMALL,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )
