"""``gz2interp analyse``: activations of a layer, neighbours and map, kept beside the model and made only once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.embedding.neighbours import nearest_neighbours
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.errors import SurveyError
from gz2interp.results import Neighbours, Provenance, versions_of
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.predict import predict

__all__ = ["AnalyseSettings", "analyse"]


@dataclass(frozen=True)
class AnalyseSettings:
    """What is asked of a layer.

    Attributes
    ----------
    layer : str
        "" for the last spatial layer.
    metric : str
        ``"cosine"`` or ``"euclidean"``.
    neighbours : int
        How many of each galaxy are kept.
    map : MapSettings
    """

    layer: str = ""
    metric: str = "cosine"
    neighbours: int = 32
    map: MapSettings = field(default_factory=MapSettings)


def analyse(subject: Subject, settings: AnalyseSettings | None = None, progress: Progress | None = None) -> Analysis:
    """Predictions, pooled activations, exact neighbours and a map of every galaxy that has an image.

    What is up to date is left alone: a second call returns at once. An interrupted one goes on where it stopped, to the
    shard of 256 galaxies.

    Parameters
    ----------
    subject : Subject
    settings : AnalyseSettings, optional
    progress : callable, optional

    Raises
    ------
    SurveyError
        No galaxy of the survey has an image.
    LayerNotFound
        The network has no such layer.
    """
    settings = settings or AnalyseSettings()
    rows = np.flatnonzero(subject.survey.usable)
    if not len(rows):
        raise SurveyError(
            f"No galaxy of {subject.survey.name} has an image", "At least one", "Run gz2interp survey check to see why"
        )
    predict(subject, progress=progress)
    provenance = _provenance(subject, settings)
    analysis = Analysis(layer_folder(subject.model.path, provenance.layer) / provenance.digest)
    if not analysis.is_complete:
        _write_activations(analysis, subject, rows, provenance.layer, progress)
        neighbours = _write_neighbours(analysis, rows, settings, progress)
        _write_map(analysis, subject, rows, neighbours, settings, progress)
        analysis.complete(provenance)
    return analysis


def _provenance(subject: Subject, settings: AnalyseSettings) -> Provenance:
    shape = asdict(settings.map)
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer=subject.probe.layer(settings.layer or subject.probe.default_layer).name,
        method="umap",
        parameters={
            "pooling": "mean",
            "metric": settings.metric,
            "neighbours": settings.neighbours,
            "map_neighbours": shape["neighbours"],
            "min_dist": shape["min_dist"],
        },
        seed=shape["seed"],
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "umap-learn", "numpy"),
    )


def _write_activations(
    analysis: Analysis, subject: Subject, rows: NDArray[np.int64], layer: str, progress: Progress | None
) -> None:
    starts = [start for start in range(0, len(rows), SHARD_ROWS) if not analysis.has_shard(start // SHARD_ROWS)]
    images = (subject.survey.images(rows[start : start + SHARD_ROWS]) for start in starts)
    values = pooled_activations(subject.probe, images, layer)
    for start, activations in zip(starts, values, strict=True):
        analysis.write_activations(start // SHARD_ROWS, activations, len(rows))
        if progress:
            progress("activations", min(start + SHARD_ROWS, len(rows)), len(rows))


def _write_neighbours(
    analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings, progress: Progress | None
) -> Neighbours:
    """Find and store the neighbours; they are returned as positions among `rows`, and stored as rows of the survey."""
    k = max(settings.neighbours, settings.map.neighbours)
    told = partial(progress, "neighbours") if progress else None
    found = nearest_neighbours(analysis.activations(), k, settings.metric, told)
    as_rows = np.where(found.rows < 0, -1, rows[found.rows])
    analysis.write_neighbours(Neighbours(as_rows, found.distances, found.metric))
    return found


def _write_map(
    analysis: Analysis,
    subject: Subject,
    rows: NDArray[np.int64],
    neighbours: Neighbours,
    settings: AnalyseSettings,
    progress: Progress | None,
) -> None:
    if progress:
        progress("map", 0, 1)
    embedding = project(analysis.activations(), neighbours, settings.map)
    analysis.write_table(rows, subject.survey.galaxy_ids[rows], embedding)
    if progress:
        progress("map", 1, 1)
