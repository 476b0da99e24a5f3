"""How noisy the image is: noise is added up to the donor's level, since none can be taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["noise"]


@nuisance("noise", "how noisy their images are")
def noise(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> NDArray[np.float32]:
    """White noise in each band, where the donor's is louder; its mean is zero, so light and colours stay."""
    drawn = generator.standard_normal(recipients.images.shape, dtype=np.float32) * recipients.valid[..., None]
    lacking = [np.sqrt(np.maximum(donor.sigma**2 - recipients.sigma**2, 0)) for donor in donors]
    return np.stack([recipients.images + drawn * missing[:, None, None] for missing in lacking])
