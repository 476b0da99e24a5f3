"""All anomaly scores fitted to a survey and combined by rank.

Each score is replaced by the normal score of its rank among the survey's galaxies, that is, by the share of galaxies
that score at least as high. The shares of a galaxy are combined by their harmonic mean (Wilson 2019, PNAS 116, 1195),
which is roughly the smallest share times the number of scores: the combined score follows the most unusual property,
and further unusual properties add to it. Scores that measure nearly the same, the distance of a whole galaxy from the
others, count once, by the mean of their normal scores. (On painted galaxies a mean over all scores hides what a single
score detects.) Missing scores, such as that of the votes where there are none, are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from gz2interp.embedding.spaces import finite
from gz2interp.embedding.unusual import morphology, scores
from gz2interp.embedding.unusual.places import CellStatistics, OppositeSide
from gz2interp.embedding.unusual.scores import (
    ClassDistance,
    DensityRatio,
    Forest,
    NeighbourDistance,
    Queries,
    ReferenceSample,
    disagreement,
)
from gz2interp.errors import InputError

__all__ = [
    "IMAGE_SCORES",
    "SCORES",
    "TITLES",
    "AnomalyModel",
    "AnomalyScore",
    "WhitenedSpace",
    "combine_scores",
    "fit_space",
    "normal_scores",
    "normal_scores_among",
]


Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def normal_scores(values: NDArray[np.floating]) -> Doubles:
    """Normal quantiles of the ranks, float64 (n,); NaN stays NaN, ties share their mean rank."""
    finite_values = np.isfinite(values)
    scores = np.full(len(values), np.nan)
    count = int(finite_values.sum())
    if count:
        scores[finite_values] = special.ndtri((stats.rankdata(values[finite_values]) - 0.5) / count)
    return scores


def normal_scores_among(values: NDArray[np.floating], among: NDArray[np.floating]) -> Doubles:
    """The normal scores of new values by their rank among those of the survey (`among`), float64 (n,).

    A value that occurs in the survey gets the same normal score as there.
    """
    reference = np.sort(among[np.isfinite(among)])
    if not len(reference):
        return np.full(len(values), np.nan)
    below, upto = (np.searchsorted(reference, values, side) for side in ("left", "right"))
    rank = np.where(upto > below, (below + upto) / 2, below)
    scores = special.ndtri(np.clip(rank / len(reference), 0.5 / len(reference), 1 - 0.5 / len(reference)))
    return np.where(np.isfinite(values), scores, np.nan)


def combine_scores(normal: Mapping[str, Doubles], alike: Collection[str] = ()) -> Doubles:
    """The normal score of the harmonic mean of the shares, over the scores that are not NaN, float64 (n,).

    Parameters
    ----------
    normal : mapping of float (n,)
    alike : collection of str
        Scores that count once, by their mean.
    """
    values = [value for name, value in normal.items() if name not in alike]
    similar = [value for name, value in normal.items() if name in alike]
    if similar:
        values.append(np.mean(similar, axis=0))
    present = np.isfinite(values)
    shares = special.ndtr(-np.where(present, values, 0.0))
    count = present.sum(axis=0)
    inverse = np.where(present, 1 / np.maximum(shares, 1e-300), 0.0).sum(axis=0)
    mean = -special.ndtri(count / np.where(count > 0, inverse, 1.0))
    return np.where(count > 0, mean, np.nan)


KEEP: Final = 0.995
MOST: Final = 128
_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class WhitenedSpace:
    """An affine map from activations to coordinates whose scatter is 1 along every axis.

    Attributes
    ----------
    middle : float32 (feature,)
        Mean of the galaxies it was fitted to.
    axes : float32 (feature, component)
    """

    middle: Floats
    axes: Floats

    def __call__(self, activations: Floats) -> Floats:
        """Coordinates float32 (n, component) of activations (n, feature).

        Raises
        ------
        InputError
            The activations have another number of features, or are not finite.
        """
        values = np.asarray(activations)
        if values.ndim != 2 or values.shape[1] != len(self.middle):
            raise InputError(
                f"Activations of shape {values.shape} were given", f"(galaxy, {len(self.middle)}): those of the survey"
            )
        coordinates = np.empty((len(values), self.axes.shape[1]), np.float32)
        for start in range(0, len(values), _BLOCK):
            block = slice(start, start + _BLOCK)
            coordinates[block] = (values[block] - self.middle) @ self.axes
        return finite(coordinates)


def fit_space(activations: Floats, keep: float = KEEP, most: int = MOST) -> WhitenedSpace:
    """Principal component analysis with whitening of standardised features (n, feature).

    Each feature is divided by its scatter. Of the principal axes those are taken that hold the share `keep` of the
    variance, at most `most`, each in units of its own scatter.
    """
    middle = activations.mean(axis=0, dtype=np.float64)
    scatter = activations.std(axis=0, dtype=np.float64)
    inverse = np.divide(1, scatter, out=np.zeros_like(scatter), where=scatter > 1e-7 * max(scatter.max(), 1e-30))
    values, axes = np.linalg.eigh(_correlation(activations, middle, inverse))
    order = np.argsort(values)[::-1]
    values, axes = np.maximum(values[order], 0), axes[:, order]
    count = int(np.searchsorted(np.cumsum(values), keep * values.sum()) + 1)
    count = max(min(count, most, int((values > 1e-6 * values[0]).sum())), 1)
    lengths = np.sqrt(np.maximum(values[:count], 1e-12))
    rotated = _signed(axes[:, :count]) / lengths
    return WhitenedSpace(middle.astype(np.float32), (inverse[:, None] * rotated).astype(np.float32))


def _correlation(activations: Floats, middle: NDArray[np.float64], inverse: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation matrix of the features, summed block by block in double precision."""
    total = np.zeros((len(middle), len(middle)))
    for start in range(0, len(activations), _BLOCK):
        block = (activations[start : start + _BLOCK] - middle) * inverse
        total += block.T @ block
    return total / max(len(activations) - 1, 1)


