"""Clusters of a layer's map, and the quality of images, which tells what to distrust of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SchedulerOption, SurveyArgument


@app.command("clusters")
def clusters_(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    scale: Annotated[str, typer.Option(help="coarse, middle or fine; by default all.")] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write each galaxy's clusters: .csv, .parquet, .fits or .vot."),
    ] = None,
    progress: ProgressOption = "bars",
) -> None:
    """Clusters of the map at several scales: what tells each from the rest, and which are made by the sky."""
    from gz2interp.console import progress_as
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.clusters import cluster_folder, clusters, clusters_table, members_table
    from gz2interp.workflows.opening import open_subject

    subject = open_subject(survey, model)
    with progress_as(progress) as told:
        found = clusters(subject, layer, progress=told)
    for each in clusters_table(found, scale).itertuples():
        told.say(f"{each.cluster}  {each.sentence}")
    if not found.clusters:
        told.say("The map is one cloud: no valley in it is deep enough to tell clusters apart.")
    folder = cluster_folder(subject.survey, subject.model, layer)
    if folder is not None:
        if out:
            write_table(out, members_table(folder, scale))
        told.say(f"Every comparison: {folder.path / 'comparisons.parquet'}")


@app.command("quality")
def quality_(survey: SurveyArgument, scheduler: SchedulerOption = "", progress: ProgressOption = "bars") -> None:
    """How good each image is: noise, seeing, depth, background, edges; kept beside the survey as quality.parquet."""
    from gz2interp.console import progress_as
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.quality import QualityFile
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.cluster import cluster_at
    from gz2interp.workflows.image_quality import quality

    opened = Survey.open(find_survey(survey))
    with progress_as(progress) as told, cluster_at(scheduler) as cluster:
        table = quality(opened, told, cluster=cluster)
    told.say(f"{len(table):,} images are measured: {QualityFile(opened).path}")
