"""Activation atlas: activations at many places, arranged by similarity, with pictures of equal size."""

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
from gz2interp.figures.pieces.cells import ink
from gz2interp.figures.pieces.pictures import put_compass, put_scale_bar, stretch_for_features
from gz2interp.figures.pieces.sheet import LINE, FigureSheet, foot_height, put_letter, wrapped
from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import SMALL, STYLE, TALLEST, FigureSize, FigureStyle

__all__ = ["AtlasCell", "atlas_figure", "stretch_for_patches"]

Floats = NDArray[np.floating[Any]]

_KEY, _BETWEEN, _TITLE = 0.95, 0.1, 0.17
_LEGIBLE: Final = 0.16
"""Inches of a picture below which nothing is seen in it: about 4 mm."""
_PICTURE: Final = 0.87
"""Of the distance from cell to cell; beneath the picture lies a bar as long as the cell is full."""
_WIDEST: Final = 0.8
"""Inches from cell to cell: few cells need not fill a page."""
_SAMPLE: Final = 0.6
"""Inches of the picture beside the key, with scale bar and compass."""
_DARK: Final = 0.4
"""Quantile of the patches' stretches that all get: faint outskirts are visible, and the noise of the sky barely."""
_TITLES: Final = {"feature": "feature images", "patch": "real patches"}


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
    manner: FigureStyle,
    foot: str = "",
    sky: CutoutSky | None = None,
) -> Figure:
    """One panel of real patches, and one of feature images where there are any.

    All pictures are of one size, however many places a cell holds: a bar beneath each tells that. The panels stand
    beside one another, or beneath where their pictures would become too small.

    Parameters
    ----------
    cells : sequence of AtlasCell
    scores : sequence of str
        As one reads them; a cell's frame has the colour of the one that it adds most to.
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional
    sky : CutoutSky, optional
        Of all patches, where it is one for all: for the scale bar and the compass.

    Raises
    ------
    InputError
        There is no cell, there are more scores than colours, or so many cells that nothing would be seen in them.
    """
    if not cells:
        raise InputError("An atlas without cells was given", "At least one", "Sample more places, or take fewer cells")
    page = manner.page
    panels = [name for name in ("feature", "patch") if any(getattr(cell, name) is not None for cell in cells)]
    panels = panels or ["patch"]
    low = [min(getattr(cell, name) for cell in cells) for name in ("column", "row")]
    wide, tall = (
        max(getattr(cell, name) for cell in cells) - at + 1 for name, at in zip(("column", "row"), low, strict=True)
    )
    beside = not page.is_narrow
    key = _KEY if beside else 0.0
    beneath = 0.0 if beside else _key_height(cells)
    columns, pitch = _arrangement(page, len(panels), (wide, tall), key, beneath + foot_height(foot, page))
    if pitch * _PICTURE < _LEGIBLE and len(panels) > 1:
        panels, foot = ["patch"], f"{foot} Feature images are left out: two panels would be too small to be seen."
        columns, pitch = _arrangement(page, 1, (wide, tall), key, beneath + foot_height(foot, page))
    _checked(pitch, (wide, tall), page)
    rows = -(-len(panels) // columns)
    across, up = wide * pitch, tall * pitch
    body = max(rows * (up + _TITLE + _BETWEEN), _key_height(cells) + _TITLE if beside else 0.0)
    most = max(cell.count for cell in cells)
    stretches = {"patch": stretch_for_patches(cells, bands), "feature": stretch_for_features(_features(cells), bands)}
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, 0.06 + body + beneath, foot)
        for place, name in enumerate(panels):
            row, column = divmod(place, columns)
            x, y = 0.03 + column * (across + _BETWEEN), _TITLE + row * (up + _TITLE + _BETWEEN)
            sheet.text(x, y - 0.03, _TITLES[name], va="bottom", weight="bold")
            axis = sheet.axes(x, y, across, up)
            for cell in cells:
                image, at = getattr(cell, name), (cell.column - low[0], cell.row - low[1])
                _cell(axis, cell, None if image is None else rgb(image, bands, stretches[name]), at, most)
            axis.set(xlim=(-0.04, wide + 0.04), ylim=(-0.04, tall + 0.04), facecolor="#F4F4F4")
            axis.set_aspect("equal")
            if len(panels) > 1:
                put_letter(axis, place)
        x, y = (0.06 + columns * (across + _BETWEEN), _TITLE) if beside else (0.03, body)
        _key(sheet, (x, y), cells, scores, sky)
    return sheet.figure


