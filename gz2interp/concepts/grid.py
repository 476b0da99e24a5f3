"""Activation grid: at each place of a galaxy the direction in which the layer points, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["ActivationGrid", "activation_grid"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ActivationGrid:
    """A galaxy as a layer sees it.

    Attributes
    ----------
    directions : float32 (y, x, channel)
        Of length 1, or 0 where nothing is said.
    strengths : float32 (y, x)
        The length of what is said, 1 where it is greatest: the size at which a cell is drawn.
    """

    directions: Floats
    strengths: Floats


def activation_grid(activations: Floats, cells: int = 0) -> ActivationGrid:
    """Of one galaxy.

    Parameters
    ----------
    activations : float32 (y, x, channel)
    cells : int, optional
        Along each side, fewer than the plane has; places are averaged. 0 for the plane itself.

    Raises
    ------
    InputError
        There are no such cells.
    """
    if activations.ndim != 3 or cells > min(activations.shape[:2]) or cells < 0:
        raise InputError(f"A grid of {cells} cells of activations {activations.shape} was asked for", "(y, x, channel)")
    said = _averaged(activations, cells) if cells else activations
    lengths = np.linalg.norm(said, axis=-1)
    directions = np.divide(said, lengths[..., None], out=np.zeros_like(said), where=lengths[..., None] > 0)
    return ActivationGrid(directions, (lengths / (lengths.max() or 1.0)).astype(np.float32))


def _averaged(activations: Floats, cells: int) -> Floats:
    rows, columns = (np.array_split(np.arange(side), cells) for side in activations.shape[:2])
    return np.stack([np.stack([activations[np.ix_(y, x)].mean(axis=(0, 1)) for x in columns]) for y in rows]).astype(
        np.float32
    )
