"""What the loss asks for: targets, softened evenly, and made to count for more where their class is rare.

A galaxy that counts twice has twice its target; `trainer.step` takes the sum of a target for its galaxy's weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "class_weights", "emphasised"]

MOST = 4.0
"""A galaxy counts for at most so many: a class of ten galaxies would be learnt by heart."""

Floats = NDArray[np.float32]


def class_weights(targets: Floats, balance: float) -> NDArray[np.float64]:
    """How much a galaxy of each class counts, float64 (class,).

    The inverse of the class's share times the number of classes, to the power of `balance`, and at most `MOST`.

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions; those of one class need not be sure.
    balance : float
        0 leaves classes as frequent as they are, 1 makes them count alike.
    """
    shares = targets.mean(axis=0, dtype=np.float64) * targets.shape[1]
    return np.asarray(np.minimum(np.maximum(shares, 1e-9) ** -balance, MOST))


def emphasised(targets: Floats, smoothing: float, balance: float) -> Floats:
    """Targets as the loss is to see them, float32 (n, class); each sums to the weight of its galaxy.

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions.
    smoothing : float
        Share of each that is spread evenly over the classes. Ref. Szegedy et al. 2016, Rethinking the Inception
        architecture, https://arxiv.org/abs/1512.00567
    balance : float
        See `class_weights`.
    """
    weights = targets @ class_weights(targets, balance)
    soft = (1 - smoothing) * targets + smoothing / targets.shape[1]
    return np.asarray(soft * weights[:, None], np.float32)
