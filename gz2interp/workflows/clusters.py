"""``gz2interp clusters``: clusters of a map at several scales, described, stored inside the analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gz2interp.embedding.clusters import (
    BETWEEN,
    CHANCE,
    CONTRAST,
    SCALES,
    MapClusters,
    find_clusters,
    sampled_members,
    typical,
)
from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.grouping import Cluster, Clusters
from gz2interp.measure.stacking import Stacks
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis, latest_analysis
from gz2interp.stores.files import atomic_folder
from gz2interp.stores.layer_results import ClusterFolder, cluster_numbers
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.cluster_descriptions import ClusterDescriptions, describe_survey_clusters
from gz2interp.workflows.image_quality import quality, quality_provenance
from gz2interp.workflows.study import Progress, Study, analysis_for, predictions_of

__all__ = ["ClusterSettings", "cluster_folder", "clusters", "clusters_at", "clusters_table", "members_table"]


Ints = NDArray[np.int64]

_UNMEASURED = ["row", "extent", "reach", "light"]

VERSION = 2
"""Version of the method, part of the provenance."""


@dataclass(frozen=True)
class ClusterSettings:
    """Settings of the cluster search.

    Attributes
    ----------
    scales : mapping
        Name -> the smallest cluster as a share of all galaxies, from coarse to fine.
    contrast : float
        Minimum contrast in density between two clusters and the valley between them; see
        `gz2interp.embedding.clusters`.
    typical : int
        Typical galaxies that are stored of each cluster.
    seed : int
        Of samples of large clusters.
    """

    scales: Mapping[str, float] = field(default_factory=lambda: dict(SCALES))
    contrast: float = CONTRAST
    typical: int = 8
    seed: int = 0


def clusters(
    study: Study, layer: str = "", settings: ClusterSettings | None = None, progress: Progress | None = None
) -> Clusters:
    """Find the clusters of a layer's map at several scales and describe each in a sentence; the result is stored.

    Image quality is measured first where that has not been done. The network itself is not needed.

    Parameters
    ----------
    layer : str
        "" for the layer analysed last.

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now.
    InputError
        The scales or the contrast are invalid.
    """
    survey, model = study.survey, study.model
    settings = settings or ClusterSettings()
    analysis = analysis_for(survey, model, layer)
    predictions = _predictions_with_uncertainty(model)
    provenance = _provenance(survey, model, analysis, settings, predictions is not None)
    folder = ClusterFolder(analysis.path / "clusters")
    stored = folder.provenance
    if stored is None or stored.digest != provenance.digest:
        # Latents may be those of galaxies that have no image.
        measured = quality(survey, progress) if survey.usable.any() else pd.DataFrame(columns=_UNMEASURED, dtype=float)
        partition = find_clusters(analysis.embedding.coordinates, settings.scales, settings.contrast)
        with atomic_folder(folder.path, f"the clusters of {survey.name} by {analysis.words}", replace=True) as aside:
            words = describe_survey_clusters(survey, analysis.rows, partition.labels, measured, predictions, progress)
            stacks, light = _stacks(survey, analysis.rows, partition, measured, progress)
            result = Clusters(
                galaxies=len(analysis.rows),
                scales=tuple(partition.labels),
                clusters=tuple(_records(analysis, partition, words, settings, stacks)),
                between={scale: int((labels < 0).sum()) for scale, labels in partition.labels.items()},
                reach={scale: tuple(values.tolist()) for scale, values in partition.reach.items()},
                samples=partition.samples,
                tests=len(words.table),
                light=light,
            )
            members = analysis.table[["row", GALAXY_ID]].assign(**cluster_numbers(partition.labels))
            ClusterFolder(aside).write_clusters(result, members, words.table, stacks.means(), provenance)
    return folder.clusters


def cluster_folder(survey: Survey, model: ModelFolder, layer: str = "") -> ClusterFolder | None:
    """The stored clusters of the newest analysis of exactly these data and this model; None where there are none."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    folder = ClusterFolder(analysis.path / "clusters") if analysis else None
    return folder if folder is not None and folder.provenance is not None else None


def _predictions_with_uncertainty(model: ModelFolder) -> pd.DataFrame | None:
    predictions = predictions_of(model)
    table = None if predictions is None else model.uncertainty
    if predictions is None or table is None:
        return predictions
    return predictions.merge(table[["row", "uncertainty"]], on="row", how="left")


def _provenance(
    survey: Survey, model: ModelFolder, analysis: Analysis, settings: ClusterSettings, predicted: bool
) -> Provenance:
    predictions = model.predictions_provenance if predicted else None
    return Provenance(
        data=survey.digest,
        model=model.digest,
        layer=analysis.layer,
        method="clusters",
        parameters={
            "analysis": analysis.provenance.digest,
            "predictions": predictions.digest if predictions else "",
            "quality": quality_provenance(survey).digest,
            "scales": dict(settings.scales),
            "contrast": settings.contrast,
            "chance": CHANCE,
            "typical": settings.typical,
            "version": VERSION,
        },
        seed=settings.seed,
        versions=versions_of("gz2interp", "numpy", "scipy"),
    )


