"""Activation atlas: places of many galaxies laid out by what a layer says there, and gathered in cells.

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
"""The share of places beyond the edge of the grid on each side: a few that lie far away would shrink all others."""

RIDGE: Final = 0.01
"""Of the mean variance, added to every channel's before whitening."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Cells of a grid over the layout, the fullest first.

    Attributes
    ----------
    side : int
        Cells along each side.
    column, row : int64 (cell,)
        From the lower left.
    counts : int64 (cell,)
        Places in each.
    directions : float32 (cell, channel)
        Mean of what is said there; a feature image of the cell is one of this direction.
    whitened : float32 (cell, channel)
        The directions that tell the cells apart, see `whitened_directions`.
    attributed : float32 (cell, score)
        Mean of what the places add to each score.
    patches : int64 (cell, k)
        Positions of the places that are most like the mean, the most like first; -1 where there are fewer.
    held : float32 (cell,)
        How alike its places are: the length of their mean over their mean length, 0 to 1.
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
        """Places that are in any cell shown."""
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
    """Gather places in cells.

    Parameters
    ----------
    vectors : float32 (m, channel)
        What the layer says at each place.
    coordinates : float32 (m, 2)
        Of the layout.
    attributed : float32 (m, score)
        What each place adds to each score.
    covariance : float64 (channel, channel), optional
        Of the layer over the survey; by default of `vectors`.
    side : int, optional
        Cells along each side.
    fewest : int, optional
        A cell of fewer places is not shown.
    patches : int, optional
        Typical places that are kept of each.

    Raises
    ------
    InputError
        The arrays do not belong together, or there is no place.
    """
    if not len(vectors) == len(coordinates) == len(attributed) or not len(vectors) or side < 1:
        raise InputError(
            f"{len(vectors)} places with {len(coordinates)} coordinates and a side of {side} were given",
            "One pair of coordinates for each place, and at least one cell",
        )
    cells, inside = _cells(coordinates, side)
    numbers, counts = np.unique(cells[inside], return_counts=True)
    kept = numbers[counts >= fewest][np.argsort(-counts[counts >= fewest], kind="stable")]
    members = [np.flatnonzero(inside & (cells == number)) for number in kept]
    means = np.stack([vectors[each].mean(axis=0) for each in members]) if members else vectors[:0]
    lengths = np.array([float(np.linalg.norm(vectors[each], axis=1).mean()) for each in members], np.float32)
    held = np.linalg.norm(means, axis=1) / np.maximum(lengths, 1e-12)
    covariance = np.cov(vectors, rowvar=False).reshape(2 * vectors.shape[1:]) if covariance is None else covariance
    return Atlas(
        side,
        kept % side,
        kept // side,
        np.array([len(each) for each in members], np.int64),
        means.astype(np.float32),
        whitened_directions(means, covariance),
        np.stack([attributed[each].mean(axis=0) for each in members]) if members else attributed[:0],
        np.stack([_typical(vectors[each], each, patches) for each in members])
        if members
        else np.zeros((0, patches), np.int64),
        held.astype(np.float32),
        scores,
    )


def dominant_places(attributed: Floats, score: int) -> NDArray[np.bool_]:
    """The places that add more to one score than to any other, and speak for it: a class has its own atlas of them."""
    return np.asarray((attributed.argmax(axis=1) == score) & (attributed[:, score] > 0))


def whitened_directions(directions: Floats, covariance: Doubles) -> Floats:
    """Directions divided by how the layer varies: what channels say that always speak together counts once.

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
    """The members most like their mean by direction."""
    mean = vectors.mean(axis=0)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    order = np.argsort(-(vectors @ mean) / lengths, kind="stable")[:k]
    return np.pad(members[order], (0, k - len(order)), constant_values=-1)
