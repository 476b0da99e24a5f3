"""How much of a score each band carries, as bars: of galaxies beside their pictures, or of classes with errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.overlay import DIVERGING
from gz2interp.figures.pieces.cells import draw_picture
from gz2interp.figures.pieces.pictures import put_compass, put_scale_bar, stretch_for
from gz2interp.figures.pieces.sheet import LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import SMALL, STYLE, FigureStyle

__all__ = ["BandBars", "bands_figure"]

Floats = NDArray[np.floating[Any]]

_AGAINST, _FOR = DIVERGING[0], DIVERGING[-1]
_NUMBERS, _LABELS, _BETWEEN = 0.4, 0.17, 0.12
_WIDEST: Final = 1.1
_ACROSS: Final = {1: 1, 2: 2}


@dataclass(frozen=True, eq=False)
class BandBars:
    """What each band adds.

    Attributes
    ----------
    words : str
        Above.
    values : float (band,)
    errors : float (band,) or None
        Half of the interval of a mean; NaN where it is not known.
    galaxy : FigureGalaxy or None
        The galaxy; None for a mean over many.
    """

    words: str
    values: Floats
    errors: Floats | None = None
    galaxy: FigureGalaxy | None = None


def bands_figure(
    parts: Sequence[BandBars], bands: Sequence[str], unit: str, manner: FigureStyle, foot: str = ""
) -> Figure:
    """Bars on one scale for all: red adds to the score, blue takes from it.

    Parameters
    ----------
    parts : sequence of BandBars
        All with a galaxy, or all without.
    bands : sequence of str
    unit : str
        Along the bars.
    manner : FigureStyle
        Its page.
    foot : str, optional

    Raises
    ------
    InputError
        There is nothing to show, or a page has no room.
    """
    if not parts:
        raise InputError("A figure of no bars was asked for", "One galaxy or more")
    page, pictures = manner.page, parts[0].galaxy is not None
    across = min(_ACROSS[page.columns] + (not pictures and not page.is_narrow), len(parts))
    rows = -(-len(parts) // across)
    pitch = (page.width - 0.05) / across
    texts = [wrapped(part.words, pitch - 0.1) for part in parts]
    head = LINE * (max(text.count("\n") for text in texts) + 1) + 0.05

    def step(side: float) -> float:
        return head + side + _LABELS + _BETWEEN

    ends = foot_height(foot, page)
    side = side_for(page, min(_WIDEST, pitch / 2.2), rows, lambda side: rows * step(side) + ends)
    limits = _limits(parts, side)
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, rows * step(side), foot)
        stretch = stretch_for([part.galaxy for part in parts if part.galaxy], bands) if pictures else None
        for place, part in enumerate(parts):
            row, column = divmod(place, across)
            x, y = 0.05 + column * pitch, row * step(side) + head
            sheet.text(x, y - 0.03, texts[place], va="bottom")
            start = x
            if part.galaxy is not None and stretch is not None:
                picture = sheet.axes(x, y, side, side)
                draw_picture(picture, part.galaxy, bands, stretch)
                put_scale_bar(picture, part.galaxy.sky, part.galaxy.shape)
                put_compass(picture, part.galaxy.sky, part.galaxy.shape)
                put_letter(picture, place)
                start += side + 0.05
            bars = sheet.axes(start + _NUMBERS, y, x + pitch - start - _NUMBERS - 0.12, side)
            _draw_bars(bars, part, bands, limits)
            if not pictures:
                put_letter(bars, place)
            bars.set_ylabel(unit, fontsize=SMALL, labelpad=1)
    return sheet.figure


def _limits(parts: Sequence[BandBars], side: float) -> tuple[float, float]:
    """For all bars, with room for the numbers at their ends."""
    spread = [np.nan_to_num(part.errors) if part.errors is not None else 0.0 for part in parts]
    low = min(0.0, *(float(np.min(part.values - error)) for part, error in zip(parts, spread, strict=True)))
    high = max(0.0, *(float(np.max(part.values + error)) for part, error in zip(parts, spread, strict=True)))
    share = min(0.14 / side, 0.3)
    room = (high - low or 1.0) * share / (1 - 2 * share)
    return low - room, high + room


def _draw_bars(axis: Axes, part: BandBars, bands: Sequence[str], limits: tuple[float, float]) -> None:
    places = np.arange(len(bands))
    axis.bar(places, part.values, 0.62, color=[_FOR if value >= 0 else _AGAINST for value in part.values])
    large = float(np.abs(limits).max()) >= 0.1
    error = np.zeros(len(bands)) if part.errors is None else np.nan_to_num(part.errors)
    if part.errors is not None:
        axis.errorbar(places, part.values, error, fmt="none", ecolor="black", elinewidth=0.6, capsize=1.5, capthick=0.6)
    for place, value in zip(places, part.values, strict=True):
        end = value + (error[place] if value >= 0 else -error[place])
        words = f"{round(float(value), 2) + 0.0:+.2f}" if large else f"{float(value):+.1e}"
        words = words.replace("-", "\N{MINUS SIGN}")
        axis.annotate(
            words,
            (float(place), float(end)),
            (0, 1.5 if value >= 0 else -1.5),
            textcoords="offset points",
            ha="center",
            va="bottom" if value >= 0 else "top",
            fontsize=SMALL,
        )
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set_xlim(-0.6, len(bands) - 0.4)
    axis.set_ylim(*limits)
    axis.set_xticks(places, list(bands), fontsize=SMALL)
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.ticklabel_format(axis="y", scilimits=(-1, 3))
    axis.yaxis.get_offset_text().set_fontsize(SMALL)
    axis.tick_params(labelsize=SMALL, length=2, width=0.4, pad=1.5)
    axis.tick_params(axis="x", length=0)
    axis.spines[["top", "right"]].set_visible(False)
