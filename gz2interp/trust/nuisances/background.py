"""The light that the subtraction of the sky has left: the recipient's plane is taken away, and the donor's added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured, planes
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["background"]


@nuisance("background", "the background of their images")
def background(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> NDArray[np.float32]:
    """A level and a slope per band, in the donor's own units of light."""
    shape, valid = recipients.images.shape[1:3], recipients.valid[..., None]
    return np.stack(
        [recipients.images + valid * planes(donor.plane - recipients.plane, shape) for donor in donors]
    ).astype(np.float32)
