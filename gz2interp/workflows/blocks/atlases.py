"""The activation atlas of a survey, and of each class, from sampled places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.atlas import Atlas, atlas_of, most_for
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.workflows.blocks.gathering import Places
from gz2interp.workflows.blocks.settings import BlockSettings

__all__ = ["atlases_of", "laid_out"]

Floats = NDArray[np.float32]


def laid_out(places: Places, settings: BlockSettings) -> Floats:
    """Coordinates of places, float32 (m, 2): UMAP on the cosine between what the layer says at them."""
    k = min(settings.neighbours, len(places.vectors) - 1)
    near = nearest_neighbours(places.vectors, max(k, 1), "cosine")
    return project(places.vectors, near, MapSettings(k, seed=settings.seed)).coordinates


def atlases_of(
    places: Places,
    coordinates: Floats,
    class_names: tuple[str, ...],
    covariance: NDArray[np.float64],
    settings: BlockSettings,
) -> dict[str, dict[str, Any]]:
    """Of all places, and of those that speak most for each class: file -> arrays, as `kept_atlas` reads them."""
    chosen = {0: np.arange(len(places.vectors))}
    for number in range(len(class_names)):
        chosen[number + 1] = np.flatnonzero(most_for(places.attributed, number))
    return {
        f"atlas-{number}": _arrays(
            atlas_of(
                places.vectors[at],
                coordinates[at],
                places.attributed[at],
                class_names,
                covariance=covariance,
                side=settings.side,
            ),
            at,
        )
        for number, at in chosen.items()
        if len(at)
    }


def _arrays(atlas: Atlas, at: NDArray[np.int64]) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(vars(atlas))
    arrays["scores"] = np.array(atlas.scores, dtype=np.str_)
    arrays["patches"] = np.where(atlas.patches < 0, -1, at[atlas.patches])
    return arrays
