"""How soon random cuts part it from all others.

Ref. Liu, Ting & Zhou 2008, Isolation Forest, ICDM 413; scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.ground import Ground, Seen

__all__ = ["Forest"]

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
    def fit(cls, ground: Ground, seed: int = 0) -> Forest:
        """Grow the trees; one seed, one forest."""
        from sklearn.ensemble import IsolationForest  # a second to import

        return cls(IsolationForest(n_estimators=TREES, random_state=seed).fit(ground.vectors))

    def __call__(self, seen: Seen) -> NDArray[np.float32]:
        """Float32 (n,) between 0 and 1."""
        if not len(seen.vectors):
            return np.empty(0, np.float32)
        return np.asarray(-self.forest.score_samples(seen.vectors), np.float32)
