"""What is usual in a survey, as arrays that are kept and read again: never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.anomaly_model import IMAGE_SCORES, Space, fit_space
from gz2interp.embedding.unusual.morphology import Morphology
from gz2interp.embedding.unusual.places import Levels, farthest_places

__all__ = ["Usual", "frozen_arrays", "read_usual", "usual_of"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Usual:
    """What a sample of galaxies says.

    Attributes
    ----------
    space : Space
    middle, scatter : float32 (feature,)
        Of each feature.
    image_scores : mapping
        Those of `IMAGE_SCORES`, fitted; empty where no layer is spatial.
    morphology : Morphology, optional
        None before anything was measured, and where images are too small for it.
    """

    space: Space
    middle: Floats
    scatter: Floats
    image_scores: Mapping[str, Any]
    morphology: Morphology | None = None

    def judged(self, cells: Floats | None) -> dict[str, Floats]:
        """The scores of the images, float32 (n,) each, of their cells (n, y, x, channel)."""
        return {name: farthest_places(far) for name, far in self.farness(cells).items()}

    def farness(self, cells: Floats | None) -> dict[str, Floats]:
        """How far each place is from what is usual, float32 (n, place) for each score of the images."""
        return {} if cells is None else {name: score.farness(cells) for name, score in self.image_scores.items()}

    def measured(self, numbers: Floats) -> dict[str, Floats]:
        """The scores of what was measured on the pixels (n, number + 1), the last ``bump_at``, float32 (n,) each."""
        return {} if self.morphology is None else self.morphology(numbers[:, :-1])

    def deviations(self, features: Floats) -> Floats:
        """By how many scatters each feature is off its mean, float32 (n, feature)."""
        return np.asarray((features - self.middle) / self.scatter, np.float32)


def usual_of(features: Floats, cells: Floats | None) -> Usual:
    """What a sample says.

    Parameters
    ----------
    features : float32 (n, feature)
    cells : float32 (m, y, x, channel), optional
    """
    image_scores = {} if cells is None else {name: kind.fit(cells) for name, kind in IMAGE_SCORES.items()}
    middle, scatter = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-7)
    return Usual(fit_space(features), middle, scatter, image_scores)


def frozen_arrays(usual: Usual) -> dict[str, NDArray[Any]]:
    """Everything as arrays by name."""
    arrays: dict[str, NDArray[Any]] = {
        "space/middle": usual.space.middle,
        "space/axes": usual.space.axes,
        "middle": usual.middle,
        "scatter": usual.scatter,
    }
    for name, score in usual.image_scores.items():
        for field, value in vars(score).items():
            parts = vars(value) if isinstance(value, Levels) else {"": value}
            arrays |= {f"{name}/{field}/{part}".rstrip("/"): array for part, array in parts.items()}
    if usual.morphology is not None:
        arrays |= {f"morphology/{field}": array for field, array in vars(usual.morphology).items()}
    return arrays


def read_usual(arrays: Mapping[str, NDArray[Any]]) -> Usual:
    """The inverse of `frozen_arrays`."""
    kinds = {name: kind for name, kind in IMAGE_SCORES.items() if f"{name}/axis" in arrays}
    image_scores = {name: kind(**_parts(arrays, name, kind)) for name, kind in kinds.items()}
    space = Space(arrays["space/middle"], arrays["space/axes"])
    measured = {field.name: arrays.get(f"morphology/{field.name}") for field in fields(Morphology)}
    morphology = None if measured["names"] is None else Morphology(**measured)  # type: ignore[arg-type]
    return Usual(space, arrays["middle"], arrays["scatter"], image_scores, morphology)


def _parts(arrays: Mapping[str, NDArray[Any]], name: str, kind: Any) -> dict[str, Any]:
    known = [field.name for field in fields(kind)]
    levels = Levels(*(arrays[f"{name}/levels/{field.name}"] for field in fields(Levels)))
    return {field: levels if field == "levels" else arrays[f"{name}/{field}"] for field in known}
