"""A row per band: each band's image and its attribution map, one column per galaxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import draw_picture
from gz2interp.figures.pieces.maps import MapScale, colour_bar, draw_map, total
from gz2interp.figures.pieces.pictures import FOR_WCS, band_grey, hatch_invalid, put_place, show, stretch_for, wcs_of
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import RGB, STYLE, FigureSize, FigureStyle

__all__ = ["by_band_figure"]

Floats = NDArray[np.floating[Any]]

_NAMES, _BAR, _BETWEEN = 0.42, 0.54, 0.1
_WIDEST: Final = 1.25
_MOST: Final = {1: 2, 2: 4}
"""Galaxies beside one another."""


def by_band_figure(
    galaxies: Sequence[FigureGalaxy],
    maps: Sequence[Floats],
    bands: Sequence[str],
    scale: MapScale,
    manner: FigureStyle,
    foot: str = "",
) -> Figure:
    """Rows: all bands together, then each band; of each galaxy its image and its map, all maps on one scale.

    Parameters
    ----------
    galaxies : sequence of FigureGalaxy
        Their words stand above.
    maps : sequence of float32 (y, x, band)
    bands : sequence of str
    scale : MapScale
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no galaxy, or more than a page has room for, or the maps are not of single bands.
    """
    page = manner.page
    _refuse(galaxies, maps, page)
    rows = ["all", *bands]
    left, beneath = FOR_WCS if manner.axes == "wcs" else (0.0, 0.0)
    pitch = (page.width - _NAMES - _BAR) / len(galaxies)
    widest = min((pitch - left - _BETWEEN - GAP) / 2, _WIDEST)
    texts = [wrapped(galaxy.words, max(2 * widest, 1.2)) for galaxy in galaxies]
    head = LINE * (max(text.count("\n") for text in texts) + 1) + 0.06

    def height(side: float) -> float:
        return head + len(rows) * (side + GAP) + beneath

    side = side_for(page, widest, len(rows), lambda side: height(side) + foot_height(foot, page), "bands")
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, height(side), foot)
        pairs = BandPanels(bands, scale, manner, stretch_for(galaxies, bands))
        places = [_NAMES + k * pitch + left + (pitch - left - 2 * side - GAP) / 2 for k in range(len(galaxies))]
        for row, name in enumerate(rows):
            y = head + row * (side + GAP) + (beneath if row else 0.0)
            sheet.text(places[0] - left - 0.05, y + side / 2, name if row else "all\nbands", ha="right", va="center")
            for place, (x, galaxy, values) in enumerate(zip(places, galaxies, maps, strict=True)):
                wcs = wcs_of(galaxy, manner.axes)
                picture, map_ = (sheet.axes(x + k * (side + GAP), y, side, side, wcs) for k in range(2))
                if row:
                    pairs.of_band(picture, map_, galaxy, values, row - 1)
                else:
                    pairs.of_all(picture, map_, galaxy, values)
                    sheet.text(x, head - 0.03, texts[place], va="bottom")
                    put_letter(picture, place)
        bar = sheet.axes(places[-1] + 2 * (side + GAP) + 0.02, head, 0.07, min(1.6, 2 * side))
        colour_bar(sheet.figure, bar, scale, manner)
    return sheet.figure


@dataclass(frozen=True, eq=False)
class BandPanels:
    """An image and its map beside one another, of all bands or of one."""

    bands: Sequence[str]
    scale: MapScale
    manner: FigureStyle
    stretch: Stretch

    def of_all(self, picture: Axes, map_: Axes, galaxy: FigureGalaxy, values: Floats) -> None:
        """In colour, and the map of all bands together."""
        draw_picture(picture, galaxy, self.bands, self.stretch)
        draw_map(map_, total(values), galaxy, self.bands, self.scale, self.manner, self.stretch)
        put_place(picture, galaxy, self.manner.axes, first=True)
        self._put_coordinates(map_, galaxy)

    def of_band(self, picture: Axes, map_: Axes, galaxy: FigureGalaxy, values: Floats, place: int) -> None:
        """In grey, and the map of that band, laid over the band's own image where it is laid over one."""
        band_style = replace(self.manner, on=self.bands[place]) if self.manner.on == RGB else self.manner
        show(picture, band_grey(galaxy.image[..., place]))
        hatch_invalid(picture, galaxy.valid)
        draw_map(map_, values[..., place], galaxy, self.bands, self.scale, band_style, self.stretch)
        self._put_coordinates(picture, galaxy)
        self._put_coordinates(map_, galaxy)

    def _put_coordinates(self, axis: Axes, galaxy: FigureGalaxy) -> None:
        if self.manner.axes == "wcs":
            put_place(axis, galaxy, self.manner.axes, first=False)


def _refuse(galaxies: Sequence[FigureGalaxy], maps: Sequence[Floats], page: FigureSize) -> None:
    if not 0 < len(galaxies) <= _MOST[page.columns]:
        raise InputError(
            f"{len(galaxies)} galaxies beside one another were asked for",
            f"1 to {_MOST[page.columns]} on a page of {page}",
            "Draw one figure for each galaxy (--each)",
        )
    if any(values.ndim != 3 for values in maps):
        raise InputError(
            "The method says nothing of single bands", "A method whose maps have bands", "gz2interp methods lists them"
        )
