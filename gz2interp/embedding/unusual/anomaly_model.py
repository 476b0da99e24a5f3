"""All anomaly scores fitted to a survey and combined by rank.

A score becomes the normal score of its rank among the survey's galaxies: how few are as unusual. Of these shares the
harmonic mean is taken (Wilson 2019, PNAS 116, 1195), which is nearly the smallest share times the number of scores: a
galaxy is about as unusual as its most unusual side, and a second unusual side adds to that. Those that ask nearly the
same, how far a galaxy as a whole lies from the others, count as one, the mean of their normal scores. (On painted
galaxies the mean of all drowns what one score alone can see.) A score that is not known of a galaxy, as where nobody
voted, counts neither for nor against it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

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
    "combined",
    "fit_space",
    "normal_scores",
    "placed_among",
]


Doubles = NDArray[np.float64]


def normal_scores(values: NDArray[np.floating]) -> Doubles:
    """What a normal number of the same rank would be, float64 (n,); NaN stays NaN, ties share their rank."""
    known = np.isfinite(values)
    scores = np.full(len(values), np.nan)
    count = int(known.sum())
    if count:
        scores[known] = special.ndtri((stats.rankdata(values[known]) - 0.5) / count)
    return scores


def placed_among(values: NDArray[np.floating], among: NDArray[np.floating]) -> Doubles:
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


def combined(normal: Mapping[str, Doubles], alike: Collection[str] = ()) -> Doubles:
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


Floats = NDArray[np.float32]

KEEP: Final = 0.995
MOST: Final = 128
_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class WhitenedSpace:
    """An affine map from activations to coordinates whose scatter is 1 along every axis.

    Attributes
    ----------
    middle : float32 (feature,)
        Mean of the galaxies it was made of.
    axes : float32 (feature, component)
    """

    middle: Floats
    axes: Floats

    def __call__(self, activations: Floats) -> Floats:
        """Coordinates float32 (n, component), block by block.

        Raises
        ------
        InputError
            The activations have another number of features, or are not finite.
        """
        given = np.asarray(activations)
        if given.ndim != 2 or given.shape[1] != len(self.middle):
            raise InputError(
                f"Activations of shape {given.shape} were given", f"(galaxy, {len(self.middle)}): those of the survey"
            )
        placed = np.empty((len(given), self.axes.shape[1]), np.float32)
        for start in range(0, len(given), _BLOCK):
            block = slice(start, start + _BLOCK)
            placed[block] = (given[block] - self.middle) @ self.axes
        if not np.isfinite(placed).all():
            raise InputError(
                "Activations with NaN or infinity were given", "Finite numbers", "Look at the network's weights"
            )
        return placed


def fit_space(activations: Floats, keep: float = KEEP, most: int = MOST) -> WhitenedSpace:
    """The space of a sample of galaxies.

    Each feature is first divided by its scatter, so that a quiet channel counts as much as a loud one; then come the
    principal axes that hold the share `keep` of the variance, at most `most`, each in units of its own scatter.

    Parameters
    ----------
    activations : float32 (n, feature)
    keep : float
    most : int
    """
    middle = activations.mean(axis=0, dtype=np.float64)
    scatter = activations.std(axis=0, dtype=np.float64)
    loud = np.divide(1, scatter, out=np.zeros_like(scatter), where=scatter > 1e-7 * max(scatter.max(), 1e-30))
    values, axes = np.linalg.eigh(_correlation(activations, middle, loud))
    order = np.argsort(values)[::-1]
    values, axes = np.maximum(values[order], 0), axes[:, order]
    count = int(np.searchsorted(np.cumsum(values), keep * values.sum()) + 1)
    count = max(min(count, most, int((values > 1e-6 * values[0]).sum())), 1)
    lengths = np.sqrt(np.maximum(values[:count], 1e-12))
    turned = _signed(axes[:, :count]) / lengths
    return WhitenedSpace(middle.astype(np.float32), (loud[:, None] * turned).astype(np.float32))


def _correlation(activations: Floats, middle: NDArray[np.float64], loud: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the features, added up block by block in double precision."""
    total = np.zeros((len(middle), len(middle)))
    for start in range(0, len(activations), _BLOCK):
        block = (activations[start : start + _BLOCK] - middle) * loud
        total += block.T @ block
    return total / max(len(activations) - 1, 1)


def _signed(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sign of a principal axis is nobody's choice: its largest entry is made positive."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return np.asarray(axes * np.where(largest < 0, -1, 1))


Integers = NDArray[np.int64]


class AnomalyScore(Protocol):
    """A score of galaxies that have been placed among others."""

    def __call__(self, seen: Queries, /) -> Floats:
        """Float32 (n,): the higher, the more unusual."""


SCORES: Final[Mapping[str, Any]] = {
    "neighbour_distance": NeighbourDistance,
    "density_ratio": DensityRatio,
    "forest": Forest,
    "class_distance": ClassDistance,
}
"""Those that are fitted to the ground, ``SCORES[name].fit(ground, seed)``."""

IMAGE_SCORES: Final[Mapping[str, Any]] = {"places": CellStatistics, "opposite": OppositeSide}
"""Those that look at places of the layer nearest to the pixels, ``IMAGE_SCORES[name].fit(cells)``."""

TITLES: Final[Mapping[str, str]] = {
    **{name: score.title for name, score in {**SCORES, **IMAGE_SCORES}.items()},
    **morphology.TITLES,
    "votes": scores.TITLE,
}
"""What each score says of a galaxy that has a high one."""


@dataclass(frozen=True, eq=False)
class AnomalyModel:
    """The scores of a survey that compare whole galaxies, frozen.

    Attributes
    ----------
    space : WhitenedSpace
    ground : ReferenceSample
    scores : mapping
    """

    space: WhitenedSpace
    ground: ReferenceSample
    scores: Mapping[str, AnomalyScore]

    @classmethod
    def fit(cls, space: WhitenedSpace, vectors: Floats, classes: Integers, seed: int = 0) -> AnomalyModel:
        """Fit all scores to a ground of galaxies whose vectors are in the space."""
        ground = ReferenceSample(vectors, classes)
        return cls(space, ground, {name: kind.fit(ground, seed) for name, kind in SCORES.items()})

    def __call__(
        self,
        vectors: Floats,
        probabilities: Floats,
        itself: Integers | None = None,
        image_scores: Mapping[str, Floats] | None = None,
        shares: NDArray[np.float64] | None = None,
    ) -> dict[str, Floats]:
        """Each score of some galaxies, float32 (n,); NaN where it is not known.

        Parameters
        ----------
        vectors : float32 (n, component)
        probabilities : float32 (n, class)
        itself : int64 (n,), optional
            Positions in the ground of those that are part of it, else -1.
        image_scores : mapping of float32 (n,), optional
            Those of `IMAGE_SCORES`, and those of `Morphology`.
        shares : float (n, class), optional
            What the volunteers said, see `vote_shares`.
        """
        seen = self.ground.look(vectors, probabilities.argmax(axis=1).astype(np.int64), itself)
        values = {name: score(seen) for name, score in self.scores.items()} | dict(image_scores or {})
        unknown = np.full(len(vectors), np.nan)
        values["votes"] = np.asarray(unknown if shares is None else disagreement(shares, probabilities), np.float32)
        return values
