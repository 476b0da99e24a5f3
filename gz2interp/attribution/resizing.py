"""From a layer's cells to the image's pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices

__all__ = ["ALIGNMENTS", "resized"]

Floats = NDArray[np.float32]

ALIGNMENTS: Final = ("centres", "corners")


def resized(maps: Floats, shape: tuple[int, int], alignment: str = "centres") -> Floats:
    """Maps of a layer's cells, interpolated linearly to pixels.

    Parameters
    ----------
    maps : float32 (n, y, x)
        One number per cell.
    shape : (y, x)
        Of the image, in pixels.
    alignment : str, optional
        ``"centres"``: the cells tile the image, and each cell's number stands at the middle of the pixels it covers, as
        in ``grid_mode`` of `scipy.ndimage.zoom`; beyond the outermost middles it stays the same. ``"corners"``: the
        outermost cells stand on the outermost pixels, as in `scipy.ndimage.zoom` by default.

    Returns
    -------
    float32 (n, y, x)
    """
    rows, columns = (weights(cells, pixels, alignment) for cells, pixels in zip(maps.shape[1:], shape, strict=True))
    return np.asarray(rows @ maps @ columns.T, np.float32)


def weights(cells: int, pixels: int, alignment: str) -> Floats:
    """How much each cell counts at each pixel along one axis, float32 (pixel, cell); every row sums to 1.

    >>> weights(2, 4, "centres")
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]], dtype=float32)
    """
    where = np.clip(positions(cells, pixels, alignment), 0, cells - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(where[:, None] - np.arange(cells))), np.float32)


def positions(cells: int, pixels: int, alignment: str) -> NDArray[np.float64]:
    """Where each pixel lies along one axis, counted in cells from the middle of the first, float64 (pixel,)."""
    pixel = np.arange(pixels, dtype=np.float64)
    if alignment == "centres":
        return (pixel + 0.5) * cells / pixels - 0.5
    if alignment == "corners":
        return pixel * (cells - 1) / max(pixels - 1, 1)
    raise InputError(
        f"There is no alignment {alignment!r}", f"One of {choices(ALIGNMENTS)}", "Leave it out for 'centres'"
    )
