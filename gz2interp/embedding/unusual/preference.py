"""Gaussian process regression of a person's ratings on anomaly scores, and the galaxy to rate next.

The prior mean of the process is the anomaly score; each rating moves the scores of galaxies that are unusual in the
same way towards the rating, and leaves all others unchanged. This is the idea of Astronomaly (Lochner & Bassett 2021,
Astronomy and Computing 36, 100481; there a random forest's prediction is weighted by the distance to the nearest rated
galaxy).

Notes on differences: one model does both. Its covariance depends on directions: a kind of galaxy is a direction of
deviation from the usual, and orthogonal directions are uncorrelated. It grows with how unusual both galaxies are, so
that scores of ordinary galaxies hardly change. A second term, between identical vectors only, models the scatter of a
person's ratings: a galaxy with the vector of a rated one gets exactly its rating.

The most unusual galaxy is rated first. After that, of the galaxies near the top of the updated ranking, the one is
rated next that would reduce the variances of the scores near the top most. In this way the kinds of unusual galaxies
are covered one after another, numerous kinds first; the most unusual galaxies alone are of few kinds, and the most
dissimilar ones are isolated (docs/benchmarks.md). After `EARLY` ratings the first galaxy of the ranking is rated, and
every `EXPLORE`-th time again the most informative one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BOTTOM",
    "EARLY",
    "EXPLORE",
    "TOP",
    "PreferenceModel",
    "covariance",
    "next_to_rate",
    "preference_vectors",
]


Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

BOTTOM, TOP = 0.0, 6.0
"""Normal scores of the lowest and the highest rating. Galaxies that are presented for rating have scores of about 3, so
that low and high ratings change them equally."""

SIMILARITY_VARIANCE: Final = 4.0
RATING_VARIANCE: Final = 1.0
"""Variances of the two terms of the covariance, for galaxies of typical unusualness."""

NARROW: Final = 5.0
"""How fast the covariance falls with the angle between two directions: to a half at 30 degrees, to 0 at 90 degrees."""

APPEARANCE_WEIGHT: Final = 0.75
"""Weight of the direction of a galaxy's appearance; the rest is that of the direction of its scores."""

MOST_RATINGS: Final = 4000
"""The latest ratings, to which the process is fitted exactly."""

_SAME: Final = 1e-8
_BLOCK: Final = 8192


