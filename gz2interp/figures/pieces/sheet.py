"""A figure of a journal's width, on which things are put in inches from its upper left corner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gz2interp.errors import InputError
from gz2interp.figures.journals import TALLEST, Page
from gz2interp.figures.paper import SMALL, STYLE
from gz2interp.figures.pieces.wrapping import wrapped

__all__ = ["FOOT_INK", "GAP", "LINE", "SMALLEST_SIDE", "Sheet", "foot_height", "side_for"]

GAP: Final = 0.03
"""Inches between pictures."""
LINE: Final = 0.105
"""Inches of a line of small text."""
SMALLEST_SIDE: Final = 0.36
"""Inches: a picture below it shows no galaxy."""
FOOT_INK: Final = "#444444"


def side_for(page: Page, width: float, rows: int, height: Callable[[float], float], unit: str = "galaxies") -> float:
    """The side of square pictures that fit a width and, with all their rows, a page.

    Parameters
    ----------
    page : Page
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


class Sheet:
    """A figure to put things on.

    Parameters
    ----------
    page : Page
    height : float
        [inch]
    foot : str, optional
        Lines beneath everything; wrapped, and added to the height.
    """

    def __init__(self, page: Page, height: float, foot: str = "") -> None:
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


def foot_height(foot: str, page: Page) -> float:
    """Inches that a foot takes."""
    lines = wrapped(foot, page.width - 0.06)
    return LINE * (lines.count("\n") + 1) + 0.06 if lines else 0.0
