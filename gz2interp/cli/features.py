"""Feature images of a layer, and its building blocks: channels, dictionary, groups, grid and atlas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument, open_survey
from gz2interp.console import console, progress_as, say, sentence
from gz2interp.errors import InputError
from gz2interp.result_tables import (
    OverwriteOption,
    ResultTable,
    TableOutput,
    check_free,
    files_of_figure,
    table_options,
)

GalaxyArgument = Annotated[str, typer.Argument(metavar="GALAXY", help="Galaxy id.")]
JournalOption = Annotated[str, typer.Option(help="mnras, apj or aa.")]
ColumnsOption = Annotated[int, typer.Option(help="Width in columns of the page: 1 or 2.")]
StepsOption = Annotated[int, typer.Option(min=1, help="Steps of each feature image.")]
ParametrisationOption = Annotated[str, typer.Option(help="fourier, maco or pixels.")]


@app.command()
@table_options(json_only=True)
def features(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="channel, class, group or cell. May be repeated; all by default.")
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            "--of",
            help="Of these objectives only, to --out: 'neuron(block3, 12)', 'caricature(GALAXY)', 'logit(spiral)'.",
        ),
    ] = None,
    steps: StepsOption = 128,
    seeds: Annotated[int, typer.Option(min=1, help="Images of each channel and class, from different starts.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first start.")] = 0,
    parametrisation: ParametrisationOption = "fourier",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The sheet as a figure (.pdf, .svg, .png); with --of also .fits."),
    ] = None,
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    overwrite: OverwriteOption = False,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """The feature images of a layer: of its channels, groups, atlas cells and the classes."""
    from gz2interp.workflows.feature_figures import sheet_drawing
    from gz2interp.workflows.feature_sheet import KINDS, SheetSettings, sheet_sentences
    from gz2interp.workflows.make_feature_sheet import feature_sheet
    from gz2interp.workflows.study import open_study

    settings = SheetSettings(tuple(kind or KINDS), steps, parametrisation, seeds, seed=seed)
    check_free(files_of_figure(out) if out else [], overwrite)
    if of:
        _single(survey, model, of, settings, out, progress, output)
        return
    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        folder = feature_sheet(study, layer, settings, reporter)
    for words in sheet_sentences(folder):
        reporter.say(sentence(words))
    reporter.say(f"Everything: {folder.path}")
    if output.as_json:
        output.show(ResultTable(f"Feature images of {layer or 'the layer'}", folder.judged))
    if out:
        _write(lambda: sheet_drawing(study, layer, settings.kinds[0], _figure_style(journal, columns)), out)


def _single(
    survey: str, model: str | None, of: list[str], settings: Any, out: Path | None, progress: str, output: TableOutput
) -> None:
    import pandas as pd

    from gz2interp.workflows.feature_images import feature_images, write_feature_images
    from gz2interp.workflows.study import open_study

    if out is None:
        raise InputError("--of was given without --out", remedy="--out FILE, .fits or .pdf for example")
    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        images = feature_images(study, of, settings, reporter)
    for name, reached, silent in zip(images.objectives, images.reached, images.silent, strict=True):
        reporter.say(f"{name}: " + ("nothing was found that excites it" if silent else f"{reached:.3g}"))
    reporter.say(str(write_feature_images(images, study, out)))
    if output.as_json:
        rows = pd.DataFrame({"objective": images.objectives, "reached": images.reached, "silent": images.silent})
        output.show(ResultTable("Feature images", rows))


@app.command()
@table_options("all channels")
def agreement(
    survey: SurveyArgument,
    other: Annotated[str, typer.Option("--with", help="Another network of the survey.")],
    model: ModelOption = None,
    layer: LayerOption = "",
    other_layer: Annotated[
        str, typer.Option("--with-layer", help="The other's layer; by default the one analysed last.")
    ] = "",
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Responses of another network's channels to a layer's feature images, compared with chance."""
    from gz2interp.workflows.compare import Representation
    from gz2interp.workflows.feature_agreement import agreement as feature_agreement

    opened = open_survey(survey)
    first, second = Representation(opened.model(model), layer), Representation(opened.model(other), other_layer)
    with progress_as(progress) as reporter:
        result = feature_agreement(opened, first, second, reporter)
    title = f"Feature images of {first.model.name} shown to {second.model.name}"
    output.show(ResultTable(title, result.table, {}, [sentence(words) for words in result.sentences]))


