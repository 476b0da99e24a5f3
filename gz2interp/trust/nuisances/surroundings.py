"""What stands around the galaxy: stars, neighbours, trails, hot pixels, edges.

Pixels outside the recipient and all of its donors are replaced with a donor's, whose background and noise are first made
the recipient's own: those are other families.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.trust.nuisances.measured import Measured, planes
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["around", "outside", "surroundings"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

LEAST = 0.15
"""Share of the cutout that must lie outside all of them."""


def outside(recipients: Measured, donors: Sequence[Measured]) -> Bools:
    """Valid pixels with neither the recipient nor any of its donors, bool (n, y, x)."""
    each = [galaxies.valid & ~galaxies.galaxy for galaxies in (recipients, *donors)]
    return np.asarray(np.all(each, axis=0))


def _usable(recipients: Measured, donors: Sequence[Measured]) -> Bools:
    return np.asarray(outside(recipients, donors).mean(axis=(1, 2)) >= LEAST)


@nuisance("surroundings", "what stands around them", usable=_usable)
def surroundings(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> Floats:
    """The donor's pixels in units of its noise, above its background."""
    there = outside(recipients, donors)[..., None]
    return np.stack([np.where(there, around(recipients, donor), recipients.images) for donor in donors])


def around(recipients: Measured, donor: Measured) -> Floats:
    """The donor as if taken under the recipient's sky, float32 (n, y, x, band)."""
    shape = recipients.images.shape[1:3]
    above = (donor.images - planes(donor.plane, shape)) * (recipients.sigma / donor.sigma)[:, None, None]
    return np.asarray(above + planes(recipients.plane, shape), np.float32)
