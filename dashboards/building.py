"""Background processes of the dashboard, such as the demo, which outlive a page and the dashboard itself.

The dashboard starts a keeper (this file, run as a program). The keeper starts the command, by default ``python -m
trainer demo``, records its output and holds a lock while it runs, so that a later `read_state` knows whether it is
still running, although process ids are reused. Beside the survey lie ``.NAME.building.json`` (the command, its start
and its state), ``.log`` (the progress, one JSON record per line), ``.err`` and ``.lock``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from filelock import FileLock, Timeout

from gz2interp.errors import SurveyError
from gz2interp.stores.files import read_record
from gz2interp.stores.reading import MOST_TEXT, errors_as, reading

__all__ = ["BuildState", "StageProgress", "forget", "read_state", "start", "stop"]

STAGES: Final = ("paint", "fit", "analyse")
LAST_WORDS: Final = 12
PATIENCE: Final = 20.0
"""Seconds that a keeper may take to start."""


@dataclass(frozen=True)
class StageProgress:
    """The progress of a stage: ``"paint"``, ``"fit"`` or ``"analyse"``."""

    stage: str
    done: int
    total: int
    message: str = ""

    @property
    def share(self) -> float:
        """The finished part of the stage, 0..1."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0


@dataclass(frozen=True)
class BuildState:
    """The state of a background process.

    Attributes
    ----------
    state : str
        ``"running"``, ``"finished"``, ``"failed"`` or ``"stopped"``.
    stages : dict
        The last progress of each stage that has begun.
    seconds : float
        Since it was started.
    words : str
        The last lines of the error output of a failed process.
    started : float
        Time of the start [s since 1970].
    command : tuple of str
        The command line.
    """

    state: str
    stages: dict[str, StageProgress]
    seconds: float
    words: str = ""
    started: float = 0.0
    command: tuple[str, ...] = ()


def start(survey: Path, command: Sequence[str] | None = None) -> None:
    """Start to build a survey; does nothing while that is running.

    Parameters
    ----------
    survey : Path
        The survey's folder.
    command : sequence of str, optional
        A command that prints its progress as JSON lines; by default the demo of the trainer.
    """
    survey.parent.mkdir(parents=True, exist_ok=True)
    build = read_state(survey)
    if build and build.state == "running":
        return
    command = command or [sys.executable, "-m", "trainer", "demo", str(survey), "--progress", "json"]
    _write(survey, {"command": list(command), "started": time.time(), "state": "running", "keeper": 0})
    keeper = [sys.executable, str(Path(__file__).resolve()), str(survey)]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A session of its own: the process continues when the terminal or the dashboard is closed.
    process = subprocess.Popen(keeper, cwd=Path(__file__).resolve().parent.parent, start_new_session=True, **quiet)
    _children[str(survey)] = process
    _await(lambda: _read(survey).get("keeper", 0) != 0 or process.poll() is not None)


def read_state(survey: Path) -> BuildState | None:
    """The state of the process of a survey; None where none was started, or its state was removed."""
    record = _read(survey)
    if not record:
        return None
    state = str(record["state"])
    if state == "running" and _has_begun(record) and not _is_held(survey):
        state = str(_read(survey).get("state", "failed"))
        state = "failed" if state == "running" else state
    words = "\n".join(_lines(_beside(survey, "err"))[-LAST_WORDS:]) if state == "failed" else ""
    ended = record.get("ended") or time.time()
    started = float(record["started"])
    return BuildState(state, _stages(survey), float(ended) - started, words, started, tuple(record["command"]))


def stop(survey: Path) -> None:
    """Interrupt the process; `start` continues from there if the command can."""
    # The builder may be running before the keeper has written its own process id.
    _await(lambda: _read(survey).get("keeper", 0) != 0 or not _is_held(survey))
    keeper = int(_read(survey).get("keeper", 0))
    if keeper and _is_held(survey):
        os.kill(keeper, signal.SIGTERM)
        _await(lambda: not _is_held(survey))


def forget(survey: Path) -> None:
    """Remove the state of a process that has ended."""
    for suffix in ("json", "log", "err", "lock"):
        _beside(survey, suffix).unlink(missing_ok=True)
    child = _children.pop(str(survey), None)
    if child is not None:
        child.wait()


def keep(survey: Path) -> int:
    """Run the builder and record how it ends; the main function of the keeper."""
    # A process that a shell script has started in the background ignores SIGINT, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with FileLock(_beside(survey, "lock")):
        record = _read(survey) | {"keeper": os.getpid()}
        with _beside(survey, "log").open("w") as log, _beside(survey, "err").open("w") as errors:
            builder = _begin(record["command"], log, errors)
            stopped = _pass_on(signal.SIGTERM, builder)
            _write(survey, record)
            code = builder.wait() if builder else 1
        state = "stopped" if stopped else "finished" if code == 0 else "failed"
        _write(survey, record | {"state": state, "ended": time.time()})
    return code


_children: dict[str, subprocess.Popen[bytes]] = {}
"""Keepers that this process has started, whose exit status must be collected."""


def _begin(command: Sequence[str], log: IO[str], errors: IO[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)
    except OSError as reason:
        errors.write(f"{command[0]} could not be started: {reason}\n")
        return None


def _pass_on(number: int, builder: subprocess.Popen[bytes] | None) -> list[int]:
    """Forward a signal to the builder as SIGINT; received signals are appended to the returned list."""
    received: list[int] = []

    def hand_over(signum: int, frame: object) -> None:
        received.append(signum)
        if builder:
            builder.send_signal(signal.SIGINT)  # as Ctrl+C does, so that it can clean up

    signal.signal(number, hand_over)
    return received


def _has_begun(record: dict[str, Any]) -> bool:
    """Whether the keeper must have taken its lock by now."""
    return bool(record["keeper"]) or time.time() - float(record["started"]) > PATIENCE


def _stages(survey: Path) -> dict[str, StageProgress]:
    stages = {}
    for line in _lines(_beside(survey, "log")):
        # Other lines are messages of libraries, or a line that is just being written.
        with suppress(SurveyError), errors_as(SurveyError, "The log"):
            record = json.loads(line)
            numbers = int(record["done"]), int(record["total"])
            stages[str(record["stage"])] = StageProgress(str(record["stage"]), *numbers, str(record.get("message", "")))
    return stages


def _is_held(survey: Path) -> bool:
    try:
        with FileLock(_beside(survey, "lock"), timeout=0):
            return False
    except Timeout:
        return True


def _beside(survey: Path, suffix: str) -> Path:
    return survey.with_name(f".{survey.name}.building.{suffix}")


def _read(survey: Path) -> dict[str, Any]:
    with suppress(SurveyError):
        return read_record(_beside(survey, "json"), _checked)
    return {}


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    """A record as `start` and `keep` write it."""
    changed = {"state": str(value["state"]), "started": float(value["started"]), "keeper": int(value["keeper"])}
    return {
        **value,
        **changed,
        "ended": float(value.get("ended", 0)),
        "command": [str(word) for word in value["command"]],
    }


def _write(survey: Path, record: dict[str, Any]) -> None:
    aside = _beside(survey, "json.new")
    aside.write_text(json.dumps(record))
    aside.replace(_beside(survey, "json"))


def _lines(path: Path) -> list[str]:
    with suppress(SurveyError), reading(path, SurveyError, most=MOST_TEXT):
        return [line for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return []


def _await(done: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1])))
