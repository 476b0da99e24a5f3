"""The command line: the program, and its group ``survey``."""

from __future__ import annotations

from gz2interp.console import command_line, run

__all__ = ["app", "main", "survey_app"]

app = command_line("See what a galaxy-morphology network really looks at.", add_completion=True)
survey_app = command_line("Check or export a survey, or import a network.")
app.add_typer(survey_app, name="survey")


def main() -> None:
    """Run the command line."""
    run(app, "gz2interp")
