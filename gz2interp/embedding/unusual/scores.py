"""Anomaly scores of galaxies: distance, density ratio, isolation forest, class distance, deviation from votes.

Ref. Ramaswamy, Rastogi & Shim 2000, SIGMOD 29, 427.

Ref. Breunig, Kriegel, Ng & Sander 2000, LOF, SIGMOD 29, 93.

Ref. Liu, Ting & Zhou 2008, Isolation Forest, ICDM 413; scikit-learn's.

Ref. Lee, Lee, Lee & Shin 2018, A simple unified framework for detecting out-of-distribution samples, arXiv:1807.03888,
here with a covariance of each class, shrunk towards the one of all (Ledoit & Wolf 2004, J. Multivar. Anal. 88, 365).

Disagreement with the volunteers is the Kullback-Leibler divergence of their vote shares from the predicted
probabilities; it is NaN for galaxies without votes.
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
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

NEIGHBOURS: Final = 20
_QUERIES: Final = 2048


@dataclass(frozen=True, eq=False)
class Queries:
    """Galaxies to be scored, with their nearest neighbours in the reference sample.

    Attributes
    ----------
    vectors : float32 (n, component)
        In the space of the reference sample.
    classes : int64 (n,)
        Predicted.
    positions, distances : int64, float32 (n, k)
        Of the neighbours; a galaxy is not its own neighbour.
    """

    vectors: Floats
    classes: Integers
    positions: Integers
    distances: Floats


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """The galaxies that scores are fitted to: vectors (m, component) and predicted classes (m,)."""

    vectors: Floats
    classes: Integers
    _index: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = faiss.IndexFlatL2(self.vectors.shape[1])
        index.add(np.ascontiguousarray(self.vectors))
        object.__setattr__(self, "_index", index)

    def query(self, vectors: Floats, classes: Integers, rows: Integers | None = None, k: int = NEIGHBOURS) -> Queries:
        """The k nearest neighbours of galaxies, or fewer if the sample is smaller.

        `rows` int64 (n,) holds the row of each galaxy in this sample, -1 for galaxies that are not in it.
        """
        rows = np.full(len(vectors), -1, np.int64) if rows is None else rows
        count = max(min(k, len(self.vectors) - 1), 1)
        positions, distances = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
        for start in range(0, len(vectors), _QUERIES):
            part = slice(start, start + _QUERIES)
            positions[part], distances[part] = self._neighbours(vectors[part], rows[part], count)
        return Queries(vectors, classes, positions, distances)

    def query_all(self, k: int = NEIGHBOURS) -> Queries:
        """The neighbours of the sample's own galaxies."""
        return self.query(self.vectors, self.classes, np.arange(len(self.vectors)), k)

    def _neighbours(self, vectors: Floats, rows: Integers, count: int) -> tuple[Integers, Floats]:
        squares, positions = self._index.search(np.ascontiguousarray(vectors), min(count + 1, len(self.vectors)))
        keep = positions != rows[:, None]
        # Where the galaxy itself is not among its neighbours (not in the sample, or duplicates precede it), the
        # farthest one is dropped.
        keep[keep.all(axis=1), -1] = positions.shape[1] == count
        shape = (len(vectors), -1)
        return positions[keep].reshape(shape), np.sqrt(np.maximum(squares[keep], 0)).reshape(shape)


@dataclass(frozen=True)
class NeighbourDistance:
    """The distance to the k-th neighbour."""

    title: ClassVar[str] = "few galaxies are similar to it"
    k: int = 5

    @classmethod
    def fit(cls, reference: ReferenceSample, seed: int = 0) -> NeighbourDistance:
        """Nothing is fitted: the distances are those of the queries."""
        return cls()

    def score_samples(self, queries: Queries) -> Floats:
        """Float32 (n,), in scatters of the survey."""
        return np.asarray(queries.distances[:, min(self.k, queries.distances.shape[1]) - 1])


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """The local outlier factor: about 1 inside a group of any density, more outside of it.

    Attributes
    ----------
    reach, density : float32 (m,)
        Of the reference galaxies: distance to the farthest of the neighbours, and local reachability density.
    """

    title: ClassVar[str] = "it differs more from its nearest neighbours than they do from theirs"
    reach: Floats
    density: Floats

    @classmethod
    def fit(cls, reference: ReferenceSample, seed: int = 0) -> DensityRatio:
        """Local reachability density of every reference galaxy."""
        queries = reference.query_all()
        reach = queries.distances[:, -1]
        return cls(reach, _density(queries, reach))

    def score_samples(self, queries: Queries) -> Floats:
        """Float32 (n,)."""
        around = self.density[queries.positions].mean(axis=1)
        return np.asarray(around / _density(queries, self.reach), np.float32)


def _density(queries: Queries, reach: Floats) -> Floats:
    """Local reachability density: one over the mean distance to the neighbours, at least each neighbour's reach."""
    mean = np.maximum(queries.distances, reach[queries.positions]).mean(axis=1)
    return np.asarray(1 / np.maximum(mean, 1e-10), np.float32)


TREES: Final = 200


