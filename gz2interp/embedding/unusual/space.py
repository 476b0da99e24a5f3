"""The space in which galaxies are compared: activations about their mean, along principal axes, in their scatters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["Space", "fit_space"]

Floats = NDArray[np.float32]

KEEP: Final = 0.995
MOST: Final = 128
_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class Space:
    """An affine map from activations to coordinates whose scatter is 1 along every axis.

    Attributes
    ----------
    middle : float32 (feature,)
        Mean of the galaxies it was made of.
    axes : float32 (feature, component)
    """

    middle: Floats
    axes: Floats

    def __call__(self, activations: Floats) -> Floats:
        """Coordinates float32 (n, component), block by block.

        Raises
        ------
        InputError
            The activations have another number of features, or are not finite.
        """
        given = np.asarray(activations)
        if given.ndim != 2 or given.shape[1] != len(self.middle):
            raise InputError(
                f"Activations of shape {given.shape} were given", f"(galaxy, {len(self.middle)}): those of the survey"
            )
        placed = np.empty((len(given), self.axes.shape[1]), np.float32)
        for start in range(0, len(given), _BLOCK):
            block = slice(start, start + _BLOCK)
            placed[block] = (given[block] - self.middle) @ self.axes
        if not np.isfinite(placed).all():
            raise InputError(
                "Activations with NaN or infinity were given", "Finite numbers", "Look at the network's weights"
            )
        return placed


def fit_space(activations: Floats, keep: float = KEEP, most: int = MOST) -> Space:
    """The space of a sample of galaxies.

    Each feature is first divided by its scatter, so that a quiet channel counts as much as a loud one; then come the
    principal axes that hold the share `keep` of the variance, at most `most`, each in units of its own scatter.

    Parameters
    ----------
    activations : float32 (n, feature)
    keep : float
    most : int
    """
    middle = activations.mean(axis=0, dtype=np.float64)
    scatter = activations.std(axis=0, dtype=np.float64)
    loud = np.divide(1, scatter, out=np.zeros_like(scatter), where=scatter > 1e-7 * max(scatter.max(), 1e-30))
    values, axes = np.linalg.eigh(_correlation(activations, middle, loud))
    order = np.argsort(values)[::-1]
    values, axes = np.maximum(values[order], 0), axes[:, order]
    count = int(np.searchsorted(np.cumsum(values), keep * values.sum()) + 1)
    count = max(min(count, most, int((values > 1e-6 * values[0]).sum())), 1)
    lengths = np.sqrt(np.maximum(values[:count], 1e-12))
    turned = _signed(axes[:, :count]) / lengths
    return Space(middle.astype(np.float32), (loud[:, None] * turned).astype(np.float32))


def _correlation(activations: Floats, middle: NDArray[np.float64], loud: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the features, added up block by block in double precision."""
    total = np.zeros((len(middle), len(middle)))
    for start in range(0, len(activations), _BLOCK):
        block = (activations[start : start + _BLOCK] - middle) * loud
        total += block.T @ block
    return total / max(len(activations) - 1, 1)


def _signed(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sign of a principal axis is nobody's choice: its largest entry is made positive."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return np.asarray(axes * np.where(largest < 0, -1, 1))
