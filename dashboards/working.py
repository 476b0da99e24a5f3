"""Tasks that the dashboard has started on a survey: commands in a process of their own, one at a time.

A task continues when the page is closed, and is shown when the survey is opened again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from dashboards import building
from dashboards.building import BuildState
from gz2interp.results import digest_of
from gz2interp.stores.locations import surveys_folder

__all__ = ["begin", "command_of", "forget", "read_state", "restart", "stop", "task_of"]

_OWN = ("analyse", "check", "clusters", "unusual", "compare", "channels", "features", "agreement")
"""Verbs of gz2interp; all others are of the trainer."""

_TALKATIVE = (*_OWN, "fit", "suspects", "uncertainty", "plant labels")
"""Verbs that report their progress."""

_PROGRAMS = dict.fromkeys(_OWN, "gz2interp.cli")


def begin(survey: Path, words: Sequence[str]) -> None:
    """Start a verb; does nothing while a task is running.

    Parameters
    ----------
    survey : Path
        The survey's folder.
    words : sequence of str
        The verb, then what follows the survey on the command line.
    """
    progress = ["--progress", "json"] if words[0] in _TALKATIVE else []
    _start(survey, [sys.executable, *command_of(survey.absolute(), words), *progress])


def command_of(survey: Path, words: Sequence[str]) -> list[str]:
    """The arguments of ``python``; `words` as in `begin`."""
    verb, *options = words
    return ["-m", _PROGRAMS.get(verb, "trainer"), *verb.split(), str(survey), *options]


def restart(survey: Path) -> None:
    """Start the last task again: a training continues where it stopped."""
    process = read_state(survey)
    if process is not None:
        _start(survey, process.command)


def read_state(survey: Path) -> BuildState | None:
    """The state of the last task; None where the dashboard has started none, or its state was removed."""
    return building.read_state(_place(survey))


def task_of(process: BuildState) -> str:
    """The verb of a task, ``"sweep"`` for a training of several recipes."""
    verb = takewhile(lambda word: not Path(word).is_absolute(), process.command[3:])
    return "sweep" if "--sweep" in process.command else " ".join(verb)


def stop(survey: Path) -> None:
    """Interrupt the task, as Ctrl+C does: finished epochs are kept."""
    building.stop(_place(survey))


def forget(survey: Path) -> None:
    """Remove the state of a task that has ended."""
    building.forget(_place(survey))


def _start(survey: Path, command: Sequence[str]) -> None:
    process = read_state(survey)
    if process and process.state == "running":
        return
    forget(survey)
    building.start(_place(survey), command)


def _place(survey: Path) -> Path:
    """The path of its state, outside the survey."""
    return surveys_folder() / ".work" / f"{survey.name}-{digest_of([str(survey.absolute())])[:8]}"
