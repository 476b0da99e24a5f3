"""Positions of a layer's cells in the image: plain numbers, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MEASURED", "CellGeometry", "tiled"]

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

THEORY: Final = "theory"
MEASURED: Final = "gradients"
TILED: Final = "tiled"


@dataclass(frozen=True)
class CellGeometry:
    """Positions of a layer's cells in the network's input image [pixel]; the first pixel's centre is 0.

    Attributes
    ----------
    y, x : tuple of float
        Centre of each row and each column of cells, not decreasing: the mean position of the pixels that a cell is
        computed from, without padding.
    field : (float, float)
        Receptive field (y, x) of a middle cell [pixel]; NaN where it is unknown.
    image : (int, int)
        Shape (y, x) of the image.
    origin : str
        ``"theory"``: from kernels, strides and paddings. ``"gradients"``: measured. ``"tiled"``: the cells tile the
        image, since only the shape of the plane is known.
    """

    y: tuple[float, ...]
    x: tuple[float, ...]
    field: tuple[float, float]
    image: tuple[int, int]
    origin: str = THEORY

    @property
    def plane(self) -> tuple[int, int]:
        """Cells (y, x)."""
        return len(self.y), len(self.x)

    @property
    def stride(self) -> tuple[float, float]:
        """Distance of neighbouring cells in the middle of the image, (y, x) [pixel]; the image's side for one cell."""
        return _stride(self.y, self.image[0]), _stride(self.x, self.image[1])

    def centre(self, y: int, x: int) -> tuple[float, float]:
        """Centre (y, x) of one cell [pixel]."""
        return self.y[y], self.x[x]

    def nearest(self, y: float, x: float) -> tuple[int, int]:
        """The cell (y, x) whose centre is nearest to a position in the image [pixel]."""
        row, column = (int(np.abs(np.subtract(axis, at)).argmin()) for axis, at in ((self.y, y), (self.x, x)))
        return row, column

    def nearest_cells(self) -> tuple[Ints, Ints]:
        """For each row and each column of pixels the cell whose centre is nearest, int64 (y,) and (x,)."""
        rows, columns = (
            np.abs(np.arange(pixels)[:, None] - np.array(axis)).argmin(axis=1)
            for axis, pixels in zip((self.y, self.x), self.image, strict=True)
        )
        return rows.astype(np.int64), columns.astype(np.int64)

    def weights(self) -> tuple[Floats, Floats]:
        """Weights of linear interpolation from cells to pixels, float32 (y, row) and (x, column).

        Each pixel's weights sum to 1. Beyond the outermost centres the outermost value is used.
        """
        rows, columns = (_weights(axis, pixels) for axis, pixels in zip((self.y, self.x), self.image, strict=True))
        return rows, columns

    def averaged(self, cells: int) -> CellGeometry:
        """The geometry of `cells` averaged cells along each side, each of neighbouring cells; 0 for no averaging."""
        if not cells:
            return self
        y, x = (
            tuple(float(np.mean(part)) for part in np.array_split(np.array(axis), cells)) for axis in (self.y, self.x)
        )
        return replace(self, y=y, x=x, field=(float("nan"), float("nan")))

    def on_pixels(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the cells (y, x, ...), interpolated linearly to the image's pixels."""
        rows, columns = self.weights()
        return np.asarray(np.einsum("pr,qc,rc...->pq...", rows, columns, values, optimize=True))

    def edges(self) -> tuple[Doubles, Doubles]:
        """Boundaries between neighbouring cells, float64 (y + 1,) and (x + 1,) [pixel].

        Halfway between centres; the outermost are the image's own edges, -0.5 and so on.
        """
        rows, columns = (
            np.concatenate([[-0.5], (np.array(axis[1:]) + np.array(axis[:-1])) / 2, [pixels - 0.5]])
            for axis, pixels in zip((self.y, self.x), self.image, strict=True)
        )
        return rows, columns

    def box(self, y: int, x: int, cells: float = 1.0) -> tuple[float, float, float, float]:
        """A box around a cell, `cells` strides wide: its lower corner (y, x), height and width [pixel].

        The first pixel extends from -0.5 to 0.5. The box of a cell at the edge may extend beyond the image.
        """
        (height, width), (row, column) = self.stride, self.centre(y, x)
        return row - cells * height / 2, column - cells * width / 2, cells * height, cells * width

    def window(self, y: int, x: int, sides: tuple[int, int]) -> tuple[slice, slice]:
        """Slices (y, x) of a window of `sides` pixels around a cell, shifted inwards at the image's edge."""
        rows, columns = (
            _window(at, side, pixels) for at, side, pixels in zip(self.centre(y, x), sides, self.image, strict=True)
        )
        return rows, columns

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        field = [None if np.isnan(side) else side for side in self.field]
        return {"y": list(self.y), "x": list(self.x), "field": field, "image": list(self.image), "origin": self.origin}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CellGeometry:
        """The inverse of `to_json`."""
        y, x = (tuple(float(at) for at in values[name]) for name in "yx")
        high, wide = (float("nan") if side is None else float(side) for side in values["field"])
        height, width = (int(side) for side in values["image"])
        return cls(y, x, (high, wide), (height, width), str(values["origin"]))


def tiled(plane: Sequence[int], image: Sequence[int]) -> CellGeometry:
    """The geometry of cells that tile an image, for a plane of which only the shape is known.

    >>> tiled((2, 2), (4, 8)).x
    (1.5, 5.5)
    """
    y, x = (
        tuple((k + 0.5) * pixels / cells - 0.5 for k in range(cells))
        for cells, pixels in zip(plane[:2], image[:2], strict=True)
    )
    return CellGeometry(y, x, (float("nan"), float("nan")), (int(image[0]), int(image[1])), TILED)


def _stride(centres: Sequence[float], pixels: int) -> float:
    if len(centres) < 2:
        return float(pixels)
    middle = max(len(centres) // 2, 1)
    return float(centres[middle] - centres[middle - 1])


def _weights(centres: Sequence[float], pixels: int) -> Floats:
    at = np.interp(np.arange(pixels), np.maximum.accumulate(centres), np.arange(len(centres)))
    return np.asarray(np.maximum(0, 1 - np.abs(at[:, None] - np.arange(len(centres)))), np.float32)


def _window(at: float, side: int, pixels: int) -> slice:
    low = int(np.clip(np.floor(at + 0.5 - side / 2 + 0.5), 0, max(pixels - side, 0)))
    return slice(low, low + min(side, pixels))
