"""All scores together: fitted to a survey's galaxies once, they judge any galaxy, of the survey or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual import morphology, votes
from gz2interp.embedding.unusual.density import DensityRatio
from gz2interp.embedding.unusual.distance import NeighbourDistance
from gz2interp.embedding.unusual.forest import Forest
from gz2interp.embedding.unusual.ground import Ground, Seen
from gz2interp.embedding.unusual.opposite import Opposite
from gz2interp.embedding.unusual.own_class import ClassDistance
from gz2interp.embedding.unusual.places import Places
from gz2interp.embedding.unusual.space import Space
from gz2interp.embedding.unusual.votes import disagreement

__all__ = ["IMAGE_SCORES", "SCORES", "TITLES", "Judge", "Score"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Score(Protocol):
    """A score of galaxies that have been placed among others."""

    def __call__(self, seen: Seen, /) -> Floats:
        """Float32 (n,): the higher, the more unusual."""


SCORES: Final[Mapping[str, Any]] = {
    "neighbour_distance": NeighbourDistance,
    "density_ratio": DensityRatio,
    "forest": Forest,
    "class_distance": ClassDistance,
}
"""Those that are fitted to the ground, ``SCORES[name].fit(ground, seed)``."""

IMAGE_SCORES: Final[Mapping[str, Any]] = {"places": Places, "opposite": Opposite}
"""Those that look at places of the layer nearest to the pixels, ``IMAGE_SCORES[name].fit(cells)``."""

TITLES: Final[Mapping[str, str]] = {
    **{name: score.title for name, score in {**SCORES, **IMAGE_SCORES}.items()},
    **morphology.TITLES,
    "votes": votes.TITLE,
}
"""What each score says of a galaxy that has a high one."""


@dataclass(frozen=True, eq=False)
class Judge:
    """The scores of a survey that compare whole galaxies, frozen.

    Attributes
    ----------
    space : Space
    ground : Ground
    scores : mapping
    """

    space: Space
    ground: Ground
    scores: Mapping[str, Score]

    @classmethod
    def fit(cls, space: Space, vectors: Floats, classes: Integers, seed: int = 0) -> Judge:
        """Fit all scores to a ground of galaxies whose vectors are in the space."""
        ground = Ground(vectors, classes)
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
