"""Places of a layer's plane in pictures: frames, crops, and maps drawn over a galaxy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.figures.colours import OKABE_ITO, OTHER
from gz2interp.figures.overlay import over, symmetric_limit

__all__ = ["class_colours", "framed_places", "on_cells", "over_places", "piece_sides", "pieces_around"]

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


def framed_places(pictures: Bytes, cells: CellGeometry, y: Ints, x: Ints) -> Bytes:
    """Pictures with a frame around one place of the plane each.

    Parameters
    ----------
    pictures : uint8 (n, y, x, 3)
    cells : CellGeometry
        Of the layer's plane; a single cell is not framed.
    y, x : int64 (n,)

    Returns
    -------
    uint8 (n, 3 y, 3 x, 3)
    """
    large = pictures.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    if max(cells.plane) < 2:
        return large
    for picture, row, column in zip(large, y, x, strict=True):
        low_y, low_x, height, width = cells.box(int(row), int(column))
        (top, bottom), (left, right) = (
            _edges(low, extent, side)
            for low, extent, side in zip((low_y, low_x), (height, width), picture.shape, strict=False)
        )
        for inset, ink in ((0, 0), (1, 255), (2, 255), (3, 0)):  # white between black: seen on any ground
            _rectangle(picture, top + inset, bottom - inset, left + inset, right - inset, ink)
    return large


def pieces_around(images: Floats, cells: CellGeometry, y: Ints, x: Ints) -> Floats:
    """Pieces of images around a place of the plane each, three cells wide and inside the image.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    cells : CellGeometry
        Of the layer's plane.
    y, x : int64 (n,)

    Returns
    -------
    float32 (n, y', x', band)
    """
    sides = piece_sides(cells)
    regions = np.empty((len(images), *sides, images.shape[-1]), images.dtype)
    for piece, image, row, column in zip(regions, images, y, x, strict=True):
        piece[:] = image[cells.window(int(row), int(column), sides)]
    return regions


def piece_sides(cells: CellGeometry) -> tuple[int, int]:
    """Pixels (y, x) of a piece around a cell: three strides, at least 16 and at most the image."""
    height, width = (
        min(max(round(CELLS * stride), SMALLEST), side) for stride, side in zip(cells.stride, cells.image, strict=True)
    )
    return height, width


def on_cells(map_: Floats, cells: CellGeometry) -> Floats:
    """A map of the plane (y, x) on the image's pixels, each of which has the value of the nearest cell."""
    return np.asarray(map_[np.ix_(*cells.nearest_cells())])


def over_places(picture: Bytes, map_: Floats, cells: CellGeometry) -> tuple[Bytes, float]:
    """A signed map of the plane laid over a galaxy's picture (y, x, 3), and the limit of its scale."""
    limit = symmetric_limit(map_)
    return over(picture, on_cells(map_, cells), limit), limit


def _edges(low: float, extent: float, side: int) -> tuple[int, int]:
    """First and last pixel of a box in an enlarged picture; at the rim what is inside of it."""
    first, last = ENLARGED * (low + 0.5), ENLARGED * (low + extent + 0.5) - 1
    return max(round(first), 0), min(round(last), side - 1)


def _rectangle(picture: Bytes, top: int, bottom: int, left: int, right: int, ink: int) -> None:
    if top < bottom and left < right:
        picture[[top, bottom], left : right + 1] = ink
        picture[top : bottom + 1, [left, right]] = ink
