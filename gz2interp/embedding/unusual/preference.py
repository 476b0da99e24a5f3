"""A ranking that learns from a person's ratings, and the galaxy to rate next.

A Gaussian process whose mean, where nothing was rated, is the score that nobody's ratings made; each rating pulls the
galaxies that are unusual in the same way as the rated one towards it. So the ranking learns where it was told something
and stays as it was elsewhere, which is the idea of Astronomaly (Lochner & Bassett 2021, Astronomy and Computing 36,
100481; there a random forest's prediction is weighted by the distance to the nearest rated galaxy).

Notes on differences: one model does both. Its covariance is that of directions: a kind of galaxy is a way to differ
from what is usual, by more or by less, and what differs in another way, at a right angle, was not spoken of. It grows
with how unusual both are, so that galaxies like most others stay where they are. One part is of a galaxy with itself
alone, which stands for a person's mood: another galaxy of the very same vector gets exactly the rating, whatever was
said of others.

The first is the most unusual one. Then comes, of those that are near the top of the ranking that has learnt from all
ratings so far, the one whose rating would tell most about the others near the top: by how much it would lower the
variances of their scores. So the kinds of what is odd, liked or not, are met one after another, the numerous before the
solitary; the most unusual alone are of few kinds, and the least alike are like nobody (docs/benchmarks.md). After forty
ratings it is the first of the ranking that is shown, and such a one every fifth time.
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
    "learn",
    "next_to_rate",
    "taste_vectors",
]


Floats = NDArray[np.float32]

BOTTOM, TOP = 0.0, 6.0
"""What the lowest and the highest rating are worth, as normal scores: an ordinary galaxy is one of the middle. What is
shown for rating has scores of about 3: so a low rating pulls it down as far as a high one lifts it."""

ALIKE: Final = 4.0
MOOD: Final = 1.0
"""Variances of the two parts, for galaxies that are usually unusual."""

NARROW: Final = 5.0
"""How fast likeness falls with the angle between two directions: to a half at 30 degrees. At a right angle it is 0."""

BY_LOOK: Final = 0.75
"""What counts of two directions: how a galaxy looks, and else which of the scores it is that find it unusual."""

MOST_RATINGS: Final = 4000
"""Ratings that are learnt from, the latest; the sum of all ratings' influences is solved exactly."""

_SAME: Final = 1e-8
_BLOCK: Final = 8192


@dataclass(frozen=True, eq=False)
class PreferenceModel:
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
            learnt[block] += covariance(np.asarray(vectors[block]), self.vectors) @ self.weights
        return learnt


def learn(vectors: Floats, scores: NDArray[np.floating], ratings: NDArray[np.floating]) -> PreferenceModel:
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
    vectors, scores, ratings = vectors[-MOST_RATINGS:], scores[-MOST_RATINGS:], ratings[-MOST_RATINGS:]
    wanted = BOTTOM + (TOP - BOTTOM) * np.asarray(ratings, np.float64)
    own = covariance(vectors, vectors) + 1e-6 * np.eye(len(vectors))
    return PreferenceModel(vectors, np.asarray(np.linalg.solve(own, wanted - scores), np.float64))


def taste_vectors(vectors: Floats, normal: NDArray[np.floating], whitened: Floats | None = None) -> Floats:
    """What a rating is passed on by, float32 (n, component): in which way and how far a galaxy is unusual.

    The direction is that of how it looks, measured on its pixels, or to the network where nothing was measured, and
    that of its scores. The length is 1 where scores are as large as they usually are, and less than 2 for all.

    Parameters
    ----------
    vectors : float32 (n, component)
        In a space where scatters are 1.
    normal : float (n, score)
        Normal scores; NaN, which is not known, counts as the middle.
    whitened : float32 (n, number), optional
        What was measured on the pixels, see `Morphology.whitened`: there the direction of what is odd, among usual
        differences, is the one that tells it best from others.
    """
    scores = np.nan_to_num(normal)
    size = np.sqrt((scores**2).mean(axis=1, keepdims=True))
    looks = _directions(vectors if whitened is None else whitened)
    directions = np.concatenate([np.sqrt(BY_LOOK) * looks, np.sqrt(1 - BY_LOOK) * _directions(scores)], axis=1)
    return np.asarray(2 * size / (1 + size) * directions, np.float32)


def covariance(one: Floats, other: Floats) -> NDArray[np.float64]:
    """Of the survey's scores at two sets of galaxies (n, m), of the vectors of `taste_vectors`."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    products, squares = one @ other.T, [(each**2).sum(axis=1) for each in (one, other)]
    lengths = np.sqrt(np.outer(*squares))
    cosines = products / np.maximum(lengths, 1e-12)
    same = squares[0][:, None] + squares[1] - 2 * products < _SAME
    alike = np.expm1(NARROW * cosines) / np.expm1(NARROW)
    return np.asarray(ALIKE * lengths * alike + MOOD * same)


def _directions(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float64)


Integers = NDArray[np.int64]

EARLY: Final = 40
EXPLORE: Final = 5
"""How many ratings are there to learn most from, and every how many later."""
AMONG: Final = 0.04
FEWEST: Final = 50
MOST_CANDIDATES: Final = 1000
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
    first = order[: min(max(FEWEST, round(AMONG * len(scores))), MOST_CANDIDATES, int(free.sum()))]
    return int(first[np.argmax(_told(np.asarray(vectors[first]), np.asarray(vectors[rated[-LATEST:]])))])


def _told(vectors: Floats, rated: Floats) -> NDArray[np.float64]:
    """By how much the variances of all fall, together, where one is rated (n,)."""
    between = covariance(vectors, rated)
    known = covariance(rated, rated) + 1e-6 * np.eye(len(rated))
    left = covariance(vectors, vectors) - between @ np.linalg.solve(known, between.T)
    return np.asarray((left**2).sum(axis=0) / np.maximum(np.diag(left), 1e-6))
