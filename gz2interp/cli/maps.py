"""Maps of layers: place galaxies on one, and compare several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument
from gz2interp.console import ProgressBars, progress_as, say, sentence
from gz2interp.errors import InputError
from gz2interp.result_tables import ResultTable, TableOutput, check_free, files_of_figure, table_options


@app.command()
@table_options()
def place(
    survey: SurveyArgument,
    image: Annotated[list[Path] | None, typer.Option("--image", "-i", help="One galaxy. May be repeated.")] = None,
    of: Annotated[str | None, typer.Option("--of", help="Another survey: all of its galaxies are placed.")] = None,
    model: ModelOption = None,
    layer: LayerOption = "",
    *,
    output: TableOutput,
) -> None:
    """Where new galaxies belong on the map of a layer: the same place whenever and with whomever they are asked for."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.place import place_images, place_survey
    from gz2interp.workflows.study import open_study

    if bool(image) == bool(of):
        raise InputError("Whom to place was not said, or twice", "--image FILE, or --of SURVEY")
    if of:
        output.needs_target("A survey was given with --of")
    study = open_study(survey, model)
    if image:
        output.show(ResultTable(f"On the map of {study.survey.name}", place_images(study, image, layer)))
        return
    with ProgressBars() as told:
        blocks = place_survey(study, Survey.open(find_survey(str(of))), layer, told)
        output.show_blocks(blocks, f"The places of {of} on the map of {study.survey.name}")


@app.command()
@table_options("all galaxies")
def compare(
    survey: SurveyArgument,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Two or more models. Once: the same for all layers.")
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", help="Two or more; once: of all models. By default the newest."),
    ] = None,
    neighbours: Annotated[int, typer.Option("--neighbours", "-n", min=1, help="How many are compared.")] = 15,
    most: Annotated[int, typer.Option(min=0, help="How many changed galaxies are listed here.")] = 12,
    figure: Annotated[Path | None, typer.Option(help="Both maps side by side: .pdf, .svg or .png.")] = None,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Layers, networks or latents beside the first: neighbours shared, galaxies that moved, maps aligned to its own."""
    import pandas as pd

    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.compare import Representation, changed_most, compare_all, draw_comparison

    opened = Survey.open(find_survey(survey))
    sides = tuple(
        Representation(known, "" if known.latents else of or "")  # latents have no layers to choose from
        for known, of in ((opened.model(name), of) for name, of in _paired(model or [None], layer or [None]))
    )
    others = range(len(sides) - 1)
    check_free([_numbered(output.file, k) for k in others if output.file], output.overwrite)
    check_free([path for k in others if figure for path in files_of_figure(_numbered(figure, k))], output.overwrite)
    with progress_as(progress) as told:
        found = list(compare_all(opened, sides, neighbours, told))
    changed = [each.table.iloc[changed_most(each, most)] if most else each.table.head(0) for each in found]
    drawn = {
        f"Changed most from {each.first} to {each.second}": rows.drop(columns=["row", "x", "y", "other_x", "other_y"])
        for each, rows in zip(found, changed, strict=True)
        if most
    }
    compared = [rows.assign(compared=each.second) for each, rows in zip(found, changed, strict=True)]
    notes = [sentence(words) for each in found for words in each.sentences]
    table = ResultTable(f"Changed most from {found[0].first}", pd.concat(compared), drawn, notes)
    replace(output, file=None).show(table)
    for k, each in enumerate(found):
        if output.file:
            replace(output, file=_numbered(output.file, k)).write(each.table)
        if figure:
            say(str(draw_comparison(each, _numbered(figure, k))))


def _paired(models: Sequence[str | None], layers: Sequence[str | None]) -> list[tuple[str | None, str | None]]:
    """Models with layers; one of either is meant for all."""
    count = max(len(models), len(layers))
    if {len(models), len(layers)} - {1, count}:
        raise InputError(
            f"{len(models)} models and {len(layers)} layers were given", "As many of both, or one of either", "--help"
        )
    return list(zip(list(models) * (count // len(models)), list(layers) * (count // len(layers)), strict=True))


def _numbered(path: Path, place: int) -> Path:
    """A file for each that is laid beside the first: compared.csv, compared-2.csv, ..."""
    return path if not place else path.with_stem(f"{path.stem}-{place + 1}")
