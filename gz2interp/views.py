"""The eight symmetries of a square image: quarter turns, mirrored or not."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["VIEWS", "apply_view", "undo_view"]

Floats = NDArray[np.float32]

VIEWS: Final = 8
"""Four quarter turns, each mirrored or not."""


def apply_view(images: Floats, view: int) -> Floats:
    """Images (n, y, x, ...) rotated by `view` quarter turns; from the fifth view on they are mirrored before."""
    return np.ascontiguousarray(np.rot90(images[:, :, ::-1] if view >= 4 else images, view % 4, axes=(1, 2)))


def undo_view(maps: Floats, view: int) -> Floats:
    """The inverse of `apply_view`."""
    straight = np.rot90(maps, -(view % 4), axes=(1, 2))
    return np.ascontiguousarray(straight[:, :, ::-1] if view >= 4 else straight)
