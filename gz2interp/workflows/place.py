"""``gz2interp place``: positions on a layer's map of galaxies that are not in the survey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.placing import Placer
from gz2interp.errors import InputError, SurveyError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import ClusterFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import activations_as_in, placer_of
from gz2interp.workflows.clusters import clusters_at
from gz2interp.workflows.image_from_file import outside_image
from gz2interp.workflows.study import Progress, Study, analysis_for

__all__ = ["place_activations", "place_images", "place_survey"]


_BLOCK = 1024

Floats = NDArray[np.float32]


def place_images(
    study: Study, files: Sequence[str | Path], layer: str = "", placer: Placer | None = None
) -> pd.DataFrame:
    """Place galaxies from image files on the map.

    The network is run on each image alone, so that a position does not depend, to the last bit, on the other images.

    Parameters
    ----------
    study : Study
        The survey and the network of the map.
    files : sequence of path
        Read by `gz2interp.workflows.image_from_file.outside_image`.
    layer : str
        "" for the layer analysed last.
    placer : Placer, optional
        A placer of the same analysis, to use it again.

    Returns
    -------
    DataFrame
        file, x, y, nearest (galaxy_id of the most similar galaxy on the map), distance; and where the map has clusters,
        the name of the cluster at each scale, "" between them.

    Raises
    ------
    InputError
        An image cannot be read, or does not match the survey.
    SurveyError
        The layer was not analysed.
    """
    analysis = analysis_for(study.survey, study.model, layer)
    images = [outside_image(file, study.survey) for file in files]
    activations = np.concatenate([activations_as_in(analysis, study, image) for image in images])
    table = place_activations(analysis, activations, placer)
    table.insert(0, "file", [Path(file).name for file in files])
    if ClusterFolder(analysis.path / "clusters").provenance is None:
        return table
    return table.join(pd.DataFrame(clusters_at(analysis, table[["x", "y"]])))


def place_survey(
    study: Study, other: Survey, layer: str = "", progress: Progress | None = None
) -> Iterator[pd.DataFrame]:
    """Place another survey's galaxies on the map of this one, a block at a time.

    Parameters
    ----------
    study : Study
        The survey and the network of the map. For latents, those of the same name in the other survey are placed.
    other : Survey
        With cutouts of the same bands and size. It may be the survey itself, whose galaxies keep their positions.
    layer : str
        "" for the layer analysed last.

    Yields
    ------
    DataFrame
        galaxy_id, x, y, nearest, distance.

    Raises
    ------
    InputError
        The network takes other images than the other survey's.
    SurveyError
        The layer was not analysed, or no galaxy of the other survey has an image.
    """
    analysis = analysis_for(study.survey, study.model, layer)
    rows, blocks = _activations_of(analysis, study, other)
    if not len(rows):
        raise SurveyError(f"No galaxy of {other.name} has an image", "At least one")
    placer, done = placer_of(analysis), 0
    for activations in blocks:
        part = rows[done : done + len(activations)]
        done += len(part)
        table = place_activations(analysis, activations, placer)
        table.insert(0, GALAXY_ID, other.galaxy_ids[part])
        if progress:
            progress("place", done, len(rows))
        yield table


def place_activations(analysis: Analysis, activations: Floats, placer: Placer | None = None) -> pd.DataFrame:
    """Place galaxies by their activations float32 (m, channel), pooled as in the analysis: x, y, nearest, distance."""
    placed = (placer or placer_of(analysis)).place(activations)
    ids = analysis.table[GALAXY_ID].to_numpy(np.int64)[analysis.laid_out]
    return pd.DataFrame(
        {
            "x": placed.coordinates[:, 0],
            "y": placed.coordinates[:, 1],
            "nearest": ids[placed.neighbours.rows[:, 0]],
            "distance": placed.neighbours.distances[:, 0],
        }
    )


def _activations_of(analysis: Analysis, study: Study, other: Survey) -> tuple[NDArray[np.int64], Iterable[Floats]]:
    """Rows of the other survey, and blocks of their activations, each image run alone: in a batch they differ."""
    if study.model.latents is None:
        rows, other_study = np.flatnonzero(other.usable), Study(other, study.model)
        return rows, (
            np.concatenate([activations_as_in(analysis, other_study, image[None]) for image in batch.images])
            for batch in other.batches(_BLOCK, rows)
        )
    latents = other.model(study.model.name).latents
    if latents is None:
        raise InputError(f"{study.model.name} of {other.name} is a network", "Latents, as in " + study.survey.name)
    rows = latents.rows
    return rows, (latents.values(np.arange(s, min(s + _BLOCK, len(rows)))) for s in range(0, len(rows), _BLOCK))
