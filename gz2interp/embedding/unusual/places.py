"""The most unusual places of an image: faint things at one place are lost in means over the whole of it.

What a layer near the pixels says in each of 8 x 8 cells is compared with all cells of the survey that are equally
bright: an odd mixture of its channels, such as a colour that no galaxy has there, stands out however faint it is.

Ref. Defard, Setkov, Loesch & Audigier 2021, PaDiM, arXiv:2011.08785. Notes on differences: places are compared with
those of the same brightness instead of those at the same position, for galaxies differ in size and have no top; and the
five farthest places decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.levels import Levels, farthest_places, fit_levels

__all__ = ["CELLS", "Places", "brightest_axis", "cells_of"]

Floats = NDArray[np.float32]

CELLS: Final = 8
"""An image is divided into at most so many cells along each side."""


@dataclass(frozen=True, eq=False)
class Places:
    """What is normal in cells of one layer.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which a cell's level is measured.
    levels : Levels
    """

    title: ClassVar[str] = "part of the image looks unlike equally bright parts of other images"
    axis: Floats
    levels: Levels

    @classmethod
    def fit(cls, cells: Floats) -> Places:
        """From the cells (n, y, x, channel) of a sample."""
        axis, flat = brightest_axis(cells), _flat(cells)
        return cls(axis, fit_levels(flat, flat @ axis))

    def __call__(self, cells: Floats) -> Floats:
        """Float32 (n,)."""
        return farthest_places(self.farness(cells))

    def farness(self, cells: Floats) -> Floats:
        """Of each place, float32 (n, place), rows of cells one after the other."""
        flat = _flat(cells)
        return self.levels(flat, flat @ self.axis)


def cells_of(values: Floats) -> Floats:
    """The mean of a layer in each cell, float32 (n, y, x, channel) with at most 8 x 8 cells.

    Parameters
    ----------
    values : float32 (n, y, x, channel)
    """
    first, second = (_starts(side) for side in values.shape[1:3])
    sums = np.add.reduceat(np.add.reduceat(values, first, axis=1), second, axis=2)
    heights, widths = (
        np.diff(np.append(starts, side)) for starts, side in zip((first, second), values.shape[1:3], strict=True)
    )
    return np.asarray(sums / (heights[:, None] * widths[None])[..., None].astype(np.float32))


def brightest_axis(cells: Floats) -> Floats:
    """The direction in which cells vary most, float32 (channel,), of length 1: in images, how bright they are."""
    flat = cells.reshape(-1, cells.shape[-1])
    centred = (flat - flat.mean(axis=0)).astype(np.float64)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return np.asarray(axis * (1 if axis.sum() >= 0 else -1), np.float32)


def _starts(side: int) -> NDArray[np.int64]:
    """The first pixel of each cell."""
    count = min(side, CELLS)
    return np.arange(count) * side // count


def _flat(cells: Floats) -> Floats:
    return cells.reshape(len(cells), -1, cells.shape[-1])