def _signed(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Principal axes with their arbitrary sign fixed: the largest entry is positive."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return np.asarray(axes * np.where(largest < 0, -1, 1))


class AnomalyScore(Protocol):
    """A score of whole galaxies, fitted to a reference sample."""

    def score_samples(self, queries: Queries) -> Floats:
        """Float32 (n,): the higher, the more unusual (the opposite sign of scikit-learn's outlier detectors)."""


SCORES: Final[Mapping[str, Any]] = {
    "neighbour_distance": NeighbourDistance,
    "density_ratio": DensityRatio,
    "forest": Forest,
    "class_distance": ClassDistance,
}
"""Scores of whole galaxies, ``SCORES[name].fit(reference, seed)``."""

IMAGE_SCORES: Final[Mapping[str, Any]] = {"places": CellStatistics, "opposite": OppositeSide}
"""Scores of cells of the layer nearest to the pixels, ``IMAGE_SCORES[name].fit(cells)``."""

TITLES: Final[Mapping[str, str]] = {
    **{name: score.title for name, score in {**SCORES, **IMAGE_SCORES}.items()},
    **morphology.TITLES,
    "votes": scores.TITLE,
}
"""What a high value of each score means."""


@dataclass(frozen=True, eq=False)
class AnomalyModel:
    """The fitted scores of `SCORES` of a survey."""

    space: WhitenedSpace
    reference: ReferenceSample
    scores: Mapping[str, AnomalyScore]

    @classmethod
    def fit(cls, space: WhitenedSpace, vectors: Floats, classes: Integers, seed: int = 0) -> AnomalyModel:
        """Fit all scores to a reference sample: vectors (m, component) in the space, predicted classes (m,)."""
        reference = ReferenceSample(vectors, classes)
        return cls(space, reference, {name: kind.fit(reference, seed) for name, kind in SCORES.items()})

    def score_samples(
        self,
        vectors: Floats,
        probabilities: Floats,
        reference_rows: Integers | None = None,
        image_scores: Mapping[str, Floats] | None = None,
        shares: NDArray[np.float64] | None = None,
    ) -> dict[str, Floats]:
        """Each score of some galaxies, float32 (n,); NaN where it is missing.

        Parameters
        ----------
        vectors : float32 (n, component)
        probabilities : float32 (n, class)
        reference_rows : int64 (n,), optional
            The row of each galaxy in the reference sample, -1 if it is not in it.
        image_scores : mapping of float32 (n,), optional
            Values of `IMAGE_SCORES` and of `Morphology`, which are returned with the others.
        shares : float (n, class), optional
            The volunteers' votes, see `vote_shares`.
        """
        queries = self.reference.query(vectors, probabilities.argmax(axis=1).astype(np.int64), reference_rows)
        values = {name: score.score_samples(queries) for name, score in self.scores.items()} | dict(image_scores or {})
        unknown = np.full(len(vectors), np.nan)
        values["votes"] = np.asarray(unknown if shares is None else disagreement(shares, probabilities), np.float32)
        return values
