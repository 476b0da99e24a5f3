"""What a layer looks for: feature images, and the building blocks of what a network says of a galaxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument
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
ColumnsOption = Annotated[int, typer.Option(help="Columns of the page that it is wide: 1 or 2.")]
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
            "--of", help="Of these alone, into --out: 'neuron(block3, 12)', 'caricature(GALAXY)', 'logit(spiral)'."
        ),
    ] = None,
    steps: StepsOption = 128,
    seeds: Annotated[int, typer.Option(min=1, help="Images of each channel and class, from different starts.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the first start.")] = 0,
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
    """Images that excite a layer's channels, groups and atlas cells, and the classes: its sheet, kept and judged."""
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
    with progress_as(progress) as told:
        folder = feature_sheet(study, layer, settings, told)
    for words in sheet_sentences(folder):
        told.say(sentence(words))
    told.say(f"Everything: {folder.path}")
    if output.as_json:
        output.show(ResultTable(f"Feature images of {layer or 'the layer'}", folder.judged))
    if out:
        _write(lambda: sheet_drawing(study, layer, settings.kinds[0], _manner(journal, columns)), out)


def _single(
    survey: str, model: str | None, of: list[str], settings: Any, out: Path | None, progress: str, output: TableOutput
) -> None:
    import pandas as pd

    from gz2interp.workflows.feature_images import feature_images, write_feature_images
    from gz2interp.workflows.study import open_study

    if out is None:
        raise InputError("--of was given without --out", remedy="--out FILE, .fits or .pdf for example")
    study = open_study(survey, model)
    with progress_as(progress) as told:
        made = feature_images(study, of, settings, told)
    for name, reached, silent in zip(made.objectives, made.reached, made.silent, strict=True):
        told.say(f"{name}: " + ("nothing was found that excites it" if silent else f"{reached:.3g}"))
    told.say(str(write_feature_images(made, study, out)))
    if output.as_json:
        rows = pd.DataFrame({"objective": made.objectives, "reached": made.reached, "silent": made.silent})
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
    """Whether a layer's feature images excite another network's channels too, beside what would do so by chance."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.compare import Representation
    from gz2interp.workflows.feature_agreement import agreement as agreement_with

    opened = Survey.open(find_survey(survey))
    first, second = Representation(opened.model(model), layer), Representation(opened.model(other), other_layer)
    with progress_as(progress) as told:
        found = agreement_with(opened, first, second, told)
    title = f"Feature images of {first.model.name} shown to {second.model.name}"
    output.show(ResultTable(title, found.table, {}, [sentence(words) for words in found.sentences]))


@app.command()
@table_options("all channels", figures=True)
def channels(
    survey: SurveyArgument,
    channel: Annotated[list[int] | None, typer.Argument(metavar="[CHANNEL...]", help="For a figure; some.")] = None,
    model: ModelOption = None,
    layer: LayerOption = "",
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """What each channel goes with, where it is loudest, and which do nothing, are twins, or see artefacts."""
    from gz2interp.workflows.building_block_figures import tops_drawing
    from gz2interp.workflows.building_blocks import blocks
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import channel_summaries
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with progress_as(progress) as told:
        folder = blocks(study, layer, progress=told)
    shown = channel_summaries(folder)
    for number in channel or ():
        if number not in shown.index:
            raise InputError(f"Channel {number} was asked for", f"0 to {len(shown) - 1}")
    listed, title = shown.loc[channel or shown.index], folder.provenance.layer if folder.provenance else layer
    odd = [
        f"channel {number}: {words}"
        for number, words in zip(listed["channel"], listed["diagnostics"], strict=True)
        if words
    ]
    rows = folder.channels.loc[listed.index].assign(goes_with=listed["correlates with"], odd=listed["diagnostics"])
    heading = f"Channels of {title}"
    output.show(ResultTable(heading, rows, {heading: listed.drop(columns="diagnostics")}, odd), folder.channels)
    if output.figure:
        chosen = channel or shown.index[:8].tolist()
        manner, images = _manner(journal, columns), features_for(study.survey, study.model, layer, "channel")
        _write(lambda: tops_drawing(study, layer, chosen, manner, features=images), output.figure)


@app.command()
@table_options(figures=True)
def dictionary(
    survey: SurveyArgument,
    galaxy: GalaxyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    place: Annotated[
        list[str] | None,
        typer.Option(help="Y,X in cells of the layer. May be repeated; by default where it says most."),
    ] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="Channels of each place.")] = 5,
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    *,
    output: TableOutput,
) -> None:
    """The semantic dictionary of a galaxy: at some places, the strongest channels, and what they add to each class."""
    from gz2interp.workflows.building_block_figures import dictionary_drawing
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy, dictionary_table
    from gz2interp.workflows.study import open_study

    places = [_place(text) for text in place or ()]
    study = open_study(survey, model)
    with console.status("Taking the galaxy apart"):
        found = blocks_of_galaxy(study, galaxy, layer)
    said, words = dictionary_table(found, places, most)
    output.show(ResultTable(f"Galaxy {galaxy} in {found.layer}", said, notes=words.splitlines()))
    if output.figure:
        manner, images = _manner(journal, columns), features_for(study.survey, study.model, found.layer, "channel")
        _write(lambda: dictionary_drawing(study, found, manner, places, most, images), output.figure)


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
    """Neuron groups over a galaxy: which parts of it speak together, and what each does for every class."""
    from gz2interp.workflows.building_block_figures import groups_drawing
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy, groups_table
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with console.status("Taking the galaxy apart"):
        found = blocks_of_galaxy(study, galaxy, layer, groups=groups)
    notes = [each.words(name="groups") for each in found.effects.accounted]
    output.show(ResultTable(f"Groups of {found.layer} in galaxy {galaxy}", groups_table(found), notes=notes))
    if output.figure:
        images = {} if groups else features_for(study.survey, study.model, found.layer, "group")
        _write(lambda: groups_drawing(study, found, _manner(journal, columns), images), output.figure)


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
    """The activation grid of a galaxy: what a layer sees at each place, as a feature image."""
    from gz2interp.figures.style import checked_format
    from gz2interp.workflows.feature_figures import galaxy_grid, grid_drawing
    from gz2interp.workflows.feature_sheet import SheetSettings
    from gz2interp.workflows.study import open_study

    checked_format(out)
    check_free(files_of_figure(out), overwrite)
    study, settings = open_study(survey, model), SheetSettings(steps=steps, parametrisation=parametrisation)
    with progress_as(progress) as told:
        found = galaxy_grid(study, galaxy, layer, cells, settings, told)
    _write(lambda: grid_drawing(study, found, _manner(journal, columns)), out)


@app.command()
@table_options(figures=True)
def atlas(
    survey: SurveyArgument,
    model: ModelOption = None,
    layer: LayerOption = "",
    of: Annotated[str, typer.Option("--of", help="A class whose places alone are shown.")] = "all",
    journal: JournalOption = "mnras",
    columns: ColumnsOption = 2,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """The activation atlas: what a layer says at places in many galaxies, laid out by likeness."""
    from gz2interp.workflows.building_block_figures import atlas_drawing
    from gz2interp.workflows.building_blocks import blocks
    from gz2interp.workflows.feature_sheet import features_for
    from gz2interp.workflows.galaxy_blocks import atlas_table
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    with progress_as(progress) as told:
        folder = blocks(study, layer, progress=told)
    cells = atlas_table(folder, of)
    output.show(ResultTable("The cells, the fullest first", cells, {"The fullest cells": cells.head(12)}))
    if output.figure:
        images = features_for(study.survey, study.model, layer, "cell") if of == "all" else {}
        _write(lambda: atlas_drawing(study, layer, of, _manner(journal, columns), images), output.figure)


def _place(text: str) -> tuple[int, int]:
    try:
        y, x = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--place {text} was given", "Row and column, from 0", "For example 3,4") from None
    return y, x


def _manner(journal: str, columns: int) -> Any:
    from gz2interp.figures.style import FigureSize, FigureStyle

    return FigureStyle(FigureSize(journal, columns))


def _write(drawing: Callable[[], Any], path: Path) -> None:
    from gz2interp.figures.style import checked_format
    from gz2interp.workflows.figure_parts import write_drawing

    checked_format(path)
    with console.status("Drawing"):
        made = drawing()
        files = write_drawing(made, path)
    say("\n".join(map(str, files)))
    say(made.caption)
