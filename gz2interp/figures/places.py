"""Places of a layer's plane in pictures: framed, cut out, and maps of them laid over a galaxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.figures.colours import OKABE_ITO, OTHER
from gz2interp.figures.overlay import over, symmetric_limit

__all__ = ["class_colours", "framed_places", "on_cells", "over_places", "pieces_around"]

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

ENLARGED: Final = 3
"""Times, so that a frame is thinner than a pixel of the galaxy."""

CELLS: Final = 3
"""Of the plane, that a piece shows along each side."""

SMALLEST: Final = 16
"""Pixels of a piece: less shows nothing."""


def class_colours(count: int) -> list[str]:
    """A colour for each of some classes or groups; grey where the palette has no more."""
    return [*OKABE_ITO, *[OTHER] * count][:count]


def framed_places(pictures: Bytes, plane: tuple[int, int], y: Ints, x: Ints) -> Bytes:
    """Pictures with a frame around one place of the plane each.

    Parameters
    ----------
    pictures : uint8 (n, y, x, 3)
    plane : (int, int)
        Cells (y, x) that lie over the whole picture; one cell is not framed.
    y, x : int64 (n,)

    Returns
    -------
    uint8 (n, 3 y, 3 x, 3)
    """
    large = pictures.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    if max(plane) < 2:
        return large
    for picture, row, column in zip(large, y, x, strict=True):
        (top, bottom), (left, right) = (
            _edges(int(at), cells, side) for at, cells, side in zip((row, column), plane, picture.shape, strict=False)
        )
        for inset, ink in ((0, 0), (1, 255), (2, 255), (3, 0)):  # white between black: seen on any ground
            _rectangle(picture, top + inset, bottom - inset, left + inset, right - inset, ink)
    return large


def pieces_around(images: Floats, plane: tuple[int, int], y: Ints, x: Ints) -> Floats:
    """Pieces of images around a place of the plane each, three cells wide and inside the image.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    plane : (int, int)
    y, x : int64 (n,)

    Returns
    -------
    float32 (n, y', x', band)
    """
    shape = images.shape[1:3]
    sides = [min(max(round(CELLS * side / cells), SMALLEST), side) for side, cells in zip(shape, plane, strict=True)]
    found = np.empty((len(images), *sides, images.shape[-1]), images.dtype)
    for piece, image, *at in zip(found, images, y, x, strict=True):
        low = [
            int(np.clip(round((place + 0.5) * whole / cells - side / 2), 0, whole - side))
            for place, cells, side, whole in zip(at, plane, sides, shape, strict=True)
        ]
        piece[:] = image[low[0] : low[0] + sides[0], low[1] : low[1] + sides[1]]
    return found


def on_cells(map_: Floats, shape: Sequence[int]) -> Floats:
    """A map of the plane (y, x) on an image's pixels, each cell as flat as it is."""
    y, x = (np.arange(side) * cells // side for side, cells in zip(shape, map_.shape, strict=False))
    return np.asarray(map_[np.ix_(y, x)])


def over_places(picture: Bytes, map_: Floats) -> tuple[Bytes, float]:
    """A signed map of the plane laid over a galaxy's picture (y, x, 3), and the limit of its scale."""
    limit = symmetric_limit(map_)
    return over(picture, on_cells(map_, picture.shape), limit), limit


def _edges(at: int, cells: int, side: int) -> tuple[int, int]:
    return round(at * side / cells), round((at + 1) * side / cells) - 1


def _rectangle(picture: Bytes, top: int, bottom: int, left: int, right: int, ink: int) -> None:
    if top < bottom and left < right:
        picture[[top, bottom], left : right + 1] = ink
        picture[top : bottom + 1, [left, right]] = ink
