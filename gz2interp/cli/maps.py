"""Maps of layers: place galaxies on one, and compare several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import LayerOption, ModelOption, ProgressOption, SurveyArgument
from gz2interp.console import ProgressBars, progress_as, say, table
from gz2interp.errors import InputError


@app.command()
def place(
    survey: SurveyArgument,
    image: Annotated[list[Path] | None, typer.Option("--image", "-i", help="One galaxy. May be repeated.")] = None,
    of: Annotated[str | None, typer.Option("--of", help="Another survey: all of its galaxies are placed.")] = None,
    model: ModelOption = None,
    layer: LayerOption = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The table: .csv, .parquet, .fits or .vot.")] = None,
) -> None:
    """Where new galaxies belong on the map of a layer: the same place whenever and with whomever they are asked for."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table, write_table_of_blocks
    from gz2interp.workflows.opening import open_subject
    from gz2interp.workflows.placing import place_images, place_survey

    if bool(image) == bool(of):
        raise InputError("Whom to place was not said, or twice", "--image FILE, or --of SURVEY")
    subject = open_subject(survey, model)
    if image:
        found = place_images(subject, image, layer)
        table(f"On the map of {subject.survey.name}", found)
        if out:
            write_table(out, found)
        return
    if out is None:
        raise InputError("A survey is placed in a table, and none was named", "--out FILE")
    with ProgressBars() as told:
        count = write_table_of_blocks(out, place_survey(subject, Survey.open(find_survey(str(of))), layer, told))
    say(f"{out}: {count} galaxies placed on the map of {subject.survey.name}")


@app.command()
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
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="All galaxies: .csv, .parquet, .fits or .vot.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Both maps side by side: .pdf, .svg or .png.")] = None,
    progress: ProgressOption = "bars",
) -> None:
    """Layers, networks or latents beside the first: neighbours shared, galaxies that moved, maps aligned to its own."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.comparing import Side, changed_most, compare_all, draw_comparison

    opened = Survey.open(find_survey(survey))
    sides = tuple(
        Side(known, "" if known.latents else of or "")  # latents have no layers to choose from
        for known, of in ((opened.model(name), of) for name, of in _paired(model or [None], layer or [None]))
    )
    with progress_as(progress) as told:
        for place, found in enumerate(compare_all(opened, sides, neighbours, told)):
            if most:
                short = found.table.drop(columns=["row", "x", "y", "other_x", "other_y"])
                table("Changed most", short.iloc[changed_most(found, most)], told.say)
            for sentence in found.sentences:
                told.say(sentence)
            if out:
                write_table(_numbered(out, place), found.table)
                told.say(f"{_numbered(out, place)}: {len(found.table)} galaxies")
            if figure:
                told.say(str(draw_comparison(found, _numbered(figure, place))))


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