@app.command()
@table_options("all channels", figures=True)
def channels(
    survey: SurveyArgument,
    channel: Annotated[list[int] | None, typer.Argument(metavar="[CHANNEL...]", help="Channels of the figure.")] = None,
    model: ModelOption = None,
    layer: LayerOption = "",
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Channels of a layer: correlates, most activating galaxies, and silent, redundant or artefact channels."""
    from gz2interp.workflows.building_block_figures import tops_drawing
    from gz2interp.workflows.building_blocks import blocks
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import channel_summaries
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        folder = blocks(study, layer, progress=reporter)
    summaries = channel_summaries(folder)
    for number in channel or ():
        if number not in summaries.index:
            raise InputError(f"Channel {number} was requested", f"0 to {len(summaries) - 1}")
    listed, title = summaries.loc[channel or summaries.index], folder.provenance.layer if folder.provenance else layer
    odd = [
        f"channel {number}: {words}"
        for number, words in zip(listed["channel"], listed["diagnostics"], strict=True)
        if words
    ]
    rows = folder.channels.loc[listed.index].assign(goes_with=listed["correlates with"], odd=listed["diagnostics"])
    heading = f"Channels of {title}"
    output.show(ResultTable(heading, rows, {heading: listed.drop(columns="diagnostics")}, odd), folder.channels)
    if output.figure:
        numbers = channel or summaries.index[:8].tolist()
        figure_style, images = (
            _figure_style(journal, columns),
            features_for(study.survey, study.model, layer, "channel"),
        )
        _write(lambda: tops_drawing(study, layer, numbers, figure_style, features=images), output.figure)


@app.command()
@table_options(figures=True)
def dictionary(
    survey: SurveyArgument,
    galaxy: GalaxyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    place: Annotated[
        list[str] | None,
        typer.Option(help="Y,X in cells of the layer. May be repeated; by default those of the largest activations."),
    ] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="Channels of each place.")] = 5,
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    *,
    output: TableOutput,
) -> None:
    """The semantic dictionary of a galaxy: the strongest channels at some places, with their contributions."""
    from gz2interp.workflows.building_block_figures import dictionary_drawing
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy, dictionary_table
    from gz2interp.workflows.study import open_study

    places = [_place(text) for text in place or ()]
    study = open_study(survey, model)
    with console.status("Decomposing the galaxy"):
        blocks = blocks_of_galaxy(study, galaxy, layer)
    rows, words = dictionary_table(blocks, places, most)
    output.show(ResultTable(f"Galaxy {galaxy} in {blocks.layer}", rows, notes=words.splitlines()))
    if output.figure:
        figure_style = _figure_style(journal, columns)
        images = features_for(study.survey, study.model, blocks.layer, "channel")
        _write(lambda: dictionary_drawing(study, blocks, figure_style, places, most, images), output.figure)


@app.command("groups")
@table_options(figures=True)
def groups_(
    survey: SurveyArgument,
    galaxy: GalaxyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    groups: Annotated[int, typer.Option(min=0, help="Found in this galaxy alone; 0 for those of the survey.")] = 0,
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    *,
    output: TableOutput,
) -> None:
    """Neuron groups (NMF) in a galaxy: co-active regions, and their contribution to each class."""
    from gz2interp.workflows.building_block_figures import groups_drawing
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy, groups_table
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with console.status("Decomposing the galaxy"):
        blocks = blocks_of_galaxy(study, galaxy, layer, groups=groups)
    notes = [completeness.words(name="groups") for completeness in blocks.effects.accounted]
    output.show(ResultTable(f"Groups of {blocks.layer} in galaxy {galaxy}", groups_table(blocks), notes=notes))
    if output.figure:
        images = {} if groups else features_for(study.survey, study.model, blocks.layer, "group")
        _write(lambda: groups_drawing(study, blocks, _figure_style(journal, columns), images), output.figure)


@app.command()
def grid(
    survey: SurveyArgument,
    galaxy: GalaxyArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The figure: .pdf, .svg or .png.")],
    model: ModelOption = None,
    layer: LayerOption = "",
    cells: Annotated[int, typer.Option(min=0, help="Along each side; 0 for as many as the layer has.")] = 0,
    steps: StepsOption = 128,
    parametrisation: ParametrisationOption = "fourier",
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    overwrite: OverwriteOption = False,
    progress: ProgressOption = "bars",
) -> None:
    """The activation grid of a galaxy: a feature image of the activations at each place of a layer."""
    from gz2interp.figures.style import checked_format
    from gz2interp.workflows.feature_figures import galaxy_grid, grid_drawing
    from gz2interp.workflows.feature_sheet import SheetSettings
    from gz2interp.workflows.study import open_study

    checked_format(out)
    check_free(files_of_figure(out), overwrite)
    study, settings = open_study(survey, model), SheetSettings(steps=steps, parametrisation=parametrisation)
    with progress_as(progress) as reporter:
        images = galaxy_grid(study, galaxy, layer, cells, settings, reporter)
    _write(lambda: grid_drawing(study, images, _figure_style(journal, columns)), out)


@app.command()
@table_options(figures=True)
def atlas(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    of: Annotated[str, typer.Option("--of", help="A class to which the places belong; by default all.")] = "all",
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """The activation atlas: activations of a layer at places in many galaxies, laid out by similarity."""
    from gz2interp.workflows.building_block_figures import atlas_drawing
    from gz2interp.workflows.building_blocks import blocks
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import atlas_table
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with progress_as(progress) as reporter:
        folder = blocks(study, layer, progress=reporter)
    cells = atlas_table(folder, of)
    output.show(ResultTable("The cells, the fullest first", cells, {"The fullest cells": cells.head(12)}))
    if output.figure:
        images = features_for(study.survey, study.model, layer, "cell") if of == "all" else {}
        _write(lambda: atlas_drawing(study, layer, of, _figure_style(journal, columns), images), output.figure)


def _place(text: str) -> tuple[int, int]:
    try:
        y, x = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--place {text} was given", "Row and column, from 0", "For example 3,4") from None
    return y, x


def _figure_style(journal: str, columns: int) -> Any:
    from gz2interp.figures.style import FigureSize, FigureStyle

    return FigureStyle(FigureSize(journal, columns))


def _write(drawing: Callable[[], Any], path: Path) -> None:
    from gz2interp.figures.style import checked_format
    from gz2interp.workflows.figure_parts import write_drawing

    checked_format(path)
    with console.status("Drawing"):
        figure = drawing()
        files = write_drawing(figure, path)
    say("\n".join(map(str, files)))
    say(figure.caption)
