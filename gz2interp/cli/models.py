"""The models of a survey: list, import, rename and remove them, and list the layers of one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gz2interp.cli.app import app
from gz2interp.cli.options import ModelOption, SurveyArgument, open_survey
from gz2interp.console import command_line, console, say
from gz2interp.errors import InputError
from gz2interp.result_tables import ResultTable, TableOutput, table_options

__all__ = ["ReplaceOption", "ask_class_names", "names_from"]

model_app = command_line("The models of a survey: list, import, rename and remove them.")
app.add_typer(model_app, name="model")

NameArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Take the place of a model of that name; its results are removed.")
]


@model_app.command("list")
@table_options()
def list_(survey: SurveyArgument, *, output: TableOutput) -> None:
    """The models of a survey: classes, accuracy, analysed layers, size on disk."""
    from gz2interp.workflows.models import models_table

    opened = open_survey(survey)
    rows, title = models_table(opened), f"Models of {opened.name}"
    drawn = rows.drop(columns="digest").rename(columns={"size": "size [MB]"})
    output.show(ResultTable(title, rows, {title: drawn}))


@model_app.command("import")
def import_(
    survey: SurveyArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .keras file, or the folder of a model.")],
    name: Annotated[str, typer.Option(help="Its name in this survey; by default the file's.")] = "",
    classes: Annotated[
        str,
        typer.Option(
            help="Names of its classes, with commas, in the order of the outputs; by default those in its file."
        ),
    ] = "",
    replace: ReplaceOption = False,
) -> None:
    """Copy a network that was trained elsewhere into a survey."""
    from gz2interp.workflows.import_results import import_model

    opened = open_survey(survey)
    folder = import_model(opened, file, name, names_from(classes), replace=replace, ask_names=ask_class_names)
    say(f"{folder.path}\nNow run gz2interp analyse {survey} --model {folder.name}")


@model_app.command("rename")
def rename(
    survey: SurveyArgument,
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="Its new name.")],
) -> None:
    """Give a model another name; its results stay valid."""
    from gz2interp.workflows.models import rename_model

    say(f"{name} is now {rename_model(open_survey(survey), name, new_name).path}")


@model_app.command("remove")
def remove(
    survey: SurveyArgument,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without confirmation.")] = False,
) -> None:
    """Remove a model with all its results; ratings stay with the survey."""
    from gz2interp.workflows.models import models_table, remove_model

    opened = open_survey(survey)
    opened.model(name)
    if not yes:
        table = models_table(opened)
        size = float(table["size"][table["model"] == name].sum())
        question = f"Remove the model {name} of {opened.name} with all its results ({size:,.0f} MB)?"
        if not sys.stdin.isatty():
            raise InputError(f"{question[:-1]} needs an answer, and this is no terminal", "--yes")
        if not typer.confirm(question, err=True):
            say("Nothing was removed.")
            return
    remove_model(opened, name)
    say(f"{name} was removed from {opened.name}.")


@app.command("layers")
@table_options()
def layers_(survey: SurveyArgument, model: ModelOption = None, *, output: TableOutput) -> None:
    """The layers of a network that can be analysed: shape, stride, receptive field, analyses, and the default one."""
    from gz2interp.workflows.models import layers_table

    opened = open_survey(survey)
    folder = opened.model(model)
    with console.status("Listing the layers"):
        rows = layers_table(opened, folder)
    title = f"Layers of {folder.name}"
    drawn = rows.assign(default=["yes" if default else "" for default in rows["default"]])
    for name in ("stride", "field"):
        pairs = zip(rows[f"{name}_y"], rows[f"{name}_x"], strict=True)
        drawn[f"{name} [pixel]"] = ["" if y != y else f"{y:.4g}" if y == x else f"{y:.4g}, {x:.4g}" for y, x in pairs]
    drawn = drawn[["layer", "kind", "y", "x", "channels", "stride [pixel]", "field [pixel]", "default", "analysed"]]
    output.show(ResultTable(title, rows, {title: drawn}))


def names_from(text: str) -> list[str]:
    """Parse names, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def ask_class_names(classes: int) -> list[str]:
    """Prompt for the names of a network's classes on a terminal.

    Raises
    ------
    InputError
        The standard input is no terminal.
    """
    example = ",".join(f"class {k}" for k in range(classes))
    if not sys.stdin.isatty():
        raise InputError(
            f"The network has {classes} classes, and their names are neither beside its file nor in it",
            f"{classes} names in the order of the outputs",
            f"Give them with --classes, for example --classes '{example}'",
        )
    console.print(f"The network has {classes} classes, and its file does not name them.")
    while True:
        names = names_from(str(typer.prompt("Their names, with commas, in the order of the outputs", err=True)))
        if len(names) == classes:
            return names
        console.print(f"{len(names)} names were given; the network needs {classes}.")
