"""Which pixels are missing: the recipient loses those that the donor lacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["missing"]


def _lacking(galaxies: Measured) -> str:
    return "no pixel is missing in any of these galaxies" if galaxies.valid.all() else ""


@nuisance("missing pixels", "which pixels are missing", lacking=_lacking)
def missing(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> NDArray[np.float32]:
    """They become 0, as everywhere in a survey."""
    return np.stack([recipients.images * donor.valid[..., None] for donor in donors])
