"""How much thinner galaxies lie around it than around its neighbours.

Ref. Breunig, Kriegel, Ng & Sander 2000, LOF, SIGMOD 29, 93.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.ground import Ground, Seen

__all__ = ["DensityRatio"]

Floats = NDArray[np.float32]


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
    def fit(cls, ground: Ground, seed: int = 0) -> DensityRatio:
        """Ask every galaxy of the ground for its neighbours once."""
        own = ground.all()
        reach = own.distances[:, -1]
        return cls(reach, _density(own, reach))

    def __call__(self, seen: Seen) -> Floats:
        """Float32 (n,)."""
        around = self.density[seen.positions].mean(axis=1)
        return np.asarray(around / _density(seen, self.reach), np.float32)


def _density(seen: Seen, reach: Floats) -> Floats:
    """One over the mean distance to the neighbours, none counted as nearer than its own neighbours reach."""
    mean = np.maximum(seen.distances, reach[seen.positions]).mean(axis=1)
    return np.asarray(1 / np.maximum(mean, 1e-10), np.float32)
