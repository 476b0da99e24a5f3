"""Check, export and import of a survey, and the card of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app, survey_app
from gz2interp.cli.giving import ColumnsOption, columns_from, exported_files
from gz2interp.cli.models import ReplaceOption, ask_class_names, names_from
from gz2interp.cli.options import ModelOption, SurveyArgument, open_survey
from gz2interp.console import ProgressBars, say, sentence
from gz2interp.errors import InputError
from gz2interp.result_tables import OverwriteOption, ResultTable, TableOutput, check_free, table_options


@app.command("card")
@table_options(json_only=True)
def card_(
    survey: SurveyArgument,
    model: ModelOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default the folder 'card' beside the model.")
    ] = None,
    overwrite: OverwriteOption = False,
    *,
    output: TableOutput,
) -> None:
    """The card of a network: data, labels, scores, failures, most confident mistakes, and what is not known."""
    from gz2interp.workflows.card import CARD_FILES, card, write_card

    check_free([out / name for name in CARD_FILES] if out else [], overwrite)
    opened = open_survey(survey)
    record = card(opened, model)
    output.show_record(record.to_json())
    for path in write_card(record, opened, out or opened.model(model).path / "card"):
        say(str(path))
    for words in record.unknown:
        say(sentence(f"not known: {words}"))


@survey_app.command("check")
@table_options()
def check_survey_(survey: SurveyArgument, *, output: TableOutput) -> None:
    """Read every part of a survey, and compare it with its digests and the other parts."""
    import pandas as pd

    from gz2interp.stores.checking import check_survey
    from gz2interp.stores.locations import find_survey

    path = find_survey(survey)
    with ProgressBars() as bars:
        findings = check_survey(path, lambda done, of: bars("reading", done, of))
    rows = [("damage", finding.words) for finding in findings if finding.is_damage]
    rows += [("note", finding.words) for finding in findings if not finding.is_damage]
    damaged = sum(finding.is_damage for finding in findings)
    parts = "1 damaged part" if damaged == 1 else f"{damaged} damaged parts"
    summary = f"{path} has {parts}." if damaged else f"{path} is whole."
    table = pd.DataFrame(rows, columns=["kind", "finding"])
    output.show(ResultTable(f"Check of {path.name}", table, None if rows else {}, [summary]))
    if damaged:
        raise typer.Exit(1)


@survey_app.command("export")
def export(
    survey: SurveyArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="As for gz2interp export: a table, regions or a folder.")],
    columns: ColumnsOption = "",
    model: ModelOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Export the whole survey: the catalogue joined with status, predictions and map."""
    from gz2interp.workflows.export import export_selection
    from gz2interp.workflows.selection import GalaxyFilter, choose

    check_free(exported_files(out), overwrite)
    settings = GalaxyFilter(columns=columns_from(columns), model=model or "")
    with ProgressBars() as bars:
        result = export_selection(choose(open_survey(survey), settings), out, bars)
    say(f"{result.path}: {result.words}")


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
    classes: Annotated[
        str,
        typer.Option(
            help="Names of its classes, with commas, in the order of the outputs; by default those in its file."
        ),
    ] = "",
    ids: Annotated[Path | None, typer.Option(help="Galaxy ids of a .npy file: .npy, or text with one a line.")] = None,
    replace: ReplaceOption = False,
) -> None:
    """Copy a network that was trained elsewhere, or latents in place of one, into a survey."""
    from gz2interp.workflows.import_results import import_latents, import_model

    opened = open_survey(survey)
    if (model is None) == (latents is None):
        raise InputError("Neither --model nor --latents was given, or both", "--model FILE, or --latents FILE")
    if latents is not None:
        imported = import_latents(opened, latents, name or latents.stem, ids, replace=replace)
        for words in imported.sentences:
            say(sentence(words))
        folder = imported.model
    else:
        assert model is not None
        names = names_from(classes)
        folder = import_model(opened, model, name, names, replace=replace, ask_names=ask_class_names)
    say(f"{folder.path}\nNow run gz2interp analyse {survey} --model {folder.name}")
