"""A layer's activations as a space: analyse it, and ask who is near whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SchedulerOption, SurveyArgument
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
        bool, typer.Option("--views", help="Mean activations over a galaxy's eight turned and mirrored views.")
    ] = False,
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours kept of each galaxy.")] = 32,
    index: Annotated[str, typer.Option(help="exact, approximate, or auto: exact up to 300,000 galaxies.")] = "auto",
    map_neighbours: Annotated[int, typer.Option(min=2, help="Neighbours that shape the map.")] = 15,
    min_dist: Annotated[float, typer.Option(min=0, max=1, help="How close points of the map may lie.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of the map: one seed, one map.")] = 0,
    scheduler: SchedulerOption = "",
    density: Annotated[bool, typer.Option("--density", help="densMAP: loose crowds stay loose on the map.")] = False,
    map_sample: Annotated[
        int, typer.Option(min=100, help="Of more galaxies than these a sample is laid out and the others are placed.")
    ] = 200_000,
    progress: ProgressOption = "bars",
) -> None:
    """Predictions, activations of a layer, neighbours and a map; what is up to date is left alone."""
    from gz2interp.embedding.projection import MapSettings
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.analysis_steps import AnalyseSettings
    from gz2interp.workflows.study import open_study

    shape = MapSettings(map_neighbours, min_dist, seed, density, map_sample)
    settings = AnalyseSettings(layer, metric, neighbours, shape, views, index)
    with progress_as(progress) as told:
        result = analyse(open_study(survey, model), settings, told, scheduler)
        for words in result.quality.sentences() if result.quality else ():
            told.say(sentence(f"map: {words}"))
        told.say(f"{len(result.rows)} galaxies of layer {result.layer} are analysed: {result.path}")
        if result.search is not None:
            told.say(f"Neighbours: {result.search.words}")


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
    everybody: Annotated[bool, typer.Option("--all", help="Of every galaxy; needs --out or --json.")] = False,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 12,
    skip_same: Annotated[
        bool, typer.Option("--skip-same", help='Leave out the same galaxy imaged twice: within 5" on the sky.')
    ] = False,
    least: Annotated[bool, typer.Option("--least", help="The least similar galaxies instead.")] = False,
    *,
    output: TableOutput,
) -> None:
    """The nearest galaxies in the network's own space, nearest first: of galaxies, of an image, or of all."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings

    if bool(galaxy) + (image is not None) + everybody != 1:
        raise InputError(
            "Galaxies, --image and --all were given together, or none of them",
            "Galaxy ids, or --image FILE, or --all --out FILE",
        )
    if everybody:
        output.needs_target("--all was given")
    wish = NeighbourSettings(most, skip_same, least)
    if image is not None:
        found = _of_image(survey, model, layer, image, wish)
    else:
        opened = Survey.open(find_survey(survey))
        if galaxy:
            opened.row_of(galaxy[0])  # a wrong id is told before anything is read
        nearby = NeighbourLookup.open(opened, opened.model(model), layer)
        if everybody:
            with progress_as("bars") as told:
                output.show_blocks(nearby.of_all(wish, told), f"Neighbours of {len(nearby.analysis.rows):,} galaxies")
            say(_space(nearby))
            return
        found = nearby.of(galaxy or [], wish)
    words = "Least like" if least else "Nearest to"
    title = f"{words} {', '.join(galaxy or [str(image)])}"
    notes = [] if image is not None else [_space(nearby)]
    if skip_same and found["separation"].isna().all():
        notes.append("No position on the sky is known here: the same galaxy imaged twice is not recognised.")
    output.show(ResultTable(title, found, _drawn(found, words, str(image)), notes))


def _of_image(survey: str, model: str | None, layer: str, image: Path, wish: NeighbourSettings) -> pd.DataFrame:
    from gz2interp.workflows.neighbours import neighbours_of_image
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    return neighbours_of_image(study, image, layer, wish.most, skip_same=wish.skip_same, least=wish.least)


def _space(nearby: NeighbourLookup) -> str:
    """In which space neighbours were looked for, and how, where that is not exactly."""
    search = nearby.analysis.search
    found = "" if search is None or search.kind == "exact" else f"; {search.words}"
    return f"Neighbours: {nearby.analysis.words}{found}"


def _drawn(found: pd.DataFrame, words: str, image: str) -> dict[str, pd.DataFrame]:
    """A table for each galaxy asked about, with what is to be read on a screen."""
    shown = found.drop(columns=["same_galaxy", "separation"])
    if found["same_galaxy"].any():
        twins = zip(found["same_galaxy"], found["separation"], strict=True)
        shown = shown.assign(same=[f'{apart:.1f}"' if same else "" for same, apart in twins])
    if "near" not in shown:
        return {f"{words} {image}": shown}
    groups = shown.groupby("near", sort=False)
    return {f"{words} {near}": part.drop(columns=["near", "rank"]) for near, part in groups}
