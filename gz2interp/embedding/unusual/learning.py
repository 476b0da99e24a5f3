"""The ranking after a person has rated some of it.

A Gaussian process whose mean, where nothing was rated, is the score that nobody's ratings made; each rating pulls the
galaxies that are like the rated one towards it, the less the farther they are. So the ranking learns where it was told
something and stays as it was elsewhere, which is the idea of Astronomaly (Lochner & Bassett 2021, Astronomy and
Computing 36, 100481; there a random forest's prediction is weighted by the distance to the nearest rated galaxy).

Notes on differences: one model does both. Its covariance is the sum of a linear part, which finds the direction in
which the interesting differ from the rest, a local one, and one of a galaxy with itself, which stands for a person's
mood: another galaxy of the very same activations gets exactly the rating, whatever was said of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOTTOM", "TOP", "Taste", "learn", "taste_vectors"]

Floats = NDArray[np.float32]

BOTTOM, TOP = -2.0, 4.0
"""What the lowest and the highest rating are worth, as normal scores: an interesting galaxy is one in 30,000."""

LINEAR: Final = 0.5
LOCAL: Final = 4.0
MOOD: Final = 1.0
"""Variances of the three parts."""

REACH: Final = 0.7
"""How far the local part reaches, where two galaxies of a survey lie 2 from each other on average."""

MOST: Final = 4000
"""Ratings that are learnt from, the latest; the sum of all ratings' influences is solved exactly."""

_SAME: Final = 1e-8
_BLOCK: Final = 8192


@dataclass(frozen=True, eq=False)
class Taste:
    """What was learnt of the ratings of one survey.

    Attributes
    ----------
    vectors : float32 (rating, component)
        The rated galaxies.
    weights : float64 (rating,)
        Their influence.
    """

    vectors: Floats
    weights: NDArray[np.float64]

    def __call__(self, vectors: Floats, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores that know the ratings, float64 (n,).

        Parameters
        ----------
        vectors : float32 (n, component)
            Those of `taste_vectors`.
        scores : float (n,)
            Without ratings, as normal scores.
        """
        learnt = np.asarray(scores, np.float64).copy()
        for start in range(0, len(vectors), _BLOCK) if len(self.vectors) else ():
            block = slice(start, start + _BLOCK)
            learnt[block] += _covariance(np.asarray(vectors[block]), self.vectors) @ self.weights
        return learnt


def learn(vectors: Floats, scores: NDArray[np.floating], ratings: NDArray[np.floating]) -> Taste:
    """Learn from ratings.

    Parameters
    ----------
    vectors : float32 (rating, component)
        Of the rated galaxies, see `taste_vectors`, in the order in which they were rated.
    scores : float (rating,)
        What they had without ratings, as normal scores.
    ratings : float (rating,)
        From 0, ordinary, to 1, most interesting.
    """
    vectors, scores, ratings = vectors[-MOST:], scores[-MOST:], ratings[-MOST:]
    wanted = BOTTOM + (TOP - BOTTOM) * np.asarray(ratings, np.float64)
    own = _covariance(vectors, vectors) + 1e-6 * np.eye(len(vectors))
    return Taste(vectors, np.asarray(np.linalg.solve(own, wanted - scores), np.float64))


def taste_vectors(vectors: Floats, normal: NDArray[np.floating], deviations: Floats | None = None) -> Floats:
    """What a rating is passed on by: how galaxies look to the network, why they are unusual, and what is so of them.

    All parts count alike: with the second, a person who likes what one of the scores finds is soon understood.

    Parameters
    ----------
    vectors : float32 (n, component)
        In a space where scatters are 1.
    normal : float (n, score)
        Normal scores; NaN, which is not known, counts as the middle.
    deviations : float32 (n, number), optional
        Of what was measured on the pixels, in scatters; logarithms of them count, or those far off were alike to none.
    """
    parts = [vectors, np.nan_to_num(normal)]
    if deviations is not None:
        parts.append(np.sign(deviations) * np.log1p(np.abs(deviations)))
    return np.concatenate([part / np.sqrt(part.shape[1]) for part in parts], axis=1).astype(np.float32)


def _covariance(one: Floats, other: Floats) -> NDArray[np.float64]:
    """Of the survey's scores at two sets of galaxies (n, m)."""
    products = one.astype(np.float64) @ other.T.astype(np.float64)
    squares = _squares(one)[:, None] + _squares(other)[None] - 2 * products
    local = np.exp(-0.5 * np.maximum(squares, 0) / (2 * REACH**2))
    return np.asarray(LINEAR * products + LOCAL * local + MOOD * (squares < _SAME))


def _squares(vectors: Floats) -> NDArray[np.float64]:
    return np.asarray((vectors.astype(np.float64) ** 2).sum(axis=1))
