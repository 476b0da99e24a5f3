"""Downloads that the dashboard has started, each in a process of its own, which continues when the page is closed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards import building
from dashboards.building import BuildState
from gz2interp.errors import InputError
from gz2interp.results import digest_of
from gz2interp.stores.locations import surveys_folder

__all__ = ["begin", "catalog_of", "forget", "place_of", "read_state", "stop"]


def place_of(name: str) -> Path:
    """The folder of a survey of that name, which may not exist: a path, or a folder in the surveys folder."""
    path = Path(name).expanduser()
    return path if path.is_absolute() or (path / "survey.json").is_file() else surveys_folder() / name


def begin(survey: Path, catalog: str, options: Sequence[str]) -> None:
    """Start or continue a download; does nothing while it is running.

    Parameters
    ----------
    survey : Path
        The survey's folder, which need not exist.
    catalog : str
        Path of the table.
    options : sequence of str
        Further arguments of the command.

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
    process = read_state(survey)
    if process and process.state == "running":
        return
    building.forget(_beside(survey))
    words = [sys.executable, "-m", "trainer", "download", str(table.resolve()), str(survey.absolute()), *options]
    building.start(_beside(survey), words)


def read_state(survey: Path) -> BuildState | None:
    """The state of the process that was last started for a survey; None where the dashboard has started none."""
    return building.read_state(_beside(survey))


def catalog_of(survey: Path) -> str:
    """The table that the download was started with; empty if that is not known."""
    process = read_state(survey)
    return process.command[4] if process and len(process.command) > 4 else ""


def stop(survey: Path) -> None:
    """Interrupt the process; finished galaxies are kept."""
    building.stop(_beside(survey))


def forget(survey: Path) -> None:
    """Remove the state of a process that has ended."""
    building.forget(_beside(survey))


def _beside(survey: Path) -> Path:
    """The path of its state, outside the survey, since a download creates its survey."""
    return surveys_folder() / ".downloads" / f"{survey.name}-{digest_of([str(survey.absolute())])[:8]}"
