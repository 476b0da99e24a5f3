"""The command line itself: one program, and the verbs about a whole survey under ``survey``."""

from __future__ import annotations

import typer

from gz2interp.console import run

__all__ = ["app", "main", "survey_app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="See what a galaxy-morphology network really looks at.",
)
survey_app = typer.Typer(no_args_is_help=True, help="Look after a survey: check it, export it, import a network.")
app.add_typer(survey_app, name="survey")


def main() -> None:
    """Run the command line."""
    run(app, "gz2interp")
