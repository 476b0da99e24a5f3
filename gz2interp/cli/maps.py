"""Maps of layers: placing new galaxies, and comparing representations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument, open_survey
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
    """Place new galaxies on the map of a layer; the position of one does not depend on the others."""
    from gz2interp.workflows.place import place_images, place_survey
    from gz2interp.workflows.study import open_study

    if bool(image) == bool(of):
        raise InputError("Neither --image nor --of was given, or both", "--image FILE, or --of SURVEY")
    if of:
        output.needs_target("A survey was given with --of")
    study = open_study(survey, model)
    if image:
        output.show(ResultTable(f"On the map of {study.survey.name}", place_images(study, image, layer)))
        return
    with ProgressBars() as bars:
        blocks = place_survey(study, open_survey(str(of)), layer, bars)
        output.show_blocks(blocks, f"The places of {of} on the map of {study.survey.name}")


@app.command()
@table_options("all galaxies")
def compare(
    survey: SurveyArgument,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Two or more models; one for all layers.")
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", help="Two or more; one for all models. By default the newest."),
    ] = None,
    neighbours: Annotated[int, typer.Option("--neighbours", "-n", min=1, help="Neighbours that are compared.")] = 15,
    most: Annotated[int, typer.Option(min=0, help="Changed galaxies to list.")] = 12,
    figure: Annotated[Path | None, typer.Option(help="Both maps side by side: .pdf, .svg or .png.")] = None,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Compare layers, networks or latents with the first: shared neighbours, changed galaxies, aligned maps."""
    import pandas as pd

    from gz2interp.workflows.compare import Representation, compare_all, draw_comparison, most_changed

    opened = open_survey(survey)
    representations = tuple(
        Representation(folder, "" if folder.latents else name or "")  # latents have no layers
        for folder, name in ((opened.model(name), of) for name, of in _pair_layers(model or [None], layer or [None]))
    )
    others = range(len(representations) - 1)
    check_free([_numbered_path(output.file, k) for k in others if output.file], output.overwrite)
    check_free(
        [path for k in others if figure for path in files_of_figure(_numbered_path(figure, k))], output.overwrite
    )
    with progress_as(progress) as reporter:
        comparisons = list(compare_all(opened, representations, neighbours, reporter))
    changed = [pair.table.iloc[most_changed(pair, most)] if most else pair.table.head(0) for pair in comparisons]
    drawn = {
        f"Changed most from {pair.first} to {pair.second}": rows.drop(columns=["row", "x", "y", "other_x", "other_y"])
        for pair, rows in zip(comparisons, changed, strict=True)
        if most
    }
    rows = pd.concat([rows.assign(compared=pair.second) for pair, rows in zip(comparisons, changed, strict=True)])
    notes = [sentence(words) for pair in comparisons for words in pair.sentences]
    table = ResultTable(f"Changed most from {comparisons[0].first}", rows, drawn, notes)
    replace(output, file=None).show(table)
    for k, pair in enumerate(comparisons):
        if output.file:
            replace(output, file=_numbered_path(output.file, k)).write(pair.table)
        if figure:
            say(str(draw_comparison(pair, _numbered_path(figure, k))))


def _pair_layers(models: Sequence[str | None], layers: Sequence[str | None]) -> list[tuple[str | None, str | None]]:
    """Pairs of models and layers; a single one of either is used for all."""
    count = max(len(models), len(layers))
    if {len(models), len(layers)} - {1, count}:
        raise InputError(
            f"{len(models)} models and {len(layers)} layers were given", "As many of both, or one of either", "--help"
        )
    return list(zip(list(models) * (count // len(models)), list(layers) * (count // len(layers)), strict=True))


def _numbered_path(path: Path, place: int) -> Path:
    """The file of a comparison: compared.csv, compared-2.csv, ..."""
    return path if not place else path.with_stem(f"{path.stem}-{place + 1}")
