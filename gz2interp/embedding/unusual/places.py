"""Anomaly scores of cells of an image: unusual activations, and asymmetry under a rotation by 180 degrees.

Activations are averaged in 8 x 8 cells. Each cell is compared with the cells of the survey of the same brightness, and
the logarithmic distances are standardised at each position. An image's score is the mean over its farthest cells.

Ref. Defard, Setkov, Loesch & Audigier 2021, PaDiM, arXiv:2011.08785. Notes on differences: cells are compared with
those of the same brightness instead of those at the same position, because galaxies differ in size and have no
orientation; and the five farthest cells are averaged.
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
    "feature_names",
    "features_of",
    "mean_of_farthest",
]


Floats = NDArray[np.float32]

STATISTICS: Final = ("mean", "contrast", "maximum")
"""Over the image, of each channel: contrast is the standard deviation. The mean alone hides what is confined to one
place; standard deviation and maximum keep it."""


def features_of(values: Floats) -> Floats:
    """`STATISTICS` float32 (n, feature) of activations (n, y, x, channel); (n, channel) is returned unchanged."""
    if values.ndim == 2:
        return values
    flat = values.reshape(len(values), -1, values.shape[-1])
    parts = flat.mean(axis=1), flat.std(axis=1), flat.max(axis=1)
    return np.concatenate(parts, axis=1).astype(np.float32)


def feature_names(layer: str, shape: Sequence[int], bands: Sequence[str] = ()) -> list[str]:
    """Names in the order of `features_of`, for a layer of shape (y, x, channel) or (channel,).

    `bands` are given where the layer's channels are the bands of the image.
    """
    names = [f"the image in {band}" for band in bands] or [f"channel {k} of layer {layer}" for k in range(shape[-1])]
    return names if len(shape) == 1 else [f"{statistic} of {name}" for statistic in STATISTICS for name in names]


MOST: Final = 24
"""Brightness bins of equal population; fewer where a bin would have less than 20 places per channel."""

SHRUNK: Final = 0.01
"""Share of the mean variance that is added to every direction, so that constant directions do not dominate."""

FARTHEST: Final = 5
"""Places of an image that are averaged: a single one may be a cosmic ray."""


@dataclass(frozen=True, eq=False)
class BrightnessBins:
    """Gaussians fitted to vectors in bins of brightness.

    Attributes
    ----------
    edges : float32 (bin - 1,)
        Between the bins.
    middles : float32 (bin, channel)
    whitenings : float32 (bin, channel, channel)
    typical, spread : float32 (place,)
        Mean and standard deviation of the logarithm of the distance at each place of the image.
    """

    edges: Floats
    middles: Floats
    whitenings: Floats
    typical: Floats
    spread: Floats

    @classmethod
    def fit(cls, vectors: Floats, brightness: Floats) -> BrightnessBins:
        """Fit to vectors (n, place, channel) and their brightness (n, place)."""
        flat, values = vectors.reshape(-1, vectors.shape[-1]), brightness.ravel()
        count = int(np.clip(len(flat) // (20 * flat.shape[1]), 1, MOST))
        edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])).astype(np.float32)
        bins = np.searchsorted(edges, values, side="right")
        parts = [flat[bins == index] for index in range(len(edges) + 1)]
        parts = [part if len(part) > 1 else flat for part in parts]
        middles = np.stack([part.mean(axis=0) for part in parts])
        whitenings = np.stack([_whitening(part - middle) for part, middle in zip(parts, middles, strict=True)])
        places = np.zeros(vectors.shape[1], np.float32)
        logs = cls(edges, middles, whitenings, places, places + 1).score_samples(vectors, brightness)
        return cls(edges, middles, whitenings, logs.mean(axis=0), np.maximum(logs.std(axis=0), 1e-3))

    def score_samples(self, vectors: Floats, brightness: Floats) -> Floats:
        """Standardised logarithm of the Mahalanobis distance in the bin of each place, float32 (n, place)."""
        flat = vectors.reshape(-1, vectors.shape[-1])
        bins = np.searchsorted(self.edges, brightness.ravel(), side="right")
        distances = np.empty(len(flat), np.float32)
        for index in np.unique(bins):
            members = bins == index
            distances[members] = np.linalg.norm((flat[members] - self.middles[index]) @ self.whitenings[index], axis=1)
        logs = np.asarray(np.log(np.maximum(distances, 1e-6))).reshape(brightness.shape)
        return np.asarray((logs - self.typical) / self.spread, np.float32)


def mean_of_farthest(distances: Floats) -> Floats:
    """The mean over the farthest places of each image, float32 (n,), of distances (n, place)."""
    most = min(FARTHEST, distances.shape[1])
    return np.asarray(np.partition(distances, -most, axis=1)[:, -most:].mean(axis=1), np.float32)


def _whitening(offsets: Floats) -> Floats:
    scatter = offsets.T.astype(np.float64) @ offsets / max(len(offsets) - 1, 1)
    values, axes = np.linalg.eigh(scatter)
    floor = max(SHRUNK * values.mean(), 1e-12)
    return np.asarray(axes / np.sqrt(np.maximum(values, 0) + floor), np.float32)


CELLS: Final = 8
"""Cells along each side of an image, at most."""


@dataclass(frozen=True, eq=False)
class CellStatistics:
    """Distance of cells of one layer from cells of the same brightness.

    An unusual mixture of channels, such as a colour that no galaxy has at that brightness, is detected however faint
    it is.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which brightness is measured.
    levels : BrightnessBins
    """

    title: ClassVar[str] = "part of the image looks unlike equally bright parts of other images"
    axis: Floats
    levels: BrightnessBins

    @classmethod
    def fit(cls, cells: Floats) -> CellStatistics:
        """Fit to the cells (n, y, x, channel) of a sample."""
        axis, flat = brightest_axis(cells), _flat(cells)
        return cls(axis, BrightnessBins.fit(flat, flat @ axis))

    def score_samples(self, cells: Floats) -> Floats:
        """Float32 (n,)."""
        return mean_of_farthest(self.score_cells(cells))

    def score_cells(self, cells: Floats) -> Floats:
        """The score of each cell, float32 (n, cell), row by row."""
        flat = _flat(cells)
        return self.levels.score_samples(flat, flat @ self.axis)


def cells_of(values: Floats) -> Floats:
    """The mean of activations (n, y, x, channel) in each of at most 8 x 8 cells, float32 (n, y, x, channel)."""
    first, second = (_starts(side) for side in values.shape[1:3])
    sums = np.add.reduceat(np.add.reduceat(values, first, axis=1), second, axis=2)
    heights, widths = (
        np.diff(np.append(starts, side)) for starts, side in zip((first, second), values.shape[1:3], strict=True)
    )
    return np.asarray(sums / (heights[:, None] * widths[None])[..., None].astype(np.float32))


def brightest_axis(cells: Floats) -> Floats:
    """First principal axis of the cells, float32 (channel,), of length 1: in images, the brightness."""
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
    """Residual of a prediction of each cell from the 3 x 3 cells opposite to it, by one linear model for all galaxies.

    A galaxy is nearly symmetric under a rotation by 180 degrees; a companion, an arc, a trail or a tidal tail has no
    counterpart. Residuals are compared with those at the same predicted brightness.

    Attributes
    ----------
    axis : float32 (channel,)
        Along which brightness is measured.
    law : float32 (feature, channel)
        Coefficients of the prediction.
    levels : BrightnessBins
        Of the residuals.
    """

    title: ClassVar[str] = "opposite sides of the image differ more than in other galaxies"
    axis: Floats
    law: Floats
    levels: BrightnessBins

    @classmethod
    def fit(cls, cells: Floats) -> OppositeSide:
        """Fit to the cells (n, y, x, channel) of a sample."""
        axis, opposite = brightest_axis(cells), _opposite(cells)
        features, target = opposite.reshape(-1, opposite.shape[-1]), cells.reshape(-1, cells.shape[-1])
        square = features.T.astype(np.float64) @ features
        ridge = 1e-3 * len(features) * np.eye(len(square))
        law = np.linalg.solve(square + ridge, features.T.astype(np.float64) @ target).astype(np.float32)
        expected = np.asarray(opposite @ law, np.float32)
        return cls(axis, law, BrightnessBins.fit(_flat(cells) - expected, expected @ axis))

    def score_samples(self, cells: Floats) -> Floats:
        """Float32 (n,)."""
        return mean_of_farthest(self.score_cells(cells))

    def score_cells(self, cells: Floats) -> Floats:
        """The score of each cell, float32 (n, cell), row by row."""
        expected = np.asarray(_opposite(cells) @ self.law, np.float32)
        return self.levels.score_samples(_flat(cells) - expected, expected @ self.axis)


def _opposite(cells: Floats) -> Floats:
    """The 3 x 3 cells around the opposite one, the square of that one, and 1: float32 (n, cell, feature)."""
    turned = np.pad(cells[:, ::-1, ::-1], ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = cells.shape[1:3]
    around = [turned[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    one = np.ones((*cells.shape[:3], 1), np.float32)
    return _flat(np.concatenate([*around, around[4] ** 2, one], axis=-1))