@dataclass(frozen=True, eq=False)
class Forest:
    """An isolation forest on the coordinates of the space."""

    title: ClassVar[str] = "it is easy to separate from all other galaxies"
    forest: Any

    @classmethod
    def fit(cls, reference: ReferenceSample, seed: int = 0) -> Forest:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest  # a second to import

        return cls(IsolationForest(n_estimators=TREES, random_state=seed).fit(reference.vectors))

    def score_samples(self, queries: Queries) -> Floats:
        """Float32 (n,) between 0 and 1."""
        if not len(queries.vectors):
            return np.empty(0, np.float32)
        return np.asarray(-self.forest.score_samples(queries.vectors), np.float32)


SHRUNK_BY: Final = 5.0
"""Galaxies per axis at which a class's own covariance has half the weight; the rest is the mean within classes."""
FEWEST: Final = 10
"""Galaxies that a class must have to be modelled: a single galaxy would be at distance 0 from its own class."""


@dataclass(frozen=True, eq=False)
class ClassDistance:
    """Mahalanobis distance from the predicted class.

    Attributes
    ----------
    classes : int64 (class,)
        With at least `FEWEST` reference galaxies; a galaxy of another class is compared with all galaxies.
    middles : float32 (class + 1, component)
    whitenings : float32 (class + 1, component, component)
    """

    title: ClassVar[str] = "it is unlike other galaxies of its predicted class"
    classes: NDArray[np.int64]
    middles: Floats
    whitenings: Floats

    @classmethod
    def fit(cls, reference: ReferenceSample, seed: int = 0) -> ClassDistance:
        """Mean and shrunken covariance of each class, and of all galaxies."""
        vectors = reference.vectors
        classes, members = np.unique(reference.classes, return_counts=True)
        classes, counts = classes[members >= FEWEST], members[members >= FEWEST].tolist()
        groups = [vectors[reference.classes == label] for label in classes]
        scatters = [_scatter(group) for group in groups]
        within = np.zeros((vectors.shape[1],) * 2)
        within = sum((n * s for n, s in zip(counts, scatters, strict=True)), within) / max(sum(counts), 1)
        half = SHRUNK_BY * vectors.shape[1]
        mixed = [(n * s + half * within) / (n + half) for n, s in zip(counts, scatters, strict=True)]
        whitenings = np.stack([_whitening(scatter) for scatter in [*mixed, _scatter(vectors)]])
        return cls(classes, np.stack([*(group.mean(axis=0) for group in groups), vectors.mean(axis=0)]), whitenings)

    def score_samples(self, queries: Queries) -> Floats:
        """Float32 (n,)."""
        place = np.searchsorted(self.classes, queries.classes)
        is_modelled = np.append(self.classes, -1)[place] == queries.classes
        place = np.where(is_modelled, place, len(self.classes))
        distances = np.empty(len(queries.vectors), np.float32)
        for number in np.unique(place):
            members = place == number
            offsets = (queries.vectors[members] - self.middles[number]) @ self.whitenings[number]
            distances[members] = np.linalg.norm(offsets, axis=1)
        return distances


def _scatter(vectors: Floats) -> NDArray[np.float64]:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray((centred.T @ centred) / max(len(vectors) - 1, 1), np.float64)


def _whitening(scatter: NDArray[np.float64]) -> Floats:
    values, axes = np.linalg.eigh(scatter)
    floor = max(1e-3 * values.mean(), 1e-12)
    return np.asarray(axes / np.sqrt(np.maximum(values, floor)), np.float32)


TITLE: Final = "the volunteers' votes disagree with the network's prediction"
LEAST: Final = 0.01
"""Floor of the probabilities: at 0, a single stray vote would make the divergence infinite."""

LEAST_VOTED: Final = 0.3
"""Share of votes that must have gone to the classes; below it, most went to other answers, such as artefact."""

_KINDS: Final = ("debiased", "weighted_fraction", "fraction")


def vote_columns_of(class_names: Sequence[str]) -> list[str]:
    """All catalogue columns that may hold votes for these classes."""
    paths = [step for name in class_names for step in CLASS_VOTES.get(name, ())]
    return list(dict.fromkeys(vote_column(*step, kind) for step in paths for kind in _KINDS))


def vote_shares(catalog: pd.DataFrame, class_names: Sequence[str]) -> Doubles:
    """The volunteers' vote shares of a network's classes, float64 (n, class), rows sum to 1; NaN where there are none.

    Shares of the answers on the way to a class are multiplied. Debiased fractions are preferred to weighted and these
    to plain ones. All values are NaN if the classes are not those of Galaxy Zoo 2, and so are the rows of galaxies with
    less than `LEAST_VOTED` of the votes for these classes.
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
    """Divergence of vote shares from probabilities (n, class): float64 (n,) [nats per vote], NaN without votes."""
    likely = np.maximum(np.asarray(probabilities, np.float64), LEAST)
    likely /= likely.sum(axis=1, keepdims=True)
    positive = np.where(shares > 0, shares, 1.0)
    return np.where(
        np.isfinite(shares).all(axis=1), (np.nan_to_num(shares) * np.log(positive / likely)).sum(axis=1), np.nan
    )


def _product(catalog: pd.DataFrame, path: Sequence[str]) -> Doubles:
    """The product of the shares along a path; after a share of 0 a missing (NaN) share counts as 0."""
    share = catalog[path[0]].to_numpy(np.float64).copy()
    for column in path[1:]:
        share = np.where(share == 0, 0.0, share * catalog[column].to_numpy(np.float64))
    return np.asarray(share)
