"""How far it lies from the middle of the class that the network gave it, in units of that class' own scatter.

Ref. Lee, Lee, Lee & Shin 2018, A simple unified framework for detecting out-of-distribution samples, arXiv:1807.03888,
here with a covariance of each class, shrunk towards the one of all (Ledoit & Wolf 2004, J. Multivar. Anal. 88, 365).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.ground import Ground, Seen

__all__ = ["ClassDistance"]

Floats = NDArray[np.float32]

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
    def fit(cls, ground: Ground, seed: int = 0) -> ClassDistance:
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

    def __call__(self, seen: Seen) -> Floats:
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
