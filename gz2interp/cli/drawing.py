"""Figures for papers, repainted galaxies, and bars measured from attribution maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import (
    AgainstOption,
    ClassOption,
    KindOption,
    LayerOption,
    MethodOption,
    ModelOption,
    OfOption,
    SurveyArgument,
    ViewsOption,
    class_score,
    colours_from,
    line_from,
    open_survey,
    probe_of,
    score_of,
)
from gz2interp.console import ProgressBars, console, say
from gz2interp.errors import InputError
from gz2interp.result_tables import (
    OverwriteOption,
    ResultTable,
    TableOutput,
    check_free,
    files_of_figure,
    table_options,
)


@app.command()
def figure(
    survey: SurveyArgument,
    galaxies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[GALAXY...]", help="Galaxy ids; right-wrong, bands and --each can do without."),
    ] = None,
    layout: Annotated[
        str, typer.Option(help="galaxies, methods, right-wrong, repaint, neighbours or bands.")
    ] = "galaxies",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A .pdf, .svg or .png file, by default figure.pdf; with --each a folder, figures."
        ),
    ] = None,
    model: ModelOption = None,
    method: MethodOption = "grad_cam",
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    layer: LayerOption = "",
    views: ViewsOption = False,
    journal: Annotated[str, typer.Option(help="mnras, apj or aa.")] = "mnras",
    columns: Annotated[int, typer.Option(help="Width in columns of the page: 1 or 2.")] = 2,
    style: Annotated[str, typer.Option(help="map, overlay or contours.")] = "map",
    on: Annotated[str, typer.Option(help="Background of an overlay or contours: rgb, or a band.")] = "rgb",
    axes: Annotated[str, typer.Option(help="scale (a bar in arcsec, a compass) or wcs (coordinates).")] = "scale",
    by_band: Annotated[bool, typer.Option("--rows-per-band", help="A row per band, not per galaxy.")] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="For repaint: a component to leave out. May be repeated.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", "-n", min=1, help="How many neighbours, or pairs, or figures of --each.")
    ] = None,
    separate: Annotated[
        bool, typer.Option("--each", help="A figure for each galaxy; without galaxies, for all.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="Of --each: pdf, svg or png.")] = "pdf",
    overwrite: OverwriteOption = False,
) -> None:
    """A figure for a paper, its caption beside it (.txt), its numbers (.csv) and its maps (.fits with WCS)."""
    from gz2interp.figures.style import FigureSize, FigureStyle, checked_format
    from gz2interp.painting import Alteration
    from gz2interp.workflows.explain import AttributionSettings
    from gz2interp.workflows.figure_parts import FigureSettings, write_drawing
    from gz2interp.workflows.figures import draw_each, draw_figure
    from gz2interp.workflows.study import open_study

    attribution = AttributionSettings(method, class_score(score, class_name, against), layer, views=views)
    figure_style = FigureStyle(FigureSize(journal, columns), style, on, axes)
    study = open_study(survey, model)
    if of is not None:
        attribution = replace(attribution, score=score_of(study, of, attribution.score))
    settings = FigureSettings(layout, attribution, figure_style, Alteration(tuple(without or ())), most, by_band)
    path = out or Path("figures" if separate else "figure.pdf")
    checked_format(Path(f"figure.{form}") if separate else path)
    if not separate:
        check_free(files_of_figure(path), overwrite)
    else:
        with ProgressBars() as bars:
            figures = list(draw_each(study, galaxies or (), settings, path, f".{form}", bars, overwrite=overwrite))
        say(f"{len(figures)} figures are in {path}")
        return
    with console.status("Opening the network"):
        drawing = draw_figure(study, galaxies or (), settings)
    files = write_drawing(drawing, path)
    say("\n".join(map(str, files)))
    say(drawing.caption)


@app.command()
@table_options(json_only=True)
def repaint(
    survey: SurveyArgument,
    galaxy: Annotated[str, typer.Argument(metavar="GALAXY", help="Galaxy id.")],
    without: Annotated[list[str] | None, typer.Option(help="A component to leave out. May be repeated.")] = None,
    turned: Annotated[float, typer.Option(help="Degrees.")] = 0.0,
    dimmed: Annotated[float, typer.Option(help="Magnitudes; brighter below 0.")] = 0.0,
    redshift: Annotated[float | None, typer.Option(help="The galaxy's new redshift.")] = None,
    blurred: Annotated[float, typer.Option(help="Factor on the width of the PSF.")] = 1.0,
    recoloured: Annotated[str, typer.Option(help="Added to u-g,g-r,r-i,i-z, for example 0.3,0.2,0.1,0.")] = "0,0,0,0",
    only: Annotated[list[str] | None, typer.Option(help="Dim and recolour this component only.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Predict both images with this network.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A .pdf, .svg, .png or .fits file of both images; or the table: .csv, .parquet or .vot."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    *,
    output: TableOutput,
) -> None:
    """The components of a painted galaxy, and the same galaxy altered, with the same noise."""
    from gz2interp.painting import Alteration
    from gz2interp.workflows.repaint import alteration_in_words, components_table, repaint_galaxy, write_repainted

    opened = open_survey(survey)
    of_table = out is not None and out.suffix.lower() in (".csv", ".ecsv", ".parquet", ".vot", ".xml")
    check_free(files_of_figure(out) if out and not of_table else [out] if out else [], overwrite)
    parts = ResultTable(f"Components of galaxy {galaxy}", components_table(opened, galaxy))
    replace(output, file=out if of_table else None).show(parts)
    colours = colours_from(recoloured)
    alteration = Alteration(tuple(without or ()), (), turned, dimmed, redshift, blurred, colours, tuple(only or ()))
    if alteration == Alteration() and (out is None or of_table):
        return
    altered = repaint_galaxy(opened, galaxy, alteration, probe_of(survey, model) if model else None)
    for name, before in altered.predictions_before.items():
        after = altered.predictions_after[name]
        say(f"  {name:<12} {before:6.1%} as it is, {after:6.1%} {alteration_in_words(alteration)}")
    if out and not of_table:
        write_repainted(opened, altered, out, opened.model(model) if model else None)
        say(str(out))


@app.command()
@table_options()
def bar(
    survey: SurveyArgument,
    galaxies: Annotated[list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every galaxy of the survey; needs --out or --json.")] = False,
    model: ModelOption = None,
    method: MethodOption = "gradient",
    class_name: Annotated[str, typer.Option("--class", help="The class of barred galaxies; by default 'bar'.")] = "",
    layer: Annotated[
        list[str] | None, typer.Option(help="Layer of the method. May be repeated: mean of their maps.")
    ] = None,
    least: Annotated[float, typer.Option(help="Least probability of a bar for which it is measured.")] = 0.5,
    line: Annotated[
        str, typer.Option(help="Relation of the length of a bar to that on the map: offset,slope.")
    ] = "0,1",
    *,
    output: TableOutput,
) -> None:
    """Lengths and position angles of galaxies' bars, measured on attribution maps."""
    from gz2interp.workflows.bars import BarSettings, bars_in_words, measure_bars, measure_bars_in_batches
    from gz2interp.workflows.study import open_study

    named = galaxies or []
    if all_ == bool(named):
        raise InputError("Galaxies and --all were given" if all_ else "No galaxy was named", "Galaxy ids, or --all")
    if all_:
        output.needs_target("--all was given")
    settings = BarSettings(method, class_name, least, line_from(line), tuple(layer or ()))
    study = open_study(survey, model)
    with ProgressBars() as progress:
        if all_:
            output.show_blocks(measure_bars_in_batches(study, settings=settings, progress=progress), "Bars")
            return
        bars = measure_bars(study, named, settings, progress=progress)
    output.show(ResultTable("Bars", bars, {"Bars": bars_in_words(bars)}))
