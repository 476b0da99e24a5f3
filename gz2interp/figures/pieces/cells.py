"""The cells of layouts: a galaxy's picture with its map, and boxes, outlines and bars of building blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from gz2interp.figures.colours import OKABE_ITO
from gz2interp.figures.overlay import DIVERGING
from gz2interp.figures.pieces.maps import MapScale, draw_map, total
from gz2interp.figures.pieces.pictures import hatch_invalid, put_place, show, stretch_for
from gz2interp.figures.pieces.sheet import put_letter
from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.figures.shown import FigureGalaxy, one_for_all
from gz2interp.figures.style import SMALL, FigureStyle

__all__ = [
    "INKS",
    "Cell",
    "CellStyle",
    "bars_of_effects",
    "draw_picture",
    "framed",
    "ink",
    "marked",
    "outline",
    "over_image",
    "signed",
]


Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Cell:
    """One galaxy and its map.

    Attributes
    ----------
    galaxy : FigureGalaxy
    values : float32 (y, x, band) or (y, x)
    """

    galaxy: FigureGalaxy
    values: Floats


@dataclass(frozen=True, eq=False)
class CellStyle:
    """What all cells of a figure have in common.

    Attributes
    ----------
    bands : tuple of str
    scale : MapScale
        Of all maps.
    manner : FigureStyle
    stretch : Stretch
        Of all colour images.
    told_once : bool
        Whether the bar and the compass of the first cell tell of all.
    """

    bands: Sequence[str]
    scale: MapScale
    manner: FigureStyle
    stretch: Stretch
    told_once: bool

    @classmethod
    def of(cls, cells: Sequence[Cell], bands: Sequence[str], scale: MapScale, manner: FigureStyle) -> CellStyle:
        """What the cells of a figure have in common."""
        galaxies = [cell.galaxy for cell in cells]
        return cls(bands, scale, manner, stretch_for(galaxies, bands), one_for_all(galaxy.sky for galaxy in galaxies))

    def cell(self, picture: Axes, map_: Axes, cell: Cell, place: int) -> None:
        """Picture with its letter, and the map."""
        draw_picture(picture, cell.galaxy, self.bands, self.stretch)
        if self.manner.axes == "wcs" or place == 0 or not self.told_once:
            put_place(picture, cell.galaxy, self.manner.axes)
        put_letter(picture, place)
        draw_map(map_, total(cell.values), cell.galaxy, self.bands, self.scale, self.manner, self.stretch)
        if self.manner.axes == "wcs":
            put_place(map_, cell.galaxy, self.manner.axes, first=False)


def draw_picture(axis: Axes, galaxy: FigureGalaxy, bands: Sequence[str], stretch: Stretch) -> None:
    """The colour image, hatched where it is not valid."""
    show(axis, rgb(galaxy.image, bands, stretch))
    hatch_invalid(axis, galaxy.valid)


INKS: Final = OKABE_ITO
"""Of groups and classes, in their order; distinguishable with colour blindness, and numbered."""

OTHERS: Final = "#777777"

_FIRES: Final = 0.5
"""Of a channel's greatest value in a galaxy: it fires where it reaches that."""

_OPACITY: Final = 0.8


def ink(place: int) -> str:
    """The colour of a group or a class; grey beyond the number of colours."""
    return INKS[place] if place < len(INKS) else OTHERS


def over_image(ground: NDArray[np.uint8], loads: Floats, inks: Sequence[str]) -> NDArray[np.uint8]:
    """Maps of groups over an image: in each place the colours mixed by their loads, opaque where they are strong.

    Parameters
    ----------
    ground : uint8 (y, x, 3)
    loads : float (y, x, group)
        In one unit for all groups, on the image's pixels: see `CellGeometry.on_pixels`.
    inks : sequence of str
        Of each group.
    """
    loads = np.maximum(loads, 0)
    total = loads.sum(axis=-1, keepdims=True)
    share = np.divide(loads, total, out=np.zeros_like(loads), where=total > 0)
    colours = 255 * share @ np.array([to_rgb(item) for item in inks])
    opacity = _OPACITY * np.clip(total / (np.quantile(total, 0.995) or 1.0), 0, 1)
    grey = ground.mean(axis=-1, keepdims=True)  # so that the galaxy's own colours are not taken for groups
    return np.asarray(np.round(grey * (1 - opacity) + colours * opacity)).astype(np.uint8)


def outline(axis: Axes, map_: Floats, shape: tuple[int, int], colour: str = "white") -> None:
    """Where a map of a layer's plane (y, x) is above half of its greatest value, over an image of a shape."""
    peak = float(np.max(map_))
    if peak <= 0 or min(map_.shape) < 2 or float(np.min(map_)) >= _FIRES * peak:
        return
    padded = np.pad(map_, 1)  # so that outlines close at the border
    y, x = ((np.arange(-1, n + 1) + 0.5) * side / n - 0.5 for n, side in zip(map_.shape, shape, strict=True))
    axis.contour(x, y, padded, levels=[_FIRES * peak], colors=[colour], linewidths=0.8)


def marked(axis: Axes, box: tuple[float, float, float, float], colour: str, words: str = "") -> None:
    """A box (y, x, height, width) in pixels, with a number beside its upper left corner."""
    y, x, height, width = box
    axis.add_patch(Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor=colour, linewidth=1.0, zorder=6))
    if words:
        axis.text(
            x - 0.5,
            y - 0.5 + height,
            words,
            color="white",
            fontsize=SMALL,
            weight="bold",
            va="top",
            ha="left",
            bbox={"facecolor": colour, "linewidth": 0, "pad": 0.8},
            zorder=7,
        )


def framed(axis: Axes, colour: str, width: float = 1.0) -> None:
    """The frame of axes in a colour."""
    for spine in axis.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(width)


def bars_of_effects(
    axis: Axes, attributed: Floats, removed: Floats | None, names: Sequence[str], limit: float, labelled: bool = True
) -> None:
    """What is attributed to a block for each score as bars, red for and blue against, and what its removal changes as
    marks.
    """
    places = np.arange(len(names))[::-1]
    colours = [DIVERGING[-1] if value >= 0 else DIVERGING[0] for value in attributed]
    axis.barh(places, attributed, 0.62, color=colours)
    if removed is not None:
        axis.plot(removed, places, "d", color="black", markersize=2.2, markeredgewidth=0, zorder=5)
    axis.axvline(0, color="black", linewidth=0.5)
    axis.set_xlim(-1.08 * limit, 1.08 * limit)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_yticks(places, list(names) if labelled else [""] * len(names), fontsize=SMALL)
    axis.set_xticks([-limit, 0, limit], [signed(-limit), "0", signed(limit)], fontsize=SMALL)
    axis.tick_params(length=1.5, width=0.4, pad=1)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def signed(value: float) -> str:
    """With its sign, two digits.

    >>> signed(0.5), signed(12.3), signed(0.0)
    ('+0.5', '+12', '0')
    """
    words = f"{value:+.2g}" if abs(value) >= 5e-3 else "0"
    return words.replace("-", "\N{MINUS SIGN}")
