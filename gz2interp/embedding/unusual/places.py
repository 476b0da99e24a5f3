"""Anomaly scores of places in an image: the farthest activations, and what the opposite side does not explain.

The mean alone, which a network's head sees, drowns what happens at one place; scatter and highest value keep it.

The middle of a galaxy is not unusual for being bright. So places are compared with those of the same level, in all
galaxies, and the distances at each place of the image are put on one scale.

What a layer near the pixels says in each of 8 x 8 cells is compared with all cells of the survey that are equally
bright: an odd mixture of its channels, such as a colour that no galaxy has there, stands out however faint it is.

Ref. Defard, Setkov, Loesch & Audigier 2021, PaDiM, arXiv:2011.08785. Notes on differences: places are compared with
those of the same brightness instead of those at the same position, for galaxies differ in size and have no top; and the
five farthest places decide.

A galaxy turned by half a turn is nearly itself; a companion, an arc, a trail or a tidal tail is not there on the other
side. Each cell is predicted from the 3 x 3 cells opposite to it, by one linear law for the whole survey, and what is
left is compared with what is left where the prediction is equally bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CELLS",
    "FARTHEST",
    "STATISTICS",
    "BrightnessBins",
    "CellStatistics",
    "OppositeSide",
    "brightest_axis",
    "cells_of",
    "farthest_places",
    "feature_names",
    "features_of",
    "fit_levels",
]


Floats = NDArray[np.float32]

STATISTICS: Final = ("mean", "contrast", "maximum")
"""Over the image, of each channel: contrast is the standard deviation."""


def features_of(values: Floats) -> Floats:
    """Features float32 (n, feature) of a layer's activations (n, y, x, channel), or (n, channel), which stay."""
    if values.ndim == 2:
        return values
    flat = values.reshape(len(values), -1, values.shape[-1])
    parts = flat.mean(axis=1), flat.std(axis=1), flat.max(axis=1)
    return np.concatenate(parts, axis=1).astype(np.float32)


def feature_names(layer: str, shape: Sequence[int], bands: Sequence[str] = ()) -> list[str]:
    """In words, in the order of `features_of`: the layer's shape is (y, x, channel) or (channel,).

    Parameters
    ----------
    layer : str
    shape : sequence of int
    bands : sequence of str, optional
        Where the layer's channels are the image's bands.
    """
    names = [f"the image in {band}" for band in bands] or [f"channel {k} of layer {layer}" for k in range(shape[-1])]
    return names if len(shape) == 1 else [f"{statistic} of {name}" for statistic in STATISTICS for name in names]


MOST: Final = 24
"""Levels, each with as many places; fewer where each had not 20 places per channel."""

SHRUNK: Final = 0.01
"""Share of the mean variance that is added to every direction's: what never varies would otherwise decide all."""

FARTHEST: Final = 5
"""Places of an image that decide together: one alone may be a cosmic ray."""


@dataclass(frozen=True, eq=False)
class BrightnessBins:
    """What is normal.

    Attributes
    ----------
    edges : float32 (level - 1,)
        Where one level ends and the next begins.
    middles : float32 (level, channel)
    whitenings : float32 (level, channel, channel)
    typical, spread : float32 (place,)
        Mean and standard deviation of the logarithm of the distance at each place of the image.
    """

    edges: Floats
    middles: Floats
    whitenings: Floats
    typical: Floats
    spread: Floats

    def __call__(self, vectors: Floats, level: Floats) -> Floats:
        """How far each place is from what is normal at its level, float32 (n, place), in scatters of the survey.

        Parameters
        ----------
        vectors : float32 (n, place, channel)
        level : float32 (n, place)
        """
        return np.asarray((self._logs(vectors, level) - self.typical) / self.spread, np.float32)

    def _logs(self, vectors: Floats, level: Floats) -> Floats:
        flat = vectors.reshape(-1, vectors.shape[-1])
        of_each = np.searchsorted(self.edges, level.ravel(), side="right")
        distances = np.empty(len(flat), np.float32)
        for index in np.unique(of_each):
            those = of_each == index
            distances[those] = np.linalg.norm((flat[those] - self.middles[index]) @ self.whitenings[index], axis=1)
        return np.asarray(np.log(np.maximum(distances, 1e-6))).reshape(level.shape)


def fit_levels(vectors: Floats, level: Floats) -> BrightnessBins:
    """What is normal, from a sample of galaxies; parameters as those of `BrightnessBins.__call__`."""
    flat, levels = vectors.reshape(-1, vectors.shape[-1]), level.ravel()
    count = int(np.clip(len(flat) // (20 * flat.shape[1]), 1, MOST))
    edges = np.unique(np.quantile(levels, np.linspace(0, 1, count + 1)[1:-1])).astype(np.float32)
    of_each = np.searchsorted(edges, levels, side="right")
    parts = [flat[of_each == index] for index in range(len(edges) + 1)]
    parts = [part if len(part) > 1 else flat for part in parts]
    middles = np.stack([part.mean(axis=0) for part in parts])
    whitenings = np.stack([_whitening(part - middle) for part, middle in zip(parts, middles, strict=True)])
    places = np.zeros(vectors.shape[1], np.float32)
    plain = BrightnessBins(edges, middles, whitenings, places, places + 1)
    logs = plain(vectors, level)
    return BrightnessBins(edges, middles, whitenings, logs.mean(axis=0), np.maximum(logs.std(axis=0), 1e-3))


def farthest_places(farness: Floats) -> Floats:
    """One number per image, float32 (n,): the mean of its farthest places (n, place)."""
    most = min(FARTHEST, farness.shape[1])
    return np.asarray(np.partition(farness, -most, axis=1)[:, -most:].mean(axis=1), np.float32)


def _whitening(offsets: Floats) -> Floats:
    scatter = offsets.T.astype(np.float64) @ offsets / max(len(offsets) - 1, 1)
    values, axes = np.linalg.eigh(scatter)
    floor = max(SHRUNK * values.mean(), 1e-12)
    return np.asarray(axes / np.sqrt(np.maximum(values, 0) + floor), np.float32)


CELLS: Final = 8
"""An image is divided into at most so many cells along each side."""


@dataclass(frozen=True, eq=False)
class CellStatistics:
    """What is normal in cells of one layer.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which a cell's level is measured.
    levels : BrightnessBins
    """

    title: ClassVar[str] = "part of the image looks unlike equally bright parts of other images"
    axis: Floats
    levels: BrightnessBins

    @classmethod
    def fit(cls, cells: Floats) -> CellStatistics:
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


@dataclass(frozen=True, eq=False)
class OppositeSide:
    """The law of the survey, and what it usually leaves.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which a cell's level is measured.
    law : float32 (feature, channel)
    levels : BrightnessBins
    """

    title: ClassVar[str] = "opposite sides of the image differ more than in other galaxies"
    axis: Floats
    law: Floats
    levels: BrightnessBins

    @classmethod
    def fit(cls, cells: Floats) -> OppositeSide:
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