def stretch_for_patches(cells: Sequence[AtlasCell], bands: Sequence[str]) -> Stretch:
    """One stretch for all patches, of their own: that of whole galaxies leaves outskirts and sky black."""
    scales = [stretch_of(cell.patch[None], bands).scale for cell in cells if cell.patch is not None]
    return Stretch(float(np.quantile(scales, _DARK))) if scales else Stretch()


def _features(cells: Sequence[AtlasCell]) -> list[Floats | None]:
    return [cell.feature for cell in cells]


def _arrangement(page: FigureSize, panels: int, span: tuple[int, int], key: float, others: float) -> tuple[int, float]:
    """Panels in a line, and inches from cell to cell: the largest that a page has room for."""
    wide, tall = span
    widths = {}
    for columns in range(1, panels + 1):
        rows = -(-panels // columns)
        width = page.width - key - 0.09 - columns * _BETWEEN
        height = TALLEST - 0.06 - others - rows * (_TITLE + _BETWEEN)
        widths[columns] = min(width / (columns * wide), height / (rows * tall))
    columns = max(widths, key=lambda count: widths[count])
    return columns, min(widths[columns], _WIDEST)


def _checked(pitch: float, span: tuple[int, int], page: FigureSize) -> None:
    """Refuse cells in which nothing would be seen."""
    if pitch * _PICTURE < _LEGIBLE:
        raise InputError(
            f"Pictures of an atlas of {span[0]} by {span[1]} cells are {25.4 * pitch * _PICTURE:.1f} mm on a page of "
            f"{page}",
            f"At least {25.4 * _LEGIBLE:.0f} mm",
            "Use two columns, the atlas of one class (--of), or fewer cells",
        )


def _cell(
    axis: Axes,
    cell: AtlasCell,
    pixels: NDArray[np.uint8] | None,
    at: tuple[int, int],
    most: int,
) -> None:
    """Its picture in a frame, and beneath it a bar as long as the share of the fullest cell's places."""
    x, y = at[0] + (1 - _PICTURE) / 2, at[1] + 1 - 0.03 - _PICTURE
    if pixels is not None:
        extent = (x, x + _PICTURE, y, y + _PICTURE)
        axis.imshow(pixels, origin="lower", interpolation="none", extent=extent, aspect="equal")
    colour = ink(cell.score)
    axis.add_patch(Rectangle((x, y), _PICTURE, _PICTURE, fill=False, edgecolor=colour, linewidth=1.0, zorder=3))
    length = _PICTURE * cell.count / most
    axis.add_patch(Rectangle((x, y - 0.075), length, 0.045, facecolor="#555555", linewidth=0, zorder=3))


def _key_height(cells: Sequence[AtlasCell]) -> float:
    return (LINE + 0.02) * (len({cell.score for cell in cells}) + 1) + 3 * LINE + 0.3 + _SAMPLE


def _key(
    sheet: FigureSheet,
    at: tuple[float, float],
    cells: Sequence[AtlasCell],
    scores: Sequence[str],
    sky: CutoutSky | None,
) -> None:
    """Which class has which colour, how many places a full bar stands for, and how large a patch is on the sky."""
    x, y = at
    named = [(ink(score), scores[score]) for score in sorted({cell.score for cell in cells})]
    y = _colours(sheet, x, y, named) + 0.08
    sheet.text(x, y, f"bar: places in the cell,\nat most {max(cell.count for cell in cells):,}", va="top")
    y += 2 * LINE + 0.12
    patch = next((cell.patch for cell in cells if cell.patch is not None), None)
    if patch is None or sky is None or not np.isfinite(sky.pixel_scale):
        return
    sheet.text(x, y, "each patch", va="top")
    axis = sheet.axes(x, y + LINE + 0.03, _SAMPLE, _SAMPLE * patch.shape[0] / patch.shape[1])
    axis.set(xlim=(-0.5, patch.shape[1] - 0.5), ylim=(-0.5, patch.shape[0] - 0.5), facecolor="black")
    put_scale_bar(axis, sky, patch.shape[:2])
    put_compass(axis, sky, patch.shape[:2])


def _colours(sheet: FigureSheet, x: float, y: float, named: Sequence[tuple[str, str]]) -> float:
    """Which class has which colour; returns where that ends."""
    sheet.text(x, y, "frame: adds most to", va="top")
    y += LINE + 0.03
    for colour, name in named:
        axis = sheet.axes(x, y + 0.01, 0.075, 0.075)
        axis.set_facecolor(colour)
        sheet.text(x + 0.12, y + 0.047, wrapped(name, _KEY - 0.15), va="center", fontsize=SMALL)
        y += LINE + 0.02
    return y
