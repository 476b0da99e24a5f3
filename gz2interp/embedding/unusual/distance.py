"""How far it is to the k-th neighbour.

Ref. Ramaswamy, Rastogi & Shim 2000, SIGMOD 29, 427.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.ground import Ground, Seen

__all__ = ["NeighbourDistance"]


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
    def fit(cls, ground: Ground, seed: int = 0) -> NeighbourDistance:
        """Nothing is learnt: the ground's index is asked."""
        return cls()

    def __call__(self, seen: Seen) -> NDArray[np.float32]:
        """Float32 (n,), in scatters of the survey."""
        return np.asarray(seen.distances[:, min(self.k, seen.distances.shape[1]) - 1])
