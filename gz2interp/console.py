"""Output of the command line: lines, progress bars and errors."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text
from typer.core import TyperGroup

from gz2interp.errors import Gz2interpError, InputError, storage_error

__all__ = [
    "Interrupted",
    "JsonLines",
    "ProgressBars",
    "Verbs",
    "command_line",
    "console",
    "console_width",
    "progress_as",
    "run",
    "say",
    "sentence",
    "write_lines",
]

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""For progress and errors; results go to the standard output, so that they can be piped."""

_out = Console(highlight=False, soft_wrap=True)

_reserved: ContextVar[bool] = ContextVar("reserved", default=False)

_EVERY = 0.5
"""Least time between two records of one stage [s]."""


class Interrupted(BaseException):
    """Ctrl-C. Typer would turn a KeyboardInterrupt into the single word "Aborted"."""


class Verbs(TyperGroup):
    """A group of verbs whose help prints the whole first paragraph of each verb; click cuts it."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb; the standard output is reserved until its end at most."""
        token = _reserved.set(False)
        try:
            return super().invoke(ctx)
        finally:
            _reserved.reset(token)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line or more for each verb."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (verb.help or "").split("\n\n")[0]) for name, verb in commands if verb and not verb.hidden]
            )


def command_line(help_: str, add_completion: bool = False) -> typer.Typer:
    """An empty command line, or an empty group of verbs.

    Help is printed as it is written: as rich's markup, "[deg]" would be a style and would not be printed.
    """
    return typer.Typer(
        cls=Verbs,
        no_args_is_help=True,
        add_completion=add_completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=help_,
    )


def run(app: Callable[..., object], name: str) -> None:
    """Run a command line: errors for the user and interruptions end with a message and an exit code, no traceback."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        _whole_output(app, name)
    except Gz2interpError as error:
        _end(error)
    except Interrupted:
        console.print("Interrupted. Finished work is kept; the same command continues from there.")
        sys.exit(130)
    except Exception as error:
        storage = storage_error(error)  # from code that does not use `gz2interp.stores.files.storage_errors`
        if storage is None:
            raise
        _end(storage)


def _whole_output(app: Callable[..., object], name: str) -> None:
    """Run the command line and flush the standard output, which may be a file on a full disk."""
    try:
        app(prog_name=name)
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - Python would try again at its end
            raise


def _end(error: Gz2interpError) -> None:
    console.print(Text.assemble((type(error).__name__, "bold red"), f"  {error}"))
    sys.exit(2)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def say(words: RenderableType) -> None:
    """Print a result on the standard output, or on the standard error while that is reserved; without markup."""
    (console if _reserved.get() else _out).print(words, markup=False)


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop, as a line of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", ":")) else ".")


def console_width() -> int:
    """Characters in a line of the terminal."""
    return _out.width


def write_lines(lines: Iterable[str]) -> None:
    """Print lines as `say` does, but unchanged: rich would turn a tab into spaces."""
    stream = sys.stderr if _reserved.get() else sys.stdout
    stream.writelines(f"{line}\n" for line in lines)


def reserve_stdout() -> None:
    """Reserve the standard output for a program until the verb ends: `say` prints on the standard error."""
    _reserved.set(True)


class ProgressBars:
    """Progress bars, one for each stage, called with (stage, done, total)."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressBars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: int, total: int, words: str = "") -> None:
        """Advance the bar of a stage; `words` are for `JsonLines`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def note(self, words: str) -> None:
        """Print a line above the bars."""
        console.print(words, markup=False)

    def say(self, words: RenderableType) -> None:
        """Print a result on the standard output."""
        say(words)


class JsonLines:
    """Progress for another program, called as `ProgressBars`: one JSON record a line, alone on the standard output."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._note = ""

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, stage: str, done: int, total: int, words: str = "") -> None:
        """Write stage, done, total and message: at most every half second, and always when a stage begins or ends."""
        now = time.monotonic()
        if done < total and now - self._last.get(stage, -_EVERY) < _EVERY:
            return
        self._last[stage] = now
        record = {"stage": stage, "done": done, "total": total, "message": words or self._note}
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()

    def note(self, words: str) -> None:
        """Set the message of the records that follow."""
        self._note = words

    def say(self, words: RenderableType) -> None:
        """Print a result on the standard error."""
        console.print(words, markup=False)


def progress_as(form: str) -> ProgressBars | JsonLines:
    """Progress as ``"bars"`` for people, or as ``"json"`` for programs."""
    forms: dict[str, type[ProgressBars] | type[JsonLines]] = {"bars": ProgressBars, "json": JsonLines}
    if form not in forms:
        raise InputError(f"--progress {form} was given", "bars or json")
    if form == "json":
        reserve_stdout()
    return forms[form]()
