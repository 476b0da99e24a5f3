"""A figure of a journal's width with elements placed in inches: wrapped text and panel letters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from string import ascii_lowercase
from typing import Any, Final

import matplotlib as mpl
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from gz2interp.errors import InputError
from gz2interp.figures.style import SMALL, STYLE, TALLEST, TEXT, FigureSize

__all__ = [
    "FOOT_INK",
    "GAP",
    "LINE",
    "SMALLEST_SIDE",
    "FigureSheet",
    "foot_height",
    "letter",
    "put_letter",
    "side_for",
    "wrapped",
]


_ROOM: Final = 0.96
"""Of the width: letters on pixels are up to 4 % wider than their outlines."""

_FONT: Final = FontProperties(family=STYLE["font.family"], size=SMALL)


def wrapped(words: str, inches: float) -> str:
    """Small text broken into lines of a width; line breaks are kept, and a word that is too long is broken."""
    return "\n".join(line for part in words.split("\n") for line in _lines(part, _ROOM * inches))


def _lines(words: str, inches: float) -> list[str]:
    lines: list[str] = []
    for word in (piece for whole in words.split(" ") for piece in _pieces(whole, inches)):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _pieces(word: str, inches: float) -> list[str]:
    """The word, or parts of it that fit."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and _width(pieces[-1] + letter) > inches:
            pieces.append("")
        pieces[-1] += letter
    return pieces if pieces != [""] else []


@lru_cache(maxsize=4096)
def _width(words: str) -> float:
    """[inch]"""
    width, _, _ = text_to_path.get_text_width_height_descent(words, _FONT, ismath=False)
    return float(width) / 72


GAP: Final = 0.03
"""Inches between pictures."""
LINE: Final = 0.105
"""Inches of a line of small text."""
SMALLEST_SIDE: Final = 0.36
"""Inches: a picture below it shows no galaxy."""
FOOT_INK: Final = "#444444"


def side_for(
    page: FigureSize, width: float, rows: int, height: Callable[[float], float], unit: str = "galaxies"
) -> float:
    """The side of square pictures that fit a width and, with all their rows, a page.

    Parameters
    ----------
    page : FigureSize
    width : float
        Inches that a picture may have.
    rows : int
    height : callable
        Of the whole figure [inch], from the side.
    unit : str, optional
        What the rows are, for the error.

    Raises
    ------
    InputError
        The pictures would be too small to be seen.
    """
    side = width
    while height(side) > TALLEST and side > SMALLEST_SIDE:
        side -= 0.01
    if side < SMALLEST_SIDE or height(side) > TALLEST:
        raise InputError(
            f"{rows} rows of {unit} do not fit a page of {page}",
            remedy="Show fewer, use two columns, or draw one figure for each galaxy (--each)",
        )
    return side


class FigureSheet:
    """A figure to put things on.

    Parameters
    ----------
    page : FigureSize
    height : float
        [inch]
    foot : str, optional
        Lines beneath everything; wrapped, and added to the height.
    """

    def __init__(self, page: FigureSize, height: float, foot: str = "") -> None:
        self.page, self.width = page, page.width
        lines = wrapped(foot, self.width - 0.06)
        self.height = height + (LINE * (lines.count("\n") + 1) + 0.06 if lines else 0.0)
        self.figure = Figure(figsize=(self.width, self.height))
        if lines:
            self.text(0.03, height + 0.04, lines, va="top", color=FOOT_INK)

    def axes(self, x: float, y: float, width: float, height: float, wcs: WCS | None = None) -> Axes:
        """Axes without ticks; those of a `wcs` have its own."""
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        if wcs is not None:
            sky: Axes = WCSAxes(self.figure, place, wcs=wcs)
            self.figure.add_axes(sky)
            return sky
        axis = self.figure.add_axes(place)
        axis.set_xticks([])
        axis.set_yticks([])
        return axis

    def text(self, x: float, y: float, words: str, **options: Any) -> None:
        """Small text."""
        with mpl.rc_context(STYLE):
            self.figure.text(
                x / self.width, 1 - y / self.height, words, **{"fontsize": SMALL, "linespacing": 1.15, **options}
            )


def foot_height(foot: str, page: FigureSize) -> float:
    """Inches that a foot takes."""
    lines = wrapped(foot, page.width - 0.06)
    return LINE * (lines.count("\n") + 1) + 0.06 if lines else 0.0


def letter(place: int) -> str:
    """(a), (b), ..., (z), (aa), ...

    >>> letter(0), letter(25), letter(26), letter(53)
    ('(a)', '(z)', '(aa)', '(bbb)')
    """
    return f"({ascii_lowercase[place % 26] * (place // 26 + 1)})"


def put_letter(axis: Axes, place: int) -> None:
    """The letter of a panel in its upper left corner."""
    axis.text(
        0.035,
        0.965,
        letter(place),
        transform=axis.transAxes,
        ha="left",
        va="top",
        fontsize=TEXT,
        weight="bold",
        color="black",
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
        zorder=9,
    )
