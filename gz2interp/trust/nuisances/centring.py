"""Where in the cutout the galaxy stands: the recipient is moved to where the donor is, by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["centring"]

FARTHEST = 0.125
"""Of the cutout's width: what would be moved farther is no matter of centring."""


@nuisance("centring", "where in the cutout they stand")
def centring(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> NDArray[np.float32]:
    """What a shift uncovers mirrors what lies beside it."""
    return np.stack([_moved(recipients, donor.centre) for donor in donors])


def _moved(recipients: Measured, centre: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = recipients.images.shape[1:3]
    most = int(FARTHEST * min(sides))
    shifts = np.clip(np.rint(centre - recipients.centre), -most, most).astype(np.int64)
    frame = np.pad(recipients.images, ((0, 0), (most, most), (most, most), (0, 0)), mode="symmetric")
    y, x = (most - shifts).T
    return np.stack(
        [image[top : top + sides[0], left : left + sides[1]] for image, top, left in zip(frame, y, x, strict=True)]
    )