def _stacks(
    survey: Survey, rows: Ints, partition: MapClusters, measured: pd.DataFrame, progress: Progress | None
) -> tuple[Stacks, float]:
    """Mean images of all clusters of all scales, in one pass over the pixels, and the median flux of a galaxy."""
    light = measured.set_index("row")["light"].reindex(rows).to_numpy(np.float32)
    median = float(np.nanmedian(light)) if np.isfinite(light).any() else 1.0
    counts = [len(reach) for reach in partition.reach.values()]
    stacks = Stacks(sum(counts), (*survey.shape, len(survey.bands)), median)
    done = 0
    measured_positions = np.flatnonzero(np.isfinite(light))
    for batch in survey.batches(rows=rows[measured_positions]) if sum(counts) else ():
        positions = measured_positions[done : done + len(batch.rows)]
        for first, labels in zip(np.cumsum([0, *counts[:-1]]), partition.labels.values(), strict=True):
            groups = np.where(labels[positions] >= 0, labels[positions] + first, -1)
            stacks.add(batch.images, batch.valid, light[positions], groups)
        done += len(batch.rows)
        if progress:
            progress("mean images", done, len(measured_positions))
    return stacks, median


def _records(
    analysis: Analysis,
    partition: MapClusters,
    descriptions: ClusterDescriptions,
    settings: ClusterSettings,
    stacks: Stacks,
) -> list[Cluster]:
    records: list[Cluster] = []
    generator = np.random.default_rng(settings.seed)
    metric = str(analysis.provenance.parameters["metric"])
    coarser: tuple[str, Ints] | None = None
    for scale, labels in partition.labels.items():
        members = sampled_members(labels, len(partition.reach[scale]), generator)
        for number, sample in enumerate(members):
            most = typical(analysis.activations(sample), metric, settings.typical)
            middle = int(sample[typical(partition.coordinates[sample], "euclidean", 1)[0]])
            outer = int(coarser[1][middle]) if coarser else -1
            sentence, columns, flags = descriptions.words[scale, number]
            record = Cluster(
                scale,
                number + 1,
                int((labels == number).sum()),
                sentence,
                columns,
                flags,
                typical=tuple(analysis.rows[sample[most]].tolist()),
                middle=int(analysis.rows[middle]),
                place=(float(partition.coordinates[middle, 0]), float(partition.coordinates[middle, 1])),
                inside=f"{coarser[0]}-{outer + 1}" if coarser and outer >= 0 else "",
                stacked=int(stacks.counts[len(records)]),
            )
            records.append(record)
        coarser = (scale, labels)
    return records


def clusters_at(analysis: Analysis, coordinates: ArrayLike) -> list[dict[str, str]]:
    """The clusters at positions (m, 2) on the map of an analysis.

    Returns
    -------
    list of dict, m
        Scale -> name of the cluster; "" between the clusters.

    Raises
    ------
    SurveyError
        The map has no stored clusters.
    InputError
        The coordinates are no pairs of numbers.
    """
    folder = ClusterFolder(analysis.path / "clusters")
    if folder.provenance is None:
        raise SurveyError(
            f"The map of {analysis.layer} has no clusters yet", remedy="Run gz2interp clusters SURVEY first"
        )
    stored = folder.clusters
    labels = {scale: folder.members[scale].to_numpy(np.int64) - 1 for scale in stored.scales}
    reach = {scale: np.array(stored.reach[scale], np.float64) for scale in stored.scales}
    partition = MapClusters(np.asarray(analysis.embedding.coordinates, np.float64), labels, reach, stored.samples)
    placed = {scale: partition.place(coordinates, scale) for scale in stored.scales}
    count = len(np.asarray(coordinates))
    return [
        {scale: "" if at[row] == BETWEEN else f"{scale}-{at[row] + 1}" for scale, at in placed.items()}
        for row in range(count)
    ]


def clusters_table(all_clusters: Clusters, scale: str = "") -> pd.DataFrame:
    """One row per cluster of a scale, or of all: cluster, galaxies, probably_made_by, sentence, inside.

    Raises
    ------
    InputError
        There is no such scale.
    """
    if scale and scale not in all_clusters.scales:
        raise InputError(f"The scale {scale!r} was given", f"One of {choices(all_clusters.scales)}")
    rows = [
        (cluster.name, cluster.size, ", ".join(flag.cause for flag in cluster.flags), cluster.words, cluster.inside)
        for cluster in (all_clusters.of(scale) if scale else all_clusters.clusters)
    ]
    return pd.DataFrame(rows, columns=["cluster", "galaxies", "probably_made_by", "sentence", "inside"])


def members_table(folder: ClusterFolder, scale: str = "") -> pd.DataFrame:
    """One row per galaxy: row, galaxy_id, and the number of its cluster at each scale, from 1; 0 for none."""
    members = folder.members
    if not scale:
        return members
    if scale not in members:
        raise InputError(f"The scale {scale!r} was given", f"One of {choices(folder.clusters.scales)}")
    return members[["row", "galaxy_id", scale]]
