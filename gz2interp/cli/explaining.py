"""Why a network says what it says, and how far its explanations can be trusted."""

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

    question = AttributionSettings(method, class_score(score, class_name, against), layer, views=views)
    study = open_study(survey, model)
    for galaxy in galaxies:
        study.survey.row_of(galaxy)  # refuses what is no id of the survey, before it becomes the name of a file
    check_free([map_path(out, galaxy, method) for galaxy in galaxies], overwrite)
    with console.status("Opening the network"):
        question = replace(question, score=score_of(study, of, question.score))
    for explanation in explain_in_batches(study, galaxies, question):
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
            help="Check this one only. May be repeated; all: every one; by default all that are not slow.",
        ),
    ] = None,
    galaxies: Annotated[int, typer.Option("--galaxies", "-n", min=2, help="On how many galaxies.")] = 96,
    few: Annotated[int, typer.Option(min=2, help="On how many, where a method is asked a dozen times.")] = 24,
    stages: Annotated[int, typer.Option(min=1, help="In how many steps the network forgets.")] = 4,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Of everything that is drawn.")] = 0,
    progress: ProgressOption = "bars",
    *,
    output: TableOutput,
) -> None:
    """How far each method can be believed for this network; interrupted, it goes on where it stopped."""
    from gz2interp.attribution import METHODS
    from gz2interp.trust.verdict import verdict
    from gz2interp.workflows.study import open_study
    from gz2interp.workflows.trust_check import CheckSettings, findings_table, summary_table
    from gz2interp.workflows.trust_check import check as ask

    asked = tuple(METHODS) if method == ["all"] else tuple(method or CheckSettings.methods)
    with progress_as(progress) as told:
        found = ask(open_study(survey, model), CheckSettings(asked, galaxies, few, stages, seed), told)
    title = f"How far to trust what explains {found.model}"
    notes = [*verdict(found), *(f"not known  {sentence}" for sentence in found.unknown)]
    output.show(ResultTable(title, findings_table(found), {title: summary_table(found)}, notes))


@app.command()
@table_options("every galaxy")
def bands(
    survey: SurveyArgument,
    galaxies: Annotated[
        list[str] | None, typer.Argument(metavar="[GALAXY...]", help="Galaxy ids; by default some of the whole survey.")
    ] = None,
    model: ModelOption = None,
    class_name: ClassOption = None,
    against: AgainstOption = None,
    score: KindOption = "logit",
    of: OfOption = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many are drawn from the survey.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Of the draw.")] = 0,
    *,
    output: TableOutput,
) -> None:
    """How much of a score each band carries: for galaxies, for each class, for the survey."""
    from gz2interp.workflows.bands import band_table, bands_in_words, by_class
    from gz2interp.workflows.study import open_study

    study = open_study(survey, model)
    asked = score_of(study, of, class_score(score, class_name, against))
    with ProgressBars() as told:
        found = band_table(study, galaxies or (), asked, most=most, seed=seed, progress=told)
    names = study.survey.bands
    if galaxies:
        title, rows = "What each band adds to the score", found
        drawn = found.assign(**{name: [f"{value:+.2f}" for value in found[name]] for name in ("total", *names)})
        drawn = drawn[["galaxy_id", "prediction", "total", *names]]
    else:
        title, rows = "What each band adds to the score: means with 95 % errors", by_class(found, names)
        drawn = bands_in_words(rows, names)
    output.show(ResultTable(title, rows, {title: drawn}), found)


@app.command()
@table_options()
def methods(*, output: TableOutput) -> None:
    """The attribution methods, and the papers they come from."""
    import pandas as pd

    from gz2interp.attribution import METHODS

    rows = [(name, each.title, each.has_bands, each.reference) for name, each in METHODS.items()]
    columns = ["method", "title", "per_band", "reference"]
    output.show(ResultTable("Attribution methods", pd.DataFrame(rows, columns=columns)))
