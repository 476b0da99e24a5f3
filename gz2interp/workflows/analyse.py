"""``gz2interp analyse``: activations of a layer, neighbours, map and map quality, each computed once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.embedding.quality import map_quality, placing_error
from gz2interp.embedding.spaces import take
from gz2interp.errors import SurveyError
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, LABEL
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.files import locked
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.analysis_steps import (
    AnalyseSettings,
    placer_of,
    provenance_of,
    space_as_in,
    write_activations,
    write_map,
    write_neighbours,
)
from gz2interp.workflows.image_quality import quality
from gz2interp.workflows.predict import predict
from gz2interp.workflows.shards import cluster_at
from gz2interp.workflows.study import Progress, Study

__all__ = ["AnalyseSettings", "analyse", "names_of", "write_quality"]


NEIGHBOURS: Final = 15
FEWEST: Final = 12
"""Fewer galaxies have a map, but nothing that could be said of it."""


def write_quality(analysis: Analysis, study: Study, progress: Progress | None = None) -> None:
    """Measure the map of an analysis and keep the numbers in its folder; nothing where there are too few galaxies."""
    n = len(analysis.rows)
    if n < FEWEST:
        return
    told = partial(progress, "quality") if progress else None
    activations, places = analysis.table_of_activations, analysis.embedding.coordinates
    space, neighbours = space_as_in(analysis), min(NEIGHBOURS, (n - 1) // 2)
    seed = analysis.provenance.seed or 0
    found = map_quality(activations, places, space, names_of(analysis, study), neighbours, seed, told)
    shaped = np.flatnonzero(analysis.laid_out)
    error = placing_error(placer_of(analysis), take(activations, shaped), places[shaped], seed)
    analysis.write_quality(replace(found, placing=error), _provenance(analysis, neighbours))


def names_of(analysis: Analysis, study: Study) -> dict[str, Sequence[str | None]]:
    """Labels and predictions of an analysis' galaxies, where there are any; None for a galaxy that has none."""
    file, said = study.survey.place.file("catalog.parquet"), _predictions(study)
    catalog = read_columns(file, (GALAXY_ID, LABEL))  # of two hundred columns perhaps
    names: dict[str, Sequence[str | None]] = {}
    if LABEL in catalog:
        names[LABEL] = _words(catalog[LABEL].iloc[analysis.rows])
    elif said is not None:
        names[LABEL] = _words(said[LABEL].reindex(analysis.rows))
    if said is not None:
        names["prediction"] = _words(said["prediction"].reindex(analysis.rows))
    return names


def _predictions(study: Study) -> pd.DataFrame | None:
    try:
        return study.model.predictions.set_index("row")
    except SurveyError:
        return None  # latents predict nothing


def _words(values: pd.Series[Any]) -> list[str | None]:
    return [str(value) if known else None for value, known in zip(values, values.notna(), strict=True)]


def _provenance(analysis: Analysis, neighbours: int) -> Provenance:
    made = analysis.provenance
    return replace(
        made,
        method="map quality",
        parameters={"analysis": made.digest, "neighbours": neighbours, "placing": "balance of attraction"},
        seed=made.seed,
        versions=versions_of("gz2interp", "numpy", "faiss-cpu"),
    )


def analyse(
    study: Study,
    settings: AnalyseSettings | None = None,
    progress: Progress | None = None,
    scheduler: str = "",
) -> Analysis:
    """Predictions, pooled activations, neighbours and a map of every galaxy that has an image, or latents.

    Neighbours are exact up to 300,000 galaxies; beyond, their recall is measured and kept. Of more than 200,000
    galaxies a sample is laid out, and the others are placed on its map.

    What is up to date is left alone: a second call returns at once, and makes its analysis the one that others go by
    where a layer has several (of another metric, or over views). An interrupted one goes on where it stopped, to the
    shard of 256 galaxies.

    Parameters
    ----------
    study : Study
    settings : AnalyseSettings, optional
    progress : callable, optional
    scheduler : str
        The address of a Dask scheduler, whose workers then run the network, look for neighbours and, since they are
        there, measure the quality of the images (`gz2interp.workflows.image_quality`). They must see the survey under
        the same path or address. The numbers are those that are found here.

    Raises
    ------
    SurveyError
        No galaxy of the survey has an image.
    InputError
        The metric or the index is not known, no scheduler answers, or its workers have other versions.
    LayerNotFound
        The network has no such layer.
    """
    settings = settings or AnalyseSettings()
    rows = study.model.latents.rows if study.model.latents else np.flatnonzero(study.survey.usable)
    if not len(rows):
        raise SurveyError(
            f"No galaxy of {study.survey.name} has an image", "At least one", "Run gz2interp survey check to see why"
        )
    with cluster_at(scheduler) as cluster:  # first: who has mistyped an address need not wait for TensorFlow
        provenance = provenance_of(study, settings, len(rows))
        analysis = Analysis(layer_folder(study.model.path, provenance.layer) / provenance.digest)
        if not study.model.latents:
            predict(study, progress=progress, cluster=cluster)
            if cluster:
                quality(study.survey, progress and partial(_as_images, progress), cluster=cluster)
        alone = locked(analysis.path / ".lock", f"analysing {provenance.layer} of {study.model.name}")
        with nullcontext() if analysis.is_complete else alone:
            if not analysis.is_complete:
                hands = None if study.model.latents else cluster
                write_activations(analysis, study, rows, provenance, progress, hands)
                seen = cluster if cluster and cluster.sees(analysis.path / "activations.zarr") else None
                write_neighbours(analysis, rows, settings, progress, seen)
                write_map(analysis, study, rows, settings, progress)
                analysis.complete(provenance)
    analysis.mark_newest()
    if analysis.quality is None:
        write_quality(analysis, study, progress)
    return analysis


def _as_images(progress: Progress, stage: str, done: int, of: int) -> None:
    """The quality of images under a name of its own: that of the map comes later."""
    progress(f"image {stage}", done, of)
