"""What stands around the galaxy: stars, neighbours, trails, hot pixels, edges.

Pixels outside the recipient and the donor are replaced with the donor's, whose background and noise are first made the
recipient's own: those are other families.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured, planes
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["amid", "outside", "surroundings"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

LEAST = 0.15
"""Share of the cutout that must lie outside both."""


def outside(recipients: Measured, donors: Measured) -> Bools:
    """Valid pixels with neither the recipient nor the donor, bool (n, y, x)."""
    return np.asarray(recipients.valid & donors.valid & ~recipients.galaxy & ~donors.galaxy)


def _usable(recipients: Measured, donors: Sequence[Measured]) -> Bools:
    room = [outside(recipients, donor).mean(axis=(1, 2)) for donor in donors]
    return np.asarray(np.min(room, axis=0) >= LEAST)


@nuisance("surroundings", "what stands around them", usable=_usable)
def surroundings(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> Floats:
    """The donor's pixels in units of its noise, above its background."""
    return np.stack([amid(recipients, donor) for donor in donors])


def amid(recipients: Measured, donors: Measured) -> Floats:
    """Recipients amid what stands around their donors, float32 (n, y, x, band)."""
    shape = recipients.images.shape[1:3]
    above = (donors.images - planes(donors.plane, shape)) * (recipients.sigma / donors.sigma)[:, None, None]
    there = outside(recipients, donors)[..., None]
    return np.where(there, above + planes(recipients.plane, shape), recipients.images).astype(np.float32)
