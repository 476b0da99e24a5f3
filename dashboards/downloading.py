"""Downloads that the dashboard has started: each a process of its own, which goes on when the page is closed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards import building
from dashboards.building import BuildState
from gz2interp.errors import InputError
from gz2interp.results import digest_of
from gz2interp.stores.locations import surveys_folder

__all__ = ["begin", "catalog_of", "forget", "look", "place_of", "stop"]


def place_of(name: str) -> Path:
    """Where a survey of that name is, or would be: a path, or a folder in the surveys folder."""
    path = Path(name).expanduser()
    return path if path.is_absolute() or (path / "survey.json").is_file() else surveys_folder() / name


def begin(survey: Path, catalog: str, options: Sequence[str]) -> None:
    """Start a download, or go on with one; nothing happens where it is running.

    Parameters
    ----------
    survey : Path
        The survey's folder, which need not be there yet.
    catalog : str
        Path of the table.
    options : sequence of str
        Further words of the command.

    Raises
    ------
    InputError
        There is no such table.
    """
    table = Path(catalog).expanduser()
    if not catalog.strip() or not table.is_file():
        raise InputError(
            f"There is no file {catalog!r}" if catalog.strip() else "No catalogue was given",
            "A table with galaxy_id, ra and dec on the machine on which the dashboard runs",
        )
    process = look(survey)
    if process and process.state == "running":
        return
    building.forget(_beside(survey))
    words = [sys.executable, "-m", "trainer", "download", str(table.resolve()), str(survey.absolute()), *options]
    building.start(_beside(survey), words)


def look(survey: Path) -> BuildState | None:
    """How the process stands that was started last for a survey; None where the dashboard has started none."""
    return building.look(_beside(survey))


def catalog_of(survey: Path) -> str:
    """The table that it was started with; empty where that is not known."""
    process = look(survey)
    return process.command[4] if process and len(process.command) > 4 else ""


def stop(survey: Path) -> None:
    """Let the process end in good order: what is done is kept."""
    building.stop(_beside(survey))


def forget(survey: Path) -> None:
    """Take away what is known of a process that is over."""
    building.forget(_beside(survey))


def _beside(survey: Path) -> Path:
    """Where its state is written: beside the surveys, because a survey is made by its download."""
    return surveys_folder() / ".downloads" / f"{survey.name}-{digest_of([str(survey.absolute())])[:8]}"
