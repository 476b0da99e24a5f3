"""Anomaly scores of galaxies: distance, density ratio, isolation forest, class distance, deviation from votes.

Ref. Ramaswamy, Rastogi & Shim 2000, SIGMOD 29, 427.

Ref. Breunig, Kriegel, Ng & Sander 2000, LOF, SIGMOD 29, 93.

Ref. Liu, Ting & Zhou 2008, Isolation Forest, ICDM 413; scikit-learn's.

Ref. Lee, Lee, Lee & Shin 2018, A simple unified framework for detecting out-of-distribution samples, arXiv:1807.03888,
here with a covariance of each class, shrunk towards the one of all (Ledoit & Wolf 2004, J. Multivar. Anal. 88, 365).

The Kullback-Leibler divergence of the volunteers' shares from the probabilities: the surprise at a vote beyond what the
volunteers' own disagreement makes of it. Nobody's votes are not votes of 0: where a galaxy has none, it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import faiss
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.schema import CLASS_VOTES, vote_column

__all__ = [
    "NEIGHBOURS",
    "ClassDistance",
    "DensityRatio",
    "Forest",
    "NeighbourDistance",
    "Queries",
    "ReferenceSample",
    "disagreement",
    "vote_columns_of",
    "vote_shares",
]


Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

NEIGHBOURS: Final = 20
_QUERIES: Final = 2048


@dataclass(frozen=True, eq=False)
class Queries:
    """Galaxies to be judged, of the survey or not.

    Attributes
    ----------
    vectors : float32 (n, component)
        In the space of the ground.
    classes : int64 (n,)
        What the network takes them for.
    itself : int64 (n,)
        The position of a galaxy in the ground, if it is one of it; else -1. It is no neighbour of itself.
    positions, distances : int64, float32 (n, k)
        Its nearest neighbours in the ground.
    """

    vectors: Floats
    classes: Integers
    itself: Integers
    positions: Integers
    distances: Floats


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """A sample of galaxies, all of a small survey.

    Attributes
    ----------
    vectors : float32 (m, component)
    classes : int64 (m,)
        What the network takes each for.
    """

    vectors: Floats
    classes: Integers
    _index: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = faiss.IndexFlatL2(self.vectors.shape[1])
        index.add(np.ascontiguousarray(self.vectors))
        object.__setattr__(self, "_index", index)

    def look(self, vectors: Floats, classes: Integers, itself: Integers | None = None, k: int = NEIGHBOURS) -> Queries:
        """The galaxies with their k nearest neighbours; fewer where the ground has fewer."""
        itself = np.full(len(vectors), -1, np.int64) if itself is None else itself
        count = max(min(k, len(self.vectors) - 1), 1)
        positions, distances = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
        for start in range(0, len(vectors), _QUERIES):
            part = slice(start, start + _QUERIES)
            positions[part], distances[part] = self._others(vectors[part], itself[part], count)
        return Queries(vectors, classes, itself, positions, distances)

    def all(self, k: int = NEIGHBOURS) -> Queries:
        """The galaxies of the ground themselves."""
        return self.look(self.vectors, self.classes, np.arange(len(self.vectors)), k)

    def _others(self, vectors: Floats, itself: Integers, count: int) -> tuple[Integers, Floats]:
        squares, found = self._index.search(np.ascontiguousarray(vectors), min(count + 1, len(self.vectors)))
        keep = found != itself[:, None]
        # Whoever is not in its own list, because it is not in the ground or twins pushed it out, loses the farthest.
        keep[keep.all(axis=1), -1] = found.shape[1] == count
        shape = (len(vectors), -1)
        return found[keep].reshape(shape), np.sqrt(np.maximum(squares[keep], 0)).reshape(shape)


@dataclass(frozen=True)
class NeighbourDistance:
    """The distance to the k-th neighbour.

    Attributes
    ----------
    k : int
    """

    title: ClassVar[str] = "few galaxies are similar to it"
    k: int = 5

    @classmethod
    def fit(cls, ground: ReferenceSample, seed: int = 0) -> NeighbourDistance:
        """Nothing is learnt: the ground's index is asked."""
        return cls()

    def __call__(self, seen: Queries) -> NDArray[np.float32]:
        """Float32 (n,), in scatters of the survey."""
        return np.asarray(seen.distances[:, min(self.k, seen.distances.shape[1]) - 1])


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """The local outlier factor: 1 inside a group, however thin, more outside of it.

    Attributes
    ----------
    reach, density : float32 (m,)
        Of the ground's galaxies: distance to the farthest of the neighbours, and local reachability density.
    """

    title: ClassVar[str] = "it differs more from its nearest neighbours than they do from theirs"
    reach: Floats
    density: Floats

    @classmethod
    def fit(cls, ground: ReferenceSample, seed: int = 0) -> DensityRatio:
        """Ask every galaxy of the ground for its neighbours once."""
        own = ground.all()
        reach = own.distances[:, -1]
        return cls(reach, _density(own, reach))

    def __call__(self, seen: Queries) -> Floats:
        """Float32 (n,)."""
        around = self.density[seen.positions].mean(axis=1)
        return np.asarray(around / _density(seen, self.reach), np.float32)


