"""What a full pixel of the camera does: it holds no more, and the rest runs along its column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FULL_WELL", "bled"]

Floats = NDArray[np.float32]

FULL_WELL = 300_000.0
"""Electrons that a pixel of SDSS' camera holds before it bleeds (Gunn et al. 1998, AJ 116, 3040)."""


def bled(electrons: Floats) -> Floats:
    """Charge after full pixels have overflowed into their columns, up and down alike, until it has found room.

    Parameters
    ----------
    electrons : float32 (band, y, x)

    Returns
    -------
    float32 (band, y, x)
        The same array if no pixel is full. No pixel above `FULL_WELL`; what runs over an end of a column is lost.
    """
    full = electrons > FULL_WELL
    if not full.any():
        return electrons
    held = electrons.copy()
    for band, x in zip(*np.nonzero(full.any(axis=1)), strict=True):
        column = held[band, :, x]
        over = np.maximum(column - FULL_WELL, 0)
        column[:] = np.minimum(column, FULL_WELL)
        for y in np.flatnonzero(over):
            _pour(column[y + 1 :], over[y] / 2)
            _pour(column[:y][::-1], over[y] / 2)
    return held


def _pour(room: Floats, charge: float) -> None:
    """Fill pixels in order, in place."""
    free = np.maximum(FULL_WELL - room, 0)
    before = np.concatenate([[0], np.cumsum(free)[:-1]])
    room += np.clip(charge - before, 0, free).astype(np.float32)
