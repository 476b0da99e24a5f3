"""Activation atlas: positions of many galaxies in a two-dimensional embedding of activations, averaged in grid cells.

References
----------
Carter et al. 2019, Activation atlas, https://doi.org/10.23915/distill.00015
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["Atlas", "build_atlas", "dominant_places", "whitened_directions"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

MARGIN: Final = 0.005
"""Share of positions beyond the grid on each side, so that outliers do not determine its size."""

RIDGE: Final = 0.01
"""Ridge added to every channel's variance before whitening, as a share of the mean variance."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Cells of a grid over the embedding, by decreasing number of positions.

    Attributes
    ----------
    side : int
        Cells along each side.
    column, row : int64 (cell,)
        From the lower left.
    counts : int64 (cell,)
        Positions in each cell.
    directions : float32 (cell, channel)
        Mean activations; a feature image of the cell is one of this direction.
    whitened : float32 (cell, channel)
        Whitened directions, see `whitened_directions`.
    attributed : float32 (cell, score)
        Mean attribution of each score.
    patches : int64 (cell, k)
        Indices of the positions with the highest cosine with the mean, in decreasing order; -1 where there are fewer.
    held : float32 (cell,)
        Length of the mean over the mean length of the activations, 0 to 1.
    """

    side: int
    column: Ints
    row: Ints
    counts: Ints
    directions: Floats
    whitened: Floats
    attributed: Floats
    patches: Ints
    held: Floats
    scores: tuple[str, ...]

    @property
    def coverage(self) -> int:
        """Number of positions in all cells."""
        return int(self.counts.sum())


def build_atlas(
    vectors: Floats,
    coordinates: Floats,
    attributed: Floats,
    scores: tuple[str, ...],
    *,
    covariance: Doubles | None = None,
    side: int = 14,
    fewest: int = 3,
    patches: int = 4,
) -> Atlas:
    """Average positions in cells.

    Parameters
    ----------
    vectors : float32 (m, channel)
        Activations at each position.
    coordinates : float32 (m, 2)
        Of the embedding.
    attributed : float32 (m, score)
        Attribution of each score to each position.
    covariance : float64 (channel, channel), optional
        Of the layer over the survey; by default of `vectors`.
    side : int, optional
        Cells along each side.
    fewest : int, optional
        Least number of positions of a cell.
    patches : int, optional
        Number of typical positions of each cell.

    Raises
    ------
    InputError
        The arrays have different lengths, or are empty.
    """
    if not len(vectors) == len(coordinates) == len(attributed) or not len(vectors) or side < 1:
        raise InputError(
            f"{len(vectors)} places with {len(coordinates)} coordinates and a side of {side} were given",
            "One pair of coordinates for each place, and at least one cell",
        )
    cells, inside = _cells(coordinates, side)
    numbers, counts = np.unique(cells[inside], return_counts=True)
    numbers = numbers[counts >= fewest][np.argsort(-counts[counts >= fewest], kind="stable")]
    members = [np.flatnonzero(inside & (cells == number)) for number in numbers]
    means = np.stack([vectors[rows].mean(axis=0) for rows in members]) if members else vectors[:0]
    lengths = np.array([float(np.linalg.norm(vectors[rows], axis=1).mean()) for rows in members], np.float32)
    held = np.linalg.norm(means, axis=1) / np.maximum(lengths, 1e-12)
    covariance = np.cov(vectors, rowvar=False).reshape(2 * vectors.shape[1:]) if covariance is None else covariance
    typical = [_typical(vectors[rows], rows, patches) for rows in members]
    return Atlas(
        side,
        numbers % side,
        numbers // side,
        np.array([len(rows) for rows in members], np.int64),
        means.astype(np.float32),
        whitened_directions(means, covariance),
        np.stack([attributed[rows].mean(axis=0) for rows in members]) if members else attributed[:0],
        np.stack(typical) if typical else np.zeros((0, patches), np.int64),
        held.astype(np.float32),
        scores,
    )


def dominant_places(attributed: Floats, score: int) -> NDArray[np.bool_]:
    """The positions with a positive attribution of one score that exceeds those of all other scores, bool (m,)."""
    return np.asarray((attributed.argmax(axis=1) == score) & (attributed[:, score] > 0))


def whitened_directions(directions: Floats, covariance: Doubles) -> Floats:
    """Directions multiplied by the inverse covariance of the layer, so that correlated channels count once.

    Parameters
    ----------
    directions : float32 (cell, channel)
    covariance : float64 (channel, channel)

    Returns
    -------
    float32 (cell, channel)
        Of length 1.
    """
    ridge = RIDGE * float(np.trace(covariance)) / max(len(covariance), 1) or 1.0
    white = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), directions.astype(np.float64).T).T
    return np.asarray(white / np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-12), np.float32)


def _cells(coordinates: Floats, side: int) -> tuple[Ints, NDArray[np.bool_]]:
    low, high = np.quantile(coordinates, [MARGIN, 1 - MARGIN], axis=0)
    width = float((high - low).max()) or 1.0
    middle = (low + high) / 2
    share = (coordinates - middle) / (width * (1 + 1e-6)) + 0.5
    inside = ((share >= 0) & (share < 1)).all(axis=1)
    at = np.clip((share * side).astype(np.int64), 0, side - 1)
    return at[:, 1] * side + at[:, 0], inside


def _typical(vectors: Floats, members: Ints, k: int) -> Ints:
    """The k members with the highest cosine with their mean."""
    mean = vectors.mean(axis=0)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    order = np.argsort(-(vectors @ mean) / lengths, kind="stable")[:k]
    return np.pad(members[order], (0, k - len(order)), constant_values=-1)
