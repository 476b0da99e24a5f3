"""Which galaxy to show to the person next.

The first is the most unusual one. Then comes, of those that are near the top of the ranking that has learnt from all
ratings so far, the one whose rating would tell most about the others near the top: by how much it would lower the
variances of their scores. So the kinds of what is odd, liked or not, are met one after another, the numerous before the
solitary; the most unusual alone are of few kinds, and the least alike are like nobody (docs/benchmarks.md). After forty
ratings it is the first of the ranking that is shown, and such a one every fifth time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.learning import covariance

__all__ = ["EARLY", "EXPLORE", "next_to_rate"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

EARLY: Final = 40
EXPLORE: Final = 5
"""How many ratings are there to learn most from, and every how many later."""
AMONG: Final = 0.04
FEWEST: Final = 50
MOST: Final = 1000
"""What is near the top: a share of the survey, and how many galaxies at least and at most."""
LATEST: Final = 1000
"""Ratings that are thought of."""


def next_to_rate(scores: NDArray[np.floating], vectors: Floats, rated: Integers) -> int | None:
    """The position of the galaxy to show, None where all are rated; the same question has the same answer.

    Parameters
    ----------
    scores : float (n,)
        That have learnt.
    vectors : float32 (n, component)
        Those of `taste_vectors`.
    rated : int64 (rating,)
        Positions.
    """
    free = np.ones(len(scores), bool)
    free[rated] = False
    if not free.any():
        return None
    order = np.argsort(-np.where(free & np.isfinite(scores), scores, -np.inf), kind="stable")
    if not len(rated) or (len(rated) >= EARLY and (len(rated) + 1) % EXPLORE):
        return int(order[0])
    first = order[: min(max(FEWEST, round(AMONG * len(scores))), MOST, int(free.sum()))]
    return int(first[np.argmax(_told(np.asarray(vectors[first]), np.asarray(vectors[rated[-LATEST:]])))])


def _told(vectors: Floats, rated: Floats) -> NDArray[np.float64]:
    """By how much the variances of all fall, together, where one is rated (n,)."""
    between = covariance(vectors, rated)
    known = covariance(rated, rated) + 1e-6 * np.eye(len(rated))
    left = covariance(vectors, vectors) - between @ np.linalg.solve(known, between.T)
    return np.asarray((left**2).sum(axis=0) / np.maximum(np.diag(left), 1e-6))
