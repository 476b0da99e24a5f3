"""Many galaxies through one method: a row each, all maps on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.maps import MapScale, colour_bar, draw_map, total
from gz2interp.figures.pieces.pictures import FOR_WCS, band_grey, hatch_invalid, put_place, show, stretch_for, wcs_of
from gz2interp.figures.pieces.sheet import GAP, SMALLEST_SIDE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import FigureGalaxy, one_for_all
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["galaxies_figure", "panels_of"]

Floats = NDArray[np.floating[Any]]

_WORDS: Final = 1.06
"""Inches beside a row."""
_BAR: Final = 0.54
_TOP: Final = 0.17


def galaxies_figure(
    galaxies: Sequence[FigureGalaxy],
    maps: Sequence[Floats],
    bands: Sequence[str],
    scale: MapScale,
    manner: FigureStyle,
    foot: str = "",
) -> Figure:
    """Galaxies below one another: bands, colour image, map, and the map of each band where it has any.

    Where that is too much for a row, as in one column: the colour image and the map of all bands together.

    Parameters
    ----------
    galaxies : sequence of FigureGalaxy
    maps : sequence of float32 (y, x, band) or (y, x)
        One for each galaxy, all per band or none.
    bands : sequence of str
    scale : MapScale
        Of all maps.
    manner : FigureStyle
    foot : str, optional
        Beneath the figure.

    Raises
    ------
    InputError
        There is no galaxy, or more than a page has room for.
    """
    if not galaxies:
        raise InputError("A figure of no galaxy was asked for", "One galaxy or more")
    names = panels_of(bands, maps[0].ndim == 3, manner)
    page, (left, beneath) = manner.page, FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    room = _room(manner)
    rows, ends = len(galaxies), foot_height(foot, page) + _TOP

    def height(side: float) -> float:
        return rows * (side + beneath + GAP)

    side = side_for(page, room / len(names) - GAP, rows, lambda side: height(side) + ends)
    spare = room - len(names) * (side + GAP)
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, _TOP + height(side), foot)
        stretch, same = stretch_for(galaxies, bands), one_for_all(galaxy.sky for galaxy in galaxies)
        start = _WORDS + left + spare / 2
        for place, name in enumerate(names):
            middle = start + place * (side + GAP) + side / 2
            sheet.text(middle, _TOP - 0.06, name, ha="center", va="baseline")
        for row, (galaxy, values) in enumerate(zip(galaxies, maps, strict=True)):
            y = _TOP + row * (side + beneath + GAP)
            wcs = wcs_of(galaxy, manner.axes)
            line = [sheet.axes(start + k * (side + GAP), y, side, side, wcs) for k in range(len(names))]
            _draw_row(line, names, galaxy, values, bands, scale, manner, stretch)
            _place(line, names, galaxy, manner, repeat=same and row > 0)
            put_letter(line[0], row)
            text = wrapped(galaxy.words, _WORDS + spare / 2 - 0.06)
            sheet.text(_WORDS + spare / 2 - 0.04, y + side / 2, text, ha="right", va="center")
        tall = min(height(side) - GAP - beneath, 1.6)
        bar = sheet.axes(start + len(names) * (side + GAP) + 0.02, _TOP, 0.07, tall)
        colour_bar(sheet.figure, bar, scale, manner)
    return sheet.figure


def panels_of(bands: Sequence[str], per_band: bool, manner: FigureStyle) -> list[str]:
    """The titles of a row's panels: as many as a row has room for."""
    summed = "all bands" if per_band else "map"
    single = [f"in {band}" for band in bands] if per_band else []
    for names in ([*bands, "colour", summed, *single], ["colour", summed, *single]):
        if not manner.page.is_narrow and _room(manner) / len(names) - GAP >= SMALLEST_SIDE:
            return names
    return ["colour", summed]


def _room(manner: FigureStyle) -> float:
    """Inches of a row that its pictures have."""
    return manner.page.width - _WORDS - (FOR_WCS[0] if manner.axes == "wcs" else 0.0) - _BAR


def _draw_row(
    line: Sequence[Axes],
    names: Sequence[str],
    galaxy: FigureGalaxy,
    values: Floats,
    bands: Sequence[str],
    scale: MapScale,
    manner: FigureStyle,
    stretch: Any,
) -> None:
    for axis, name in zip(line, names, strict=True):
        if name in ("all bands", "map"):
            draw_map(axis, total(values), galaxy, bands, scale, manner, stretch)
        elif name.startswith("in "):
            band = list(bands).index(name.removeprefix("in "))
            draw_map(axis, values[..., band], galaxy, bands, scale, manner, stretch)
        else:
            image = rgb(galaxy.image, bands, stretch) if name == "colour" else _grey(galaxy, bands, name)
            show(axis, image)
            hatch_invalid(axis, galaxy.valid)


def _grey(galaxy: FigureGalaxy, bands: Sequence[str], name: str) -> NDArray[np.uint8]:
    return band_grey(galaxy.image[..., list(bands).index(name)])


def _place(line: Sequence[Axes], names: Sequence[str], galaxy: FigureGalaxy, manner: FigureStyle, repeat: bool) -> None:
    """Coordinates along the first picture of each row; or a bar and a compass in the colour image."""
    if manner.axes == "wcs":
        for k, axis in enumerate(line):
            put_place(axis, galaxy, manner.axes, first=k == 0)
    elif not repeat:
        put_place(line[list(names).index("colour")], galaxy, manner.axes)
