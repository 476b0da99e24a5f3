"""A layer's activations as a space: analyse it, and ask who is near whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, SurveyArgument
from gz2interp.console import ProgressBars, say, table


@app.command()
def analyse(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    metric: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours kept of each galaxy.")] = 32,
    map_neighbours: Annotated[int, typer.Option(min=2, help="Neighbours that shape the map.")] = 15,
    min_dist: Annotated[float, typer.Option(min=0, max=1, help="How close points of the map may lie.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of the map: one seed, one map.")] = 0,
    density: Annotated[bool, typer.Option("--density", help="densMAP: loose crowds stay loose on the map.")] = False,
    map_sample: Annotated[
        int, typer.Option(min=100, help="Of more galaxies than these a sample is laid out and the others are placed.")
    ] = 200_000,
) -> None:
    """Predictions, activations of a layer, exact neighbours and a map; what is up to date is left alone."""
    from gz2interp.embedding.projection import MapSettings
    from gz2interp.workflows.analyse import AnalyseSettings, analyse
    from gz2interp.workflows.opening import open_subject

    settings = AnalyseSettings(
        layer, metric, neighbours, MapSettings(map_neighbours, min_dist, seed, density, map_sample)
    )
    with ProgressBars() as told:
        result = analyse(open_subject(survey, model), settings, told)
    for sentence in result.quality.sentences() if result.quality else ():
        say(f"map  {sentence}")
    say(f"{len(result.rows)} galaxies of layer {result.layer} are analysed: {result.path}")


@app.command()
def neighbours(
    survey: SurveyArgument,
    galaxy: Annotated[str, typer.Argument(metavar="GALAXY", help="Galaxy id.")],
    model: ModelOption = None,
    layer: LayerOption = "",
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 12,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write them: .csv, .parquet, .fits or .vot.")
    ] = None,
) -> None:
    """The nearest galaxies in the network's own space, nearest first."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.nearby import neighbours_of

    opened = Survey.open(find_survey(survey))
    found = neighbours_of(opened, opened.model(model), galaxy, layer, most)
    table(f"Nearest to {galaxy}", found)
    if out:
        write_table(out, found)
