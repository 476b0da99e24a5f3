"""The galaxies among which others are judged, and what is asked about a galaxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

__all__ = ["NEIGHBOURS", "Ground", "Seen"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

NEIGHBOURS: Final = 20
_QUERIES: Final = 2048


@dataclass(frozen=True, eq=False)
class Seen:
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
class Ground:
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

    def look(self, vectors: Floats, classes: Integers, itself: Integers | None = None, k: int = NEIGHBOURS) -> Seen:
        """The galaxies with their k nearest neighbours; fewer where the ground has fewer."""
        itself = np.full(len(vectors), -1, np.int64) if itself is None else itself
        count = max(min(k, len(self.vectors) - 1), 1)
        positions, distances = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
        for start in range(0, len(vectors), _QUERIES):
            part = slice(start, start + _QUERIES)
            positions[part], distances[part] = self._others(vectors[part], itself[part], count)
        return Seen(vectors, classes, itself, positions, distances)

    def all(self, k: int = NEIGHBOURS) -> Seen:
        """The galaxies of the ground themselves."""
        return self.look(self.vectors, self.classes, np.arange(len(self.vectors)), k)

    def _others(self, vectors: Floats, itself: Integers, count: int) -> tuple[Integers, Floats]:
        squares, found = self._index.search(np.ascontiguousarray(vectors), min(count + 1, len(self.vectors)))
        keep = found != itself[:, None]
        # Whoever is not in its own list, because it is not in the ground or twins pushed it out, loses the farthest.
        keep[keep.all(axis=1), -1] = found.shape[1] == count
        shape = (len(vectors), -1)
        return found[keep].reshape(shape), np.sqrt(np.maximum(squares[keep], 0)).reshape(shape)
