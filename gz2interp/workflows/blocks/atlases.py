"""The activation atlas of a survey, and of each class, from sampled places."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.atlas import Atlas, atlas_of, most_for
from gz2interp.embedding.neighbours import nearest_neighbours
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.errors import InputError, choices
from gz2interp.stores.blocks import BlocksFolder
from gz2interp.workflows.blocks.gathering import Places
from gz2interp.workflows.blocks.settings import BlockSettings

__all__ = ["ALL", "atlases_of", "kept_atlas", "laid_out"]

Floats = NDArray[np.float32]

ALL: Final = "all"
"""The atlas of all places."""


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
    """Of all places, and of those that speak most for each class: name of a file -> arrays; see `kept_atlas`."""
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


def kept_atlas(folder: BlocksFolder, name: str = ALL) -> Atlas:
    """The atlas of all places or of a class; its patches are positions among the stored places.

    Raises
    ------
    InputError
        There is no such class, or no place speaks for it most.
    """
    classes = tuple(map(str, folder.arrays("atlas-0")["scores"]))
    if name not in (ALL, *classes):
        raise InputError(f"The atlas {name!r} was asked for", f"One of {choices((ALL, *classes))}")
    number = 0 if name == ALL else classes.index(name) + 1
    if not (folder.path / f"atlas-{number}.npz").is_file():
        raise InputError(f"The atlas {name!r} was asked for", "One of a class that some place speaks most for")
    arrays = folder.arrays(f"atlas-{number}")
    fields = {name: arrays[name] for name in arrays if name not in ("side", "scores")}
    return Atlas(side=int(arrays["side"]), scores=tuple(map(str, arrays["scores"])), **fields)


def _arrays(atlas: Atlas, at: NDArray[np.int64]) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(vars(atlas))
    arrays["scores"] = np.array(atlas.scores, dtype=np.str_)
    arrays["patches"] = np.where(atlas.patches < 0, -1, at[atlas.patches])
    return arrays
