"""How smooth the image was made after it was taken: resampled or blurred pixels have noise like their neighbours'."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.measure.outskirts import Measured
from gz2interp.trust.nuisances.blurring import blurred
from gz2interp.trust.nuisances.registry import nuisance

__all__ = ["smoothing"]

LEAST = 0.1
"""A smaller correlation is none: it is known to a few hundredths, and no Gaussian of half a pixel has less."""

MOST = 0.95


@nuisance("smoothing", "how smooth their pixels were made")
def smoothing(recipients: Measured, donors: Sequence[Measured], generator: Generator) -> NDArray[np.float32]:
    """A Gaussian under which the recipient's noise is as smooth as the donor's, if that is smoother."""
    own = _width(recipients.correlation)
    images = []
    for donor in donors:
        more = np.sqrt(np.maximum(_width(donor.correlation) ** 2 - own**2, 0))
        wide = np.broadcast_to(more[:, None], recipients.sigma.shape).astype(np.float32)
        images.append(blurred(recipients.images, wide))
    return np.stack(images)


def _width(correlation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the Gaussian under which white noise has this correlation between neighbours: exp(-1 / (4 width**2))."""
    smooth = np.clip(correlation, LEAST, MOST)
    return np.where(correlation > LEAST, 0.5 / np.sqrt(-np.log(smooth)), 0.0).astype(np.float32)
