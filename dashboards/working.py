"""Work on a survey that the dashboard has started: a verb of a command line in a process of its own, one at a time.

It goes on when the page is closed, and whoever opens the survey later finds it.
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

__all__ = ["begin", "command_of", "forget", "look", "restart", "stop", "task_of"]

_OWN = ("analyse", "check", "clusters", "unusual", "compare", "channels", "features", "agreement")
"""Verbs that are not the trainer's."""

_TALKATIVE = (*_OWN, "fit", "suspects", "uncertainty", "plant labels")
"""Verbs that tell how far they are."""

_PROGRAMS = dict.fromkeys(_OWN, "gz2interp.cli")


def begin(survey: Path, words: Sequence[str]) -> None:
    """Start a verb; nothing happens where something is running.

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
    """What follows ``python`` on the command line; `words` as in `begin`."""
    verb, *options = words
    return ["-m", _PROGRAMS.get(verb, "trainer"), *verb.split(), str(survey), *options]


def restart(survey: Path) -> None:
    """Start what was started last once more: a training goes on where it stopped."""
    process = look(survey)
    if process is not None:
        _start(survey, process.command)


def look(survey: Path) -> BuildState | None:
    """How the last work stands; None where the dashboard has started none, or it has been forgotten."""
    return building.look(_place(survey))


def task_of(process: BuildState) -> str:
    """Its verb, and ``"sweep"`` for a training of several recipes."""
    verb = takewhile(lambda word: not Path(word).is_absolute(), process.command[3:])
    return "sweep" if "--sweep" in process.command else " ".join(verb)


def stop(survey: Path) -> None:
    """Do what Ctrl+C does: whole epochs are kept."""
    building.stop(_place(survey))


def forget(survey: Path) -> None:
    """Take away what is known of a process that is over."""
    building.forget(_place(survey))


def _start(survey: Path, command: Sequence[str]) -> None:
    process = look(survey)
    if process and process.state == "running":
        return
    forget(survey)
    building.start(_place(survey), command)


def _place(survey: Path) -> Path:
    """Where its state is written: beside the surveys, which hold nothing but what they are."""
    return surveys_folder() / ".work" / f"{survey.name}-{digest_of([str(survey.absolute())])[:8]}"
