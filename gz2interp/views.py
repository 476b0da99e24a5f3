"""A galaxy has no up and no down: the eight views of a square image, turned by quarter turns and mirrored."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["VIEWS", "turned", "turned_back"]

Floats = NDArray[np.float32]

VIEWS: Final = 8
"""The symmetries of a square: four quarter turns, each mirrored or not."""


def turned(images: Floats, view: int) -> Floats:
    """The images (n, y, x, ...) in one of eight views: quarter turns, and from the fifth on mirrored before."""
    return np.ascontiguousarray(np.rot90(images[:, :, ::-1] if view >= 4 else images, view % 4, axes=(1, 2)))


def turned_back(maps: Floats, view: int) -> Floats:
    """The inverse of `turned`."""
    straight = np.rot90(maps, -(view % 4), axes=(1, 2))
    return np.ascontiguousarray(straight[:, :, ::-1] if view >= 4 else straight)
