"""Several scores as one, by rank alone: it does not matter in which unit a score is.

A score becomes the normal score of its rank among the survey's galaxies: how few are as unusual. Of these shares the
harmonic mean is taken (Wilson 2019, PNAS 116, 1195), which is nearly the smallest share times the number of scores: a
galaxy is about as unusual as its most unusual side, and a second unusual side adds to that. Those that ask nearly the
same, how far a galaxy as a whole lies from the others, count as one, the mean of their normal scores. (On painted
galaxies the mean of all drowns what one score alone can see.) A score that is not known of a galaxy, as where nobody
voted, counts neither for nor against it.
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
    """The normal score of the harmonic mean of the shares, of those known of each galaxy, float64 (n,); else NaN.

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
    shares = special.ndtr(-np.where(known, sides, 0.0))
    count = known.sum(axis=0)
    inverse = np.where(known, 1 / np.maximum(shares, 1e-300), 0.0).sum(axis=0)
    mean = -special.ndtri(count / np.where(count > 0, inverse, 1.0))
    return np.where(count > 0, mean, np.nan)
