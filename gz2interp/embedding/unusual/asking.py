"""Which galaxy to show to the person next.

The most unusual one of those that nobody has rated, by the score that has learnt from all ratings so far; but every
second time, and after forty ratings every fifth, among the first 2 % of that ranking, the one that is least like
anything rated. Without that a person who likes the first kind of oddity would never be shown a second, and the ranking
would not learn what is odd and dull. Asked less often it finds more at once, and learns less (docs/benchmarks.md).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["EARLY", "EXPLORE", "EXPLORE_LATER", "next_to_rate"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

EXPLORE: Final = 2
EXPLORE_LATER: Final = 5
EARLY: Final = 40
"""Every how many ratings something new is shown, at first and later, and how many are the first."""
AMONG: Final = 0.02
FEWEST: Final = 50
"""Galaxies among which is looked for something new, at least, and share of the survey."""

_BLOCK: Final = 2048


def next_to_rate(scores: NDArray[np.floating], vectors: Floats, rated: Integers) -> int | None:
    """The position of the galaxy to show, None where all are rated; the same question has the same answer.

    Parameters
    ----------
    scores : float (n,)
        That have learnt.
    vectors : float32 (n, component)
    rated : int64 (rating,)
        Positions.
    """
    free = np.ones(len(scores), bool)
    free[rated] = False
    if not free.any():
        return None
    order = np.argsort(-np.where(free & np.isfinite(scores), scores, -np.inf), kind="stable")
    if not len(rated) or (len(rated) + 1) % (EXPLORE if len(rated) < EARLY else EXPLORE_LATER):
        return int(order[0])
    first = order[: min(max(FEWEST, round(AMONG * len(scores))), int(free.sum()))]
    return int(first[np.argmax(_nearest(np.asarray(vectors[first]), np.asarray(vectors[rated])))])


def _nearest(vectors: Floats, rated: Floats) -> Floats:
    """Squared distance of each to the nearest rated one."""
    nearest = np.full(len(vectors), np.inf, np.float32)
    for start in range(0, len(rated), _BLOCK):
        block = rated[start : start + _BLOCK]
        squares = (vectors**2).sum(axis=1)[:, None] + (block**2).sum(axis=1)[None] - 2 * vectors @ block.T
        nearest = np.minimum(nearest, squares.min(axis=1))
    return nearest
