"""Clusters of a layer's map, and the quality of images."""

from __future__ import annotations

from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SchedulerOption, SurveyArgument, open_survey
from gz2interp.result_tables import ResultTable, TableOutput, table_options


@app.command("clusters")
@table_options("the clusters of each galaxy")
def clusters_(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    scale: Annotated[str, typer.Option(help="coarse, middle or fine; by default all.")] = "",
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Clusters of the map at several scales: their differences from the rest, and observational artefacts."""
    from gz2interp.console import progress_as
    from gz2interp.workflows.clusters import cluster_folder, clusters, clusters_table, members_table
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        result = clusters(study, layer, progress=reporter)
    rows, folder = clusters_table(result, scale), cluster_folder(study.survey, study.model, layer)
    notes = []
    if not result.clusters:
        notes.append("The map has no clusters: no minimum of its density is deep enough.")
    if folder is not None:
        notes.append(f"All comparisons: {folder.path / 'comparisons.parquet'}")
    title = f"Clusters of the map of {study.survey.name}"
    table = ResultTable(title, rows, {title: rows[["cluster", "galaxies", "sentence"]]}, notes)
    output.show(table, members_table(folder, scale) if folder else None)


@app.command("quality")
def quality_(survey: SurveyArgument, scheduler: SchedulerOption = "", progress: ProgressOption = "bars") -> None:
    """Measure the quality of each image: noise, seeing, depth, background, edges; to quality.parquet of the survey."""
    from gz2interp.console import progress_as
    from gz2interp.stores.quality import QualityFile
    from gz2interp.workflows.image_quality import quality
    from gz2interp.workflows.shards import cluster_at

    opened = open_survey(survey)
    with progress_as(progress) as reporter, cluster_at(scheduler) as cluster:
        table = quality(opened, reporter, cluster=cluster)
    reporter.say(f"{len(table):,} images are measured: {QualityFile(opened).path}")
