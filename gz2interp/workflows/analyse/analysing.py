"""The verb itself: the steps of an analysis one after the other, and none that has been done already."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import numpy as np

from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.files import locked
from gz2interp.workflows.analyse.activations import write_activations
from gz2interp.workflows.analyse.map import write_map
from gz2interp.workflows.analyse.neighbours import write_neighbours
from gz2interp.workflows.analyse.quality import write_quality
from gz2interp.workflows.analyse.settings import AnalyseSettings, provenance_of
from gz2interp.workflows.cluster import cluster_at
from gz2interp.workflows.image_quality import quality
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.predict import predict

__all__ = ["analyse"]


def analyse(
    subject: Subject,
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
    subject : Subject
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
    rows = subject.model.latents.rows if subject.model.latents else np.flatnonzero(subject.survey.usable)
    if not len(rows):
        raise SurveyError(
            f"No galaxy of {subject.survey.name} has an image", "At least one", "Run gz2interp survey check to see why"
        )
    with cluster_at(scheduler) as cluster:  # first: who has mistyped an address need not wait for TensorFlow
        provenance = provenance_of(subject, settings, len(rows))
        analysis = Analysis(layer_folder(subject.model.path, provenance.layer) / provenance.digest)
        if not subject.model.latents:
            predict(subject, progress=progress, cluster=cluster)
            if cluster:
                quality(subject.survey, progress and partial(_as_images, progress), cluster=cluster)
        alone = locked(analysis.path / ".lock", f"analysing {provenance.layer} of {subject.model.name}")
        with nullcontext() if analysis.is_complete else alone:
            if not analysis.is_complete:
                hands = None if subject.model.latents else cluster
                write_activations(analysis, subject, rows, provenance, progress, hands)
                seen = cluster if cluster and cluster.sees(analysis.path / "activations.zarr") else None
                write_neighbours(analysis, rows, settings, progress, seen)
                write_map(analysis, subject, rows, settings, progress)
                analysis.complete(provenance)
    analysis.ask_again()
    if analysis.quality is None:
        write_quality(analysis, subject, progress)
    return analysis


def _as_images(progress: Progress, stage: str, done: int, of: int) -> None:
    """The quality of images under a name of its own: that of the map comes later."""
    progress(f"image {stage}", done, of)
