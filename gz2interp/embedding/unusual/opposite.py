"""What the opposite side of an image does not explain.

A galaxy turned by half a turn is nearly itself; a companion, an arc, a trail or a tidal tail is not there on the other
side. Each cell is predicted from the 3 x 3 cells opposite to it, by one linear law for the whole survey, and what is
left is compared with what is left where the prediction is equally bright.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.levels import Levels, farthest_places, fit_levels
from gz2interp.embedding.unusual.places import brightest_axis

__all__ = ["Opposite"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Opposite:
    """The law of the survey, and what it usually leaves.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which a cell's level is measured.
    law : float32 (feature, channel)
    levels : Levels
    """

    title: ClassVar[str] = "opposite sides of the image differ more than in other galaxies"
    axis: Floats
    law: Floats
    levels: Levels

    @classmethod
    def fit(cls, cells: Floats) -> Opposite:
        """From the cells (n, y, x, channel) of a sample."""
        axis, opposite = brightest_axis(cells), _opposite(cells)
        features, wanted = opposite.reshape(-1, opposite.shape[-1]), cells.reshape(-1, cells.shape[-1])
        square = features.T.astype(np.float64) @ features
        ridge = 1e-3 * len(features) * np.eye(len(square))
        law = np.linalg.solve(square + ridge, features.T.astype(np.float64) @ wanted).astype(np.float32)
        expected = np.asarray(opposite @ law, np.float32)
        return cls(axis, law, fit_levels(_flat(cells) - expected, expected @ axis))

    def __call__(self, cells: Floats) -> Floats:
        """Float32 (n,)."""
        return farthest_places(self.farness(cells))

    def farness(self, cells: Floats) -> Floats:
        """Of each place, float32 (n, place), rows of cells one after the other."""
        expected = np.asarray(_opposite(cells) @ self.law, np.float32)
        return self.levels(_flat(cells) - expected, expected @ self.axis)


def _opposite(cells: Floats) -> Floats:
    """The cells about the opposite one, the squares of that one, and 1: float32 (n, place, feature)."""
    turned = np.pad(cells[:, ::-1, ::-1], ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = cells.shape[1:3]
    around = [turned[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    one = np.ones((*cells.shape[:3], 1), np.float32)
    return _flat(np.concatenate([*around, around[4] ** 2, one], axis=-1))


def _flat(cells: Floats) -> Floats:
    return cells.reshape(len(cells), -1, cells.shape[-1])
