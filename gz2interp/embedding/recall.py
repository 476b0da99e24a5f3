"""How many of the true neighbours a search finds."""

from __future__ import annotations

import numpy as np

from gz2interp.results import Neighbours
from gz2interp.statistics import Estimate, mean_of

__all__ = ["recall_of"]


def recall_of(found: Neighbours, truth: Neighbours, generator: np.random.Generator) -> Estimate:
    """The share of the true neighbours that were found, with its 95 % interval over the galaxies.

    Whoever is as near as the farthest true neighbour counts as one: of twins, either will do.

    Parameters
    ----------
    found, truth : Neighbours
        Of the same galaxies, by the same metric; `truth` by exact search.
    generator : numpy.random.Generator
        Of the interval.
    """
    there = truth.rows >= 0
    farthest = np.max(np.where(there, truth.distances, -np.inf), axis=1, initial=-np.inf, keepdims=True)
    near = (found.rows >= 0) & (found.distances <= farthest * (1 + 1e-5) + 2e-7)
    counted = there.sum(axis=1)
    return mean_of(np.minimum(near.sum(axis=1)[counted > 0] / counted[counted > 0], 1), generator, draws=400)
