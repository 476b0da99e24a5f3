"""From a layer's cells to the image's pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry, tiled
from gz2interp.errors import InputError, choices

__all__ = ["ALIGNMENTS", "resized"]

Floats = NDArray[np.float32]

ALIGNMENTS: Final = ("centres", "corners")


def resized(
    maps: Floats, shape: tuple[int, int], alignment: str = "centres", cells: CellGeometry | None = None
) -> Floats:
    """Maps of a layer's cells, interpolated linearly to pixels.

    Parameters
    ----------
    maps : float32 (n, y, x)
        One number per cell.
    shape : (y, x)
        Of the image, in pixels.
    alignment : str, optional
        ``"centres"``: each cell's number stands at the cell's centre; beyond the outermost centres it stays the same.
        ``"corners"``: the outermost cells stand on the outermost pixels, as in `scipy.ndimage.zoom` by default.
    cells : CellGeometry, optional
        Where the cells' centres are, for an image of that shape. By default the cells tile the image, as in
        ``grid_mode`` of `scipy.ndimage.zoom`.

    Returns
    -------
    float32 (n, y, x)
    """
    if alignment not in ALIGNMENTS:
        raise InputError(
            f"There is no alignment {alignment!r}", f"One of {choices(ALIGNMENTS)}", "Leave it out for 'centres'"
        )
    geometry = cells or tiled(maps.shape[1:], shape)
    if alignment == "corners":
        y, x = (np.linspace(0, side - 1, count) for side, count in zip(shape, maps.shape[1:], strict=True))
        geometry = CellGeometry(tuple(y), tuple(x), geometry.field, shape, alignment)
    rows, columns = geometry.weights()
    return np.asarray(rows @ maps @ columns.T, np.float32)
