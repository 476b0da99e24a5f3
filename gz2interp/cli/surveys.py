"""A whole survey and its networks: check, export and import, and a network's card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app, survey_app
from gz2interp.cli.giving import ColumnsOption, columns_from
from gz2interp.cli.options import ModelOption, SurveyArgument
from gz2interp.console import ProgressBars, say
from gz2interp.errors import InputError


@app.command("card")
def card_(
    survey: SurveyArgument,
    model: ModelOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default the folder 'card' beside the model.")
    ] = None,
) -> None:
    """What is known of a network, and what is not: data, labels, scores, failures, its most confident mistakes."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.card import card, write_card

    opened = Survey.open(find_survey(survey))
    known = card(opened, model)
    for path in write_card(known, opened, out or opened.model(model).path / "card"):
        say(str(path))
    for sentence in known.unknown:
        say(f"not known  {sentence}")


@survey_app.command("check")
def check_survey_(survey: SurveyArgument) -> None:
    """Read every part of a survey and compare it with what was written down about it."""
    from gz2interp.stores.checking import check_survey
    from gz2interp.stores.locations import find_survey

    path = find_survey(survey)
    with ProgressBars() as told:
        findings = check_survey(path, lambda done, of: told("reading", done, of))
    for finding in sorted(findings, key=lambda finding: not finding.is_damage):
        say(("damage  " if finding.is_damage else "note    ") + finding.words)
    damaged = sum(finding.is_damage for finding in findings)
    say(f"{path} has {damaged} damaged parts." if damaged else f"{path} is whole.")
    if damaged:
        raise typer.Exit(1)


@survey_app.command("export")
def export(
    survey: SurveyArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="As for gz2interp export: a table, regions or a folder.")],
    columns: ColumnsOption = "",
    model: ModelOption = None,
) -> None:
    """The whole survey, its catalogue joined with status, predictions and map: gz2interp export without a choice."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.giving import Wanted, choose, export_selection

    wanted = Wanted(columns=columns_from(columns), model=model or "")
    with ProgressBars() as told:
        done = export_selection(choose(Survey.open(find_survey(survey)), wanted), out, told)
    say(f"{done.path}: {done.words}")


@survey_app.command("import")
def import_(
    survey: SurveyArgument,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .keras file, or the folder of a model.")
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="Vectors of your own, by galaxy id: .parquet, .fits, .npz, or .npy with --ids."),
    ] = None,
    name: Annotated[str, typer.Option(help="Its name in this survey; by default the file's.")] = "",
    classes: Annotated[str, typer.Option(help="Names of its classes, with commas, in the order of the outputs.")] = "",
    ids: Annotated[Path | None, typer.Option(help="Galaxy ids of a .npy file: .npy, or text with one a line.")] = None,
) -> None:
    """Lay a network that was trained elsewhere into a survey, or latents that stand in for one."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.latents import lay_latents
    from gz2interp.workflows.lay import lay_model

    opened = Survey.open(find_survey(survey))
    if (model is None) == (latents is None):
        raise InputError("What to import was not said, or twice", "--model FILE, or --latents FILE")
    if latents is not None:
        laid = lay_latents(opened, latents, name or latents.stem, ids)
        for sentence in laid.sentences:
            say(sentence)
        folder = laid.model
    else:
        assert model is not None
        names = [part.strip() for part in classes.split(",") if part.strip()]
        folder = lay_model(opened, model, name, names)
    say(f"{folder.path}\nNow run gz2interp analyse {survey} --model {folder.name}")
