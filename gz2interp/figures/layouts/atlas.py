"""Activation atlas: what a layer says at many places, laid out by likeness; cells as large as they are full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.manner import Manner
from gz2interp.figures.paper import SMALL, STYLE
from gz2interp.figures.pieces.blocks import ink
from gz2interp.figures.pieces.letters import put_letter
from gz2interp.figures.pieces.sheet import LINE, Sheet, foot_height, side_for
from gz2interp.figures.pieces.wrapping import wrapped
from gz2interp.figures.rgb import Stretch, rgb

__all__ = ["AtlasCell", "atlas_figure"]

Floats = NDArray[np.floating[Any]]

_KEY, _BETWEEN, _TITLE = 0.85, 0.1, 0.17
_LARGEST_KEY: Final = 0.45
"""Inches of a size that is explained: larger ones explain themselves."""
_TITLES: Final = {"feature": "feature images", "patch": "real patches"}
_SMALLEST: Final = 0.3
"""Of a cell's side, however few places it holds."""


@dataclass(frozen=True, eq=False)
class AtlasCell:
    """One cell.

    Attributes
    ----------
    column, row : int
        From the lower left.
    count : int
        Places in it.
    score : int
        That the cell adds most to, by its place among the names.
    patch : float32 (y, x, band) or None
        A piece of a real galaxy around the place that is most like all in the cell.
    feature : float32 (y, x, band) or None
        Of the cell's direction.
    """

    column: int
    row: int
    count: int
    score: int
    patch: Floats | None = None
    feature: Floats | None = None


def atlas_figure(
    cells: Sequence[AtlasCell],
    scores: Sequence[str],
    bands: Sequence[str],
    stretch: Stretch,
    manner: Manner,
    foot: str = "",
) -> Figure:
    """One panel of real patches, and one of feature images where there are any.

    Parameters
    ----------
    cells : sequence of AtlasCell
    scores : sequence of str
        As one reads them; a cell's frame has the colour of the one that it adds most to.
    bands : sequence of str
    stretch : Stretch
        Of all colour images: that of whole galaxies, since a patch of sky knows none.
    manner : Manner
    foot : str, optional

    Raises
    ------
    InputError
        There is no cell, or there are more scores than colours.
    """
    if not cells:
        raise InputError("An atlas without cells was given", "At least one", "Sample more places, or take fewer cells")
    page = manner.page
    names = [name for name in ("feature", "patch") if any(getattr(cell, name) is not None for cell in cells)]
    panels = names or ["patch"]
    beside = not page.is_narrow
    key = _KEY if beside else 0.0
    low = [min(getattr(cell, name) for cell in cells) for name in ("column", "row")]
    span = max(
        max(getattr(cell, name) for cell in cells) - at + 1 for name, at in zip(("column", "row"), low, strict=True)
    )
    colours = (LINE + 0.02) * (len({cell.score for cell in cells}) + 1)
    sizes = LINE + 0.18 + 1.8 * min(page.width / span, _LARGEST_KEY)
    beneath = 0.0 if beside else max(colours, sizes) + 0.05
    columns = len(panels) if beside else 1
    rows = -(-len(panels) // columns)
    width = (page.width - key - 0.06 - (columns - 1) * _BETWEEN) / columns
    height, step = 0.06 + beneath, _BETWEEN + _TITLE

    def whole(side: float) -> float:
        return height + rows * (side + step)

    side = side_for(page, width, rows, lambda side: whole(side) + foot_height(foot, page), "atlases")
    most = max(cell.count for cell in cells)
    with mpl.rc_context(STYLE):
        sheet = Sheet(page, whole(side), foot)
        for place, name in enumerate(panels):
            row, column = divmod(place, columns)
            x, y = 0.03 + column * (side + _BETWEEN), _TITLE + row * (side + step)
            sheet.text(x, y - 0.03, _TITLES[name], va="bottom", weight="bold")
            axis = sheet.axes(x, y, side, side)
            for cell in cells:
                _cell(axis, cell, getattr(cell, name), (cell.column - low[0], cell.row - low[1]), most, bands, stretch)
            axis.set(xlim=(-0.05, span + 0.05), ylim=(-0.05, span + 0.05), facecolor="#F4F4F4")
            if len(panels) > 1:
                put_letter(axis, place)
        x, y = (0.03 + columns * (side + _BETWEEN), _TITLE) if beside else (0.03, rows * (side + step))
        ends = _colours(sheet, x, y, [(ink(score), scores[score]) for score in sorted({cell.score for cell in cells})])
        x, y = (x, ends + 0.06) if beside else (x + page.width / 2, y)
        _sizes(sheet, x, y, most, side / (span + 0.1))
    return sheet.figure


def _cell(
    axis: Axes,
    cell: AtlasCell,
    image: Floats | None,
    at: tuple[int, int],
    most: int,
    bands: Sequence[str],
    stretch: Stretch,
) -> None:
    side = _side(cell.count, most)
    x, y = at[0] + (1 - side) / 2, at[1] + (1 - side) / 2
    if image is not None:
        pixels = rgb(image, bands, stretch)
        axis.imshow(pixels, origin="lower", interpolation="none", extent=(x, x + side, y, y + side), aspect="equal")
    axis.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=ink(cell.score), linewidth=0.8, zorder=3))


def _colours(sheet: Sheet, x: float, y: float, named: Sequence[tuple[str, str]]) -> float:
    """Which class has which colour; returns where that ends."""
    sheet.text(x, y, "adds most to", va="top")
    y += LINE + 0.03
    for colour, name in named:
        axis = sheet.axes(x, y + 0.01, 0.075, 0.075)
        axis.set_facecolor(colour)
        sheet.text(x + 0.12, y + 0.047, wrapped(name, _KEY - 0.15), va="center", fontsize=SMALL)
        y += LINE + 0.02
    return y


def _sizes(sheet: Sheet, x: float, y: float, most: int, cell: float) -> None:
    """How many places a cell of which size holds."""
    sizes = {count: cell * _side(count, most) for count in {most, max(most // 4, 1), max(most // 16, 1)}}
    sizes = {count: side for count, side in sizes.items() if side <= _LARGEST_KEY}
    sheet.text(x, y, "places" if sizes else f"at most\n{most} places", va="top")
    y += LINE + 0.03
    for count in sorted(sizes, reverse=True):
        sheet.axes(x, y, sizes[count], sizes[count]).set_facecolor("#DDDDDD")
        sheet.text(x + max(sizes.values()) + 0.05, y + sizes[count] / 2, str(count), va="center")
        y += sizes[count] + 0.05


def _side(count: int, most: int) -> float:
    """Of a cell, so that its area goes with its count."""
    return max(float(np.sqrt(count / most)), _SMALLEST) * 0.96
