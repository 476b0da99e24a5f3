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
from gz2interp.workflows.study import Progress, Study, predictions_of

__all__ = ["AnalyseSettings", "analyse", "labels_and_predictions", "write_quality"]


NEIGHBOURS: Final = 15
FEWEST: Final = 12
"""Galaxies on a map below which its quality is not measured."""


def write_quality(analysis: Analysis, study: Study, progress: Progress | None = None) -> None:
    """Measure and store the quality of an analysis' map; nothing is done for fewer than 12 galaxies."""
    n = len(analysis.rows)
    if n < FEWEST:
        return
    report = partial(progress, "quality") if progress else None
    activations, places = analysis.table_of_activations, analysis.embedding.coordinates
    space, neighbours = space_as_in(analysis), min(NEIGHBOURS, (n - 1) // 2)
    seed = analysis.provenance.seed or 0
    measures = map_quality(
        activations, places, space, labels_and_predictions(analysis, study), neighbours, seed, report
    )
    laid_out = np.flatnonzero(analysis.laid_out)
    error = placing_error(placer_of(analysis), take(activations, laid_out), places[laid_out], seed)
    analysis.write_quality(replace(measures, placing=error), _provenance(analysis, neighbours))


def labels_and_predictions(analysis: Analysis, study: Study) -> dict[str, Sequence[str | None]]:
    """Labels and predictions of an analysis' galaxies, as far as available; None for a galaxy without one."""
    catalog = read_columns(study.survey.location.file("catalog.parquet"), (GALAXY_ID, LABEL))
    predictions = predictions_of(study.model)
    names: dict[str, Sequence[str | None]] = {}
    if LABEL in catalog:
        names[LABEL] = _words(catalog[LABEL].iloc[analysis.rows])
    if predictions is not None:
        predictions = predictions.set_index("row").reindex(analysis.rows)
        if LABEL not in names:
            names[LABEL] = _words(predictions[LABEL])
        names["prediction"] = _words(predictions["prediction"])
    return names


def _words(values: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def _provenance(analysis: Analysis, neighbours: int) -> Provenance:
    return replace(
        analysis.provenance,
        method="map quality",
        parameters={
            "analysis": analysis.provenance.digest,
            "neighbours": neighbours,
            "placing": "balance of attraction",
        },
        versions=versions_of("gz2interp", "numpy", "faiss-cpu"),
    )


def analyse(
    study: Study,
    settings: AnalyseSettings | None = None,
    progress: Progress | None = None,
    scheduler: str = "",
) -> Analysis:
    """Compute predictions, pooled activations, neighbours and a map of every galaxy with an image, or of latents.

    Neighbours are exact up to 300,000 galaxies; beyond, an approximate index is used and its recall stored. Of more
    than 200,000 galaxies a sample is laid out, and the others are placed on its map.

    Results that are up to date are not recomputed: a second call returns at once, and makes its analysis the current
    one where a layer has several (with another metric, or over views). An interrupted analysis is resumed, to the
    shard of 256 galaxies.

    Parameters
    ----------
    scheduler : str
        The address of a Dask scheduler, whose workers then run the network, search for neighbours and also measure the
        quality of the images (`gz2interp.workflows.image_quality`). They need the survey under the same path or
        address. The results are the same as without it.

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
    with cluster_at(scheduler) as cluster:  # first: a mistyped address is reported before TensorFlow is loaded
        provenance = provenance_of(study, settings, len(rows))
        analysis = Analysis(layer_folder(study.model.path, provenance.layer) / provenance.digest)
        if not study.model.latents:
            predict(study, progress=progress, cluster=cluster)
            if cluster:
                quality(study.survey, progress and partial(_image_progress, progress), cluster=cluster)
        lock = locked(analysis.path / ".lock", f"analysing {provenance.layer} of {study.model.name}")
        with nullcontext() if analysis.is_complete else lock:
            if not analysis.is_complete:
                workers = None if study.model.latents else cluster
                write_activations(analysis, study, rows, provenance, progress, workers)
                readers = cluster if cluster and cluster.can_read(analysis.path / "activations.zarr") else None
                write_neighbours(analysis, rows, settings, progress, readers)
                write_map(analysis, study, rows, settings, progress)
                analysis.complete(provenance)
    analysis.mark_newest()
    if analysis.quality is None:
        write_quality(analysis, study, progress)
    return analysis


def _image_progress(progress: Progress, stage: str, done: int, of: int) -> None:
    """Report the quality of images under another name than that of the map."""
    progress(f"image {stage}", done, of)
