"""Attribution of predictions, checks of attribution methods, and attribution to bands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import (
    AgainstOption,
    ClassOption,
    GalaxiesArgument,
    KindOption,
    LayerOption,
    MethodOption,
    ModelOption,
    OfOption,
    ProgressOption,
    SurveyArgument,
    ViewsOption,
    class_score,
    score_of,
)
from gz2interp.console import ProgressBars, console, progress_as, say
from gz2interp.result_tables import OverwriteOption, ResultTable, TableOutput, check_free, table_options


@app.command()
def explain(
    survey: SurveyArgument,
    galaxies: GalaxiesArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the FITS files.")] = Path("maps"),
    model: ModelOption = None,
    method: MethodOption = "grad_cam",
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    layer: LayerOption = "",
    views: ViewsOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Attribution maps of galaxies, as FITS with WCS."""
    from gz2interp.attribution import METHODS
    from gz2interp.workflows.explain import AttributionSettings, explain_in_batches
    from gz2interp.workflows.maps import map_path, write_maps
    from gz2interp.workflows.study import open_study

    settings = AttributionSettings(method, class_score(score, class_name, against), layer, views=views)
    study = open_study(survey, model)
    for galaxy in galaxies:
        study.survey.row_of(galaxy)  # before an id becomes the name of a file
    check_free([map_path(out, galaxy, method) for galaxy in galaxies], overwrite)
    with console.status("Opening the network"):
        settings = replace(settings, score=score_of(study, of, settings.score))
    for explanation in explain_in_batches(study, galaxies, settings):
        for path in write_maps(explanation, out):
            say(str(path))
    if METHODS[method].caveat:
        console.print(METHODS[method].caveat)


@app.command()
@table_options("every number")
def check(
    survey: SurveyArgument,
    model: ModelOption = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="Check this method. May be repeated; all for every one; by default those that are not slow.",
        ),
    ] = None,
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=2, help="Number of galaxies.")] = 96,
    few: Annotated[int, typer.Option(min=2, help="Number of galaxies for tests that run a method a dozen times.")] = 24,
    stages: Annotated[int, typer.Option(min=1, help="Stages of the model randomisation test.")] = 4,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Seed of all random draws.")] = 0,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """Check the attribution methods for this network; an interrupted check continues where it stopped."""
    from gz2interp.attribution import METHODS
    from gz2interp.trust.verdict import verdict
    from gz2interp.workflows.study import open_study
    from gz2interp.workflows.trust_check import CheckSettings, findings_table, summary_table
    from gz2interp.workflows.trust_check import check as check_methods

    names = tuple(METHODS) if method == ["all"] else tuple(method or CheckSettings.methods)
    with progress_as(progress) as reporter:
        result = check_methods(open_study(survey, model), CheckSettings(names, galaxies, few, stages, seed), reporter)
    title = f"Check of the attribution methods for {result.model}"
    notes = [*verdict(result), *(f"not known  {sentence}" for sentence in result.unknown)]
    output.show(ResultTable(title, findings_table(result), {title: summary_table(result)}, notes))


@app.command()
@table_options("every galaxy")
def bands(
    survey: SurveyArgument,
    galaxies: Annotated[
        list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids; by default a sample of the survey.")
    ] = None,
    model: ModelOption = None,
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="Galaxies drawn from the survey.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Seed of the draw.")] = 0,
    *,
    output: TableOutput,
) -> None:
    """Attribution of a score to the bands: for galaxies, for each class, for the survey."""
    from gz2interp.workflows.bands import band_table, bands_in_words, by_class
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    explained = score_of(study, of, class_score(score, class_name, against))
    with ProgressBars() as progress:
        table = band_table(study, galaxies or (), explained, most=most, seed=seed, progress=progress)
    names = study.survey.bands
    if galaxies:
        title, rows = "What each band adds to the score", table
        drawn = table.assign(**{name: [f"{value:+.2f}" for value in table[name]] for name in ("total", *names)})
        drawn = drawn[["galaxy_id", "prediction", "total", *names]]
    else:
        title, rows = "What each band adds to the score: means with 95 % errors", by_class(table, names)
        drawn = bands_in_words(rows, names)
    output.show(ResultTable(title, rows, {title: drawn}), table)


@app.command()
@table_options()
def methods(*, output: TableOutput) -> None:
    """The attribution methods, and the papers they come from."""
    import pandas as pd

    from gz2interp.attribution import METHODS

    rows = [(name, method.title, method.has_bands, method.reference) for name, method in METHODS.items()]
    columns = ["method", "title", "per_band", "reference"]
    output.show(ResultTable("Attribution methods", pd.DataFrame(rows, columns=columns)))
