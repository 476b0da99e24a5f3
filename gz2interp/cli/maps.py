"""Maps of layers: place galaxies on one, and compare two."""

from __future__ import annotations

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
        list[str] | None, typer.Option("--model", "-m", help="Twice: the two models. Once: the same for both layers.")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="Twice: of the first and of the second. By default the newest.")
    ] = None,
    neighbours: Annotated[int, typer.Option("--neighbours", "-n", min=1, help="How many are compared.")] = 15,
    most: Annotated[int, typer.Option(min=0, help="How many changed galaxies are listed here.")] = 12,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="All galaxies: .csv, .parquet, .fits or .vot.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Both maps side by side: .pdf, .svg or .png.")] = None,
    progress: ProgressOption = "bars",
) -> None:
    """Two layers, networks or latents: the neighbours they share, the galaxies that moved, their maps aligned."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_table
    from gz2interp.workflows.analysed import analysis_for
    from gz2interp.workflows.comparing import Side, changed_most, draw_comparison
    from gz2interp.workflows.comparing import compare as compared_by

    opened = Survey.open(find_survey(survey))
    models, layers = _two(model, "--model"), _two(layer, "--layer")
    first, second = (
        Side(known, "" if known.latents else of or "")  # latents have no layers to choose from
        for known, of in ((opened.model(name), of) for name, of in zip(models, layers, strict=True))
    )
    one, two = (analysis_for(opened, side.model, side.layer) for side in (first, second))
    if one.path == two.path:
        raise InputError(
            f"Both are {first.model.name} {one.layer}", "Two", "Name them: --layer A --layer B, or --model"
        )
    with progress_as(progress) as told:
        found = compared_by(opened, first, second, neighbours, told)
        if most:
            short = found.table.drop(columns=["row", "x", "y", "other_x", "other_y"])
            table("Changed most", short.iloc[changed_most(found, most)], told.say)
        for sentence in found.sentences:
            told.say(sentence)
        if out:
            write_table(out, found.table)
            told.say(f"{out}: {len(found.table)} galaxies")
        if figure:
            told.say(str(draw_comparison(found, figure)))


def _two(given: list[str] | None, option: str) -> tuple[str | None, str | None]:
    """The first's and the second's; one is meant for both."""
    if not given:
        return None, None
    if len(given) > 2:
        raise InputError(f"{option} was given {len(given)} times", "Once or twice")
    return given[0], given[-1]