@dataclass(frozen=True, eq=False)
class PreferenceModel:
    """Gaussian process fitted to the ratings of a survey.

    Attributes
    ----------
    vectors : float32 (rating, component)
        The rated galaxies.
    weights : float64 (rating,)
        The inverse covariance times the residuals of the ratings.
    """

    vectors: Floats
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: Floats, scores: NDArray[np.floating], ratings: NDArray[np.floating]) -> PreferenceModel:
        """Fit the residuals between ratings and anomaly scores.

        Parameters
        ----------
        vectors : float32 (rating, component)
            Of the rated galaxies, see `preference_vectors`, in the order in which they were rated.
        scores : float (rating,)
            Their anomaly scores, as normal scores.
        ratings : float (rating,)
            From 0, ordinary, to 1, most interesting.
        """
        vectors, scores, ratings = vectors[-MOST_RATINGS:], scores[-MOST_RATINGS:], ratings[-MOST_RATINGS:]
        target = BOTTOM + (TOP - BOTTOM) * np.asarray(ratings, np.float64)
        matrix = covariance(vectors, vectors) + 1e-6 * np.eye(len(vectors))
        return cls(vectors, np.asarray(np.linalg.solve(matrix, target - scores), np.float64))

    def score_samples(self, vectors: Floats, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores updated by the ratings, float64 (n,).

        Parameters
        ----------
        vectors : float32 (n, component)
            Of `preference_vectors`.
        scores : float (n,)
            Anomaly scores, as normal scores.
        """
        updated = np.asarray(scores, np.float64).copy()
        for start in range(0, len(vectors), _BLOCK) if len(self.vectors) else ():
            block = slice(start, start + _BLOCK)
            updated[block] += covariance(np.asarray(vectors[block]), self.vectors) @ self.weights
        return updated


def preference_vectors(vectors: Floats, normal: NDArray[np.floating], whitened: Floats | None = None) -> Floats:
    """Direction and amount of each galaxy's deviation, float32 (n, component), the input of the covariance.

    The direction combines that of the appearance, from pixel measurements or else from activations, and that of the
    scores. The length is 1 for scores of typical size, and less than 2.

    Parameters
    ----------
    vectors : float32 (n, component)
        Whitened activations.
    normal : float (n, score)
        Normal scores; NaN counts as 0.
    whitened : float32 (n, number), optional
        Pixel measurements, see `Morphology.whitened`, which replace the activations.
    """
    scores = np.nan_to_num(normal)
    size = np.sqrt((scores**2).mean(axis=1, keepdims=True))
    appearance = np.sqrt(APPEARANCE_WEIGHT) * _directions(vectors if whitened is None else whitened)
    directions = np.concatenate([appearance, np.sqrt(1 - APPEARANCE_WEIGHT) * _directions(scores)], axis=1)
    return np.asarray(2 * size / (1 + size) * directions, np.float32)


def covariance(one: Floats, other: Floats) -> NDArray[np.float64]:
    """Prior covariance (n, m) of the scores of two sets of galaxies, given by their `preference_vectors`."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    products, squares = one @ other.T, [(vectors**2).sum(axis=1) for vectors in (one, other)]
    lengths = np.sqrt(np.outer(*squares))
    cosines = products / np.maximum(lengths, 1e-12)
    same = squares[0][:, None] + squares[1] - 2 * products < _SAME
    similarity = np.expm1(NARROW * cosines) / np.expm1(NARROW)
    return np.asarray(SIMILARITY_VARIANCE * lengths * similarity + RATING_VARIANCE * same)


def _directions(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float64)


EARLY: Final = 40
EXPLORE: Final = 5
"""The first ratings are of the most informative galaxies, and later every so many."""
AMONG: Final = 0.04
FEWEST: Final = 50
MOST_CANDIDATES: Final = 1000
"""Candidates near the top of the ranking: as a share of the survey, at least, and at most."""
LATEST: Final = 1000
"""The latest ratings, on which the remaining variances are conditioned."""


def next_to_rate(scores: NDArray[np.floating], vectors: Floats, rated: Integers) -> int | None:
    """The position of the galaxy to rate next, None where all are rated; deterministic.

    Parameters
    ----------
    scores : float (n,)
        Of `PreferenceModel.score_samples`.
    vectors : float32 (n, component)
        Of `preference_vectors`.
    rated : int64 (rating,)
        Positions of the galaxies with a rating.
    """
    free = np.ones(len(scores), bool)
    free[rated] = False
    if not free.any():
        return None
    order = np.argsort(-np.where(free & np.isfinite(scores), scores, -np.inf), kind="stable")
    if not len(rated) or (len(rated) >= EARLY and (len(rated) + 1) % EXPLORE):
        return int(order[0])
    first = order[: min(max(FEWEST, round(AMONG * len(scores))), MOST_CANDIDATES, int(free.sum()))]
    return int(first[np.argmax(_variance_reduction(np.asarray(vectors[first]), np.asarray(vectors[rated[-LATEST:]])))])


def _variance_reduction(vectors: Floats, rated: Floats) -> NDArray[np.float64]:
    """The total reduction of the posterior variances (n,) by a rating of each galaxy."""
    between = covariance(vectors, rated)
    matrix = covariance(rated, rated) + 1e-6 * np.eye(len(rated))
    posterior = covariance(vectors, vectors) - between @ np.linalg.solve(matrix, between.T)
    return np.asarray((posterior**2).sum(axis=0) / np.maximum(np.diag(posterior), 1e-6))
