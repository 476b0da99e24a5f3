"""Analysis of a layer, and neighbours by its activations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SchedulerOption, SurveyArgument, open_survey
from gz2interp.console import progress_as, say, sentence
from gz2interp.errors import InputError
from gz2interp.result_tables import ResultTable, TableOutput, table_options

if TYPE_CHECKING:
    import pandas as pd

    from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings


@app.command()
def analyse(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    metric: Annotated[str, typer.Option(help="cosine, euclidean or whitened.")] = "cosine",
    views: Annotated[
        bool, typer.Option("--views", help="Mean activations over a galaxy's eight rotated and mirrored views.")
    ] = False,
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours to store of each galaxy.")] = 32,
    index: Annotated[str, typer.Option(help="exact, approximate, or auto: exact up to 300,000 galaxies.")] = "auto",
    map_neighbours: Annotated[int, typer.Option(min=2, help="Neighbours that shape the map.")] = 15,
    min_dist: Annotated[float, typer.Option(min=0, max=1, help="How close points of the map may lie.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the map.")] = 0,
    scheduler: SchedulerOption = "",
    density: Annotated[bool, typer.Option("--density", help="densMAP, which preserves local density.")] = False,
    map_sample: Annotated[
        int, typer.Option(min=100, help="Size of the sample that shapes the map; further galaxies are placed on it.")
    ] = 200_000,
    progress: ProgressOption = "bars",
) -> None:
    """Predictions, activations of a layer, neighbours and a map; results that are up to date are not computed again."""
    from gz2interp.embedding.projection import MapSettings
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.analysis_steps import AnalyseSettings
    from gz2interp.workflows.study import open_study

    map_settings = MapSettings(map_neighbours, min_dist, seed, density, map_sample)
    settings = AnalyseSettings(layer, metric, neighbours, map_settings, views, index)
    with progress_as(progress) as reporter:
        result = analyse(open_study(survey, model), settings, reporter, scheduler)
        for words in result.quality.sentences() if result.quality else ():
            reporter.say(sentence(f"map: {words}"))
        reporter.say(f"{len(result.rows)} galaxies of layer {result.layer} are analysed: {result.path}")
        if result.search is not None:
            reporter.say(f"Neighbours: {result.search.words}")


@app.command()
@table_options(positions=True)
def neighbours(
    survey: SurveyArgument,
    galaxy: Annotated[list[str] | None, typer.Argument(metavar="GALAXY...", help="Galaxy ids.")] = None,
    model: ModelOption = None,
    layer: LayerOption = "",
    image: Annotated[
        Path | None,
        typer.Option(
            help="An image that is not in the survey: .fits, .npy or .npz (or .jpg, .png), the galaxy in the middle."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Neighbours of every galaxy; needs --out or --json.")] = False,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 12,
    skip_same: Annotated[
        bool, typer.Option("--skip-same", help='Leave out the same galaxy imaged twice: within 5" on the sky.')
    ] = False,
    least: Annotated[bool, typer.Option("--least", help="The least similar galaxies instead.")] = False,
    *,
    output: TableOutput,
) -> None:
    """The nearest galaxies by the activations of a layer, nearest first: of galaxies, of an image, or of all."""
    from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings

    if bool(galaxy) + (image is not None) + all_ != 1:
        raise InputError(
            "Galaxies, --image and --all were given together, or none of them",
            "Galaxy ids, or --image FILE, or --all --out FILE",
        )
    if all_:
        output.needs_target("--all was given")
    settings = NeighbourSettings(most, skip_same, least)
    if image is not None:
        table = _of_image(survey, model, layer, image, settings)
    else:
        opened = open_survey(survey)
        if galaxy:
            opened.row_of(galaxy[0])  # a wrong id is an error before anything is read
        lookup = NeighbourLookup.open(opened, opened.model(model), layer)
        if all_:
            title = f"Neighbours of {len(lookup.analysis.rows):,} galaxies"
            with progress_as("bars") as reporter:
                output.show_blocks(lookup.of_all(settings, reporter), title)
            say(_space(lookup))
            return
        table = lookup.of(galaxy or [], settings)
    words = "Least like" if least else "Nearest to"
    title = f"{words} {', '.join(galaxy or [str(image)])}"
    notes = [] if image is not None else [_space(lookup)]
    if skip_same and table["separation"].isna().all():
        notes.append("Positions on the sky are unknown: duplicates (the same galaxy imaged twice) are not recognised.")
    output.show(ResultTable(title, table, _terminal_tables(table, words, str(image)), notes))


def _of_image(survey: str, model: str | None, layer: str, image: Path, settings: NeighbourSettings) -> pd.DataFrame:
    from gz2interp.workflows.neighbours import neighbours_of_image
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    most, same, least = settings.most, settings.skip_same, settings.least
    return neighbours_of_image(study, image, layer, most, skip_same=same, least=least)


def _space(lookup: NeighbourLookup) -> str:
    """The analysis of the neighbours, and the search if it is approximate."""
    search = lookup.analysis.search
    approximate = "" if search is None or search.kind == "exact" else f"; {search.words}"
    return f"Neighbours: {lookup.analysis.words}{approximate}"


def _terminal_tables(neighbours: pd.DataFrame, words: str, image: str) -> dict[str, pd.DataFrame]:
    """A table for each galaxy, for a terminal."""
    table = neighbours.drop(columns=["same_galaxy", "separation"])
    if neighbours["same_galaxy"].any():
        duplicates = zip(neighbours["same_galaxy"], neighbours["separation"], strict=True)
        table = table.assign(same=[f'{separation:.1f}"' if same else "" for same, separation in duplicates])
    if "near" not in table:
        return {f"{words} {image}": table}
    groups = table.groupby("near", sort=False)
    return {f"{words} {near}": part.drop(columns=["near", "rank"]) for near, part in groups}