def _density(seen: Queries, reach: Floats) -> Floats:
    """One over the mean distance to the neighbours, none counted as nearer than its own neighbours reach."""
    mean = np.maximum(seen.distances, reach[seen.positions]).mean(axis=1)
    return np.asarray(1 / np.maximum(mean, 1e-10), np.float32)


TREES: Final = 200


@dataclass(frozen=True, eq=False)
class Forest:
    """An isolation forest on the coordinates of the space.

    Attributes
    ----------
    forest : sklearn.ensemble.IsolationForest
    """

    title: ClassVar[str] = "it is easy to separate from all other galaxies"
    forest: Any

    @classmethod
    def fit(cls, ground: ReferenceSample, seed: int = 0) -> Forest:
        """Grow the trees; one seed, one forest."""
        from sklearn.ensemble import IsolationForest  # a second to import

        return cls(IsolationForest(n_estimators=TREES, random_state=seed).fit(ground.vectors))

    def __call__(self, seen: Queries) -> NDArray[np.float32]:
        """Float32 (n,) between 0 and 1."""
        if not len(seen.vectors):
            return np.empty(0, np.float32)
        return np.asarray(-self.forest.score_samples(seen.vectors), np.float32)


SHRUNK_BY: Final = 5.0
"""A class of so many galaxies per axis counts half for its covariance; the rest is that of all galaxies."""
FEWEST: Final = 10
"""Galaxies of a class that has a middle of its own: the only one of a class would lie right in it."""


@dataclass(frozen=True, eq=False)
class ClassDistance:
    """Mahalanobis' distance.

    Attributes
    ----------
    classes : int64 (class,)
        Those of which the ground has at least `FEWEST`; a galaxy of any other is compared with all galaxies.
    middles : float32 (class + 1, component)
    whitenings : float32 (class + 1, component, component)
    """

    title: ClassVar[str] = "it is unlike other galaxies of its predicted class"
    classes: NDArray[np.int64]
    middles: Floats
    whitenings: Floats

    @classmethod
    def fit(cls, ground: ReferenceSample, seed: int = 0) -> ClassDistance:
        """Middle and scatter of each class, and of all."""
        classes, members = np.unique(ground.classes, return_counts=True)
        classes = classes[members >= FEWEST]
        within = np.zeros((ground.vectors.shape[1],) * 2)
        middles = [ground.vectors[ground.classes == each].mean(axis=0) for each in classes]
        scatters = [_scatter(ground.vectors[ground.classes == each]) for each in classes]
        counts = [int((ground.classes == each).sum()) for each in classes]
        within = sum((n * s for n, s in zip(counts, scatters, strict=True)), within) / max(sum(counts), 1)
        whole = _scatter(ground.vectors)
        half = SHRUNK_BY * ground.vectors.shape[1]
        mixed = [(n * s + half * within) / (n + half) for n, s in zip(counts, scatters, strict=True)]
        whitenings = np.stack([_whitening(each) for each in [*mixed, whole]])
        return cls(classes, np.stack([*middles, ground.vectors.mean(axis=0)]), whitenings)

    def __call__(self, seen: Queries) -> Floats:
        """Float32 (n,)."""
        place = np.searchsorted(self.classes, seen.classes)
        known = np.append(self.classes, -1)[place] == seen.classes
        place = np.where(known, place, len(self.classes))
        distances = np.empty(len(seen.vectors), np.float32)
        for each in np.unique(place):
            those = place == each
            offsets = (seen.vectors[those] - self.middles[each]) @ self.whitenings[each]
            distances[those] = np.linalg.norm(offsets, axis=1)
        return distances


