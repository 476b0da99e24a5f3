"""Several scores as one, by rank alone: it does not matter in which unit a score is.

A score becomes the normal score of its rank among the survey's galaxies. A galaxy is as unusual as its most unusual
side: of the normal scores the highest counts, where those that ask nearly the same, how far a galaxy as a whole lies
from the others, count as one, their mean. (On painted galaxies the mean of all drowns what one score alone can see.) A
score that is not known of a galaxy, as where nobody voted, counts neither for nor against it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

__all__ = ["combined", "normal_scores", "placed_among"]

Floats = NDArray[np.float64]


def normal_scores(values: NDArray[np.floating]) -> Floats:
    """What a normal number of the same rank would be, float64 (n,); NaN stays NaN, ties share their rank."""
    known = np.isfinite(values)
    scores = np.full(len(values), np.nan)
    count = int(known.sum())
    if count:
        scores[known] = special.ndtri((stats.rankdata(values[known]) - 0.5) / count)
    return scores


def placed_among(values: NDArray[np.floating], among: NDArray[np.floating]) -> Floats:
    """The normal scores of values from elsewhere at their place among the survey's, float64 (n,).

    A value that the survey has too gets what the survey's galaxy got.
    """
    known = np.sort(among[np.isfinite(among)])
    if not len(known):
        return np.full(len(values), np.nan)
    below, upto = (np.searchsorted(known, values, side) for side in ("left", "right"))
    rank = np.where(upto > below, (below + upto) / 2, below)
    scores = special.ndtri(np.clip(rank / len(known), 0.5 / len(known), 1 - 0.5 / len(known)))
    return np.where(np.isfinite(values), scores, np.nan)


def combined(normal: Mapping[str, Floats], alike: Collection[str] = ()) -> Floats:
    """The highest of the normal scores that are known of each galaxy, float64 (n,); NaN where none is.

    Parameters
    ----------
    normal : mapping of float (n,)
    alike : collection of str
        Those that count as one, by their mean.
    """
    sides = [values for name, values in normal.items() if name not in alike]
    together = [values for name, values in normal.items() if name in alike]
    if together:
        sides.append(np.mean(together, axis=0))
    known = np.isfinite(sides)
    highest = np.where(known, sides, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), highest, np.nan)