def _scatter(vectors: Floats) -> NDArray[np.float64]:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray((centred.T @ centred) / max(len(vectors) - 1, 1), np.float64)


def _whitening(scatter: NDArray[np.float64]) -> Floats:
    values, axes = np.linalg.eigh(scatter)
    floor = max(1e-3 * values.mean(), 1e-12)
    return np.asarray(axes / np.sqrt(np.maximum(values, floor)), np.float32)


Doubles = NDArray[np.float64]

TITLE: Final = "the volunteers' votes disagree with the network's prediction"
LEAST: Final = 0.01
"""No network is surer than that: a probability of 0 would make one stray vote an infinite surprise."""

LEAST_VOTED: Final = 0.3
"""Share of votes that must have gone to the classes: few say little of a galaxy that most call an artefact."""

_KINDS: Final = ("debiased", "weighted_fraction", "fraction")


def vote_columns_of(class_names: Sequence[str]) -> list[str]:
    """All columns of a catalogue that may tell the votes for these classes."""
    paths = [step for name in class_names for step in CLASS_VOTES.get(name, ())]
    return list(dict.fromkeys(vote_column(*step, kind) for step in paths for kind in _KINDS))


def vote_shares(catalog: pd.DataFrame, class_names: Sequence[str]) -> Doubles:
    """The volunteers' shares of a network's classes, float64 (n, class), rows that sum to 1; NaN where there are none.

    Answers that lead to a class are multiplied. Debiased fractions if the catalogue has them, else weighted, else plain
    ones. All is NaN if the classes are none that volunteers were asked for, and of galaxies for whose classes
    fewer than `LEAST_VOTED` have voted.

    Parameters
    ----------
    catalog : DataFrame
    class_names : sequence of str
    """
    unknown = np.full((len(catalog), len(class_names)), np.nan)
    if any(name not in CLASS_VOTES for name in class_names):
        return unknown
    for kind in _KINDS:
        paths = [[vote_column(*step, kind) for step in CLASS_VOTES[name]] for name in class_names]
        if all(column in catalog for path in paths for column in path):
            shares = np.stack([_product(catalog, path) for path in paths], axis=1)
            total = shares.sum(axis=1, keepdims=True)
            return np.asarray(np.divide(shares, total, out=unknown, where=total >= LEAST_VOTED))
    return unknown


def disagreement(shares: Doubles, probabilities: NDArray[np.floating]) -> Doubles:
    """The divergence of the votes from the probabilities [nats per vote], float64 (n,); NaN where there are no votes.

    Parameters
    ----------
    shares, probabilities : (n, class)
    """
    likely = np.maximum(np.asarray(probabilities, np.float64), LEAST)
    likely /= likely.sum(axis=1, keepdims=True)
    given = np.where(shares > 0, shares, 1.0)
    return np.where(
        np.isfinite(shares).all(axis=1), (np.nan_to_num(shares) * np.log(given / likely)).sum(axis=1), np.nan
    )


def _product(catalog: pd.DataFrame, path: Sequence[str]) -> Doubles:
    """The share that goes all the way; a question that nobody reached is not missed where nobody came so far."""
    share = catalog[path[0]].to_numpy(np.float64).copy()
    for column in path[1:]:
        share = np.where(share == 0, 0.0, share * catalog[column].to_numpy(np.float64))
    return np.asarray(share)
