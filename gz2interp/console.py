"""How a command line tells what happens: sentences, tables, and bars that move."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from gz2interp.errors import Gz2interpError, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Interrupted",
    "JsonLines",
    "ProgressBars",
    "WholeSentences",
    "command_line",
    "console",
    "progress_as",
    "run",
    "say",
    "table",
]

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and errors; results go to the standard output, so that they can be piped."""

_out = Console(highlight=False, soft_wrap=True)

_EVERY = 0.5
"""Seconds between two records of one stage: who watches reads no faster."""


class Interrupted(BaseException):
    """Ctrl-C. Typer would turn a KeyboardInterrupt into the single word "Aborted"."""


class WholeSentences(TyperGroup):
    """A group of verbs whose help prints the first sentence of each verb's help to its end."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line or more for each verb."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (each.help or "").split("\n\n")[0]) for name, each in commands if each and not each.hidden]
            )


def command_line(help_: str, add_completion: bool = False) -> typer.Typer:
    """An empty command line, or an empty group of verbs.

    Help is printed as it is written: as rich's markup, "[deg]" would be a style and would not be printed.
    """
    return typer.Typer(
        cls=WholeSentences,
        no_args_is_help=True,
        add_completion=add_completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=help_,
    )


def run(app: Callable[..., object], name: str) -> None:
    """Run a command line: a user's mistake and an interruption end in words and an exit code, without a traceback."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app(prog_name=name)
    except Gz2interpError as error:
        console.print(Text.assemble((type(error).__name__, "bold red"), f"  {error}"))
        sys.exit(2)
    except Interrupted:
        console.print("Interrupted. What is done is kept; the same command goes on from there.")
        sys.exit(130)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def say(words: RenderableType) -> None:
    """A result, on the standard output; text is printed as it is, without markup."""
    _out.print(words, markup=False)


def table(title: str, frame: pd.DataFrame, tell: Callable[[RenderableType], None] = say) -> None:
    """A small table, a result as sentences are."""
    import pandas as pd

    drawn = Table(title=title, title_justify="left")
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        whole = pd.api.types.is_integer_dtype(frame[column])  # a cut id names no galaxy
        drawn.add_column(str(column), justify="right" if numeric else "left", min_width=18 if whole else None)
    for values in frame.itertuples(index=False):
        drawn.add_row(*(_cell(value) for value in values))
    tell(drawn)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None or str(value) == "<NA>" else str(value)


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
        """Move the bar of a stage, which appears with its first call; the words are for those who see no bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def note(self, words: str) -> None:
        """A line that stays above the bars."""
        console.print(words, markup=False)

    def say(self, words: RenderableType) -> None:
        """What came of it, on the standard output."""
        say(words)


class JsonLines:
    """Progress for a program that watches, called as `ProgressBars` is: a JSON record a line on the standard output.

    Nothing else is written there.
    """

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
        """Write stage, done, total and message; seldom enough to be read, and always when a stage begins or ends."""
        now = time.monotonic()
        if done < total and now - self._last.get(stage, -_EVERY) < _EVERY:
            return
        self._last[stage] = now
        record = {"stage": stage, "done": done, "total": total, "message": words or self._note}
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()

    def note(self, words: str) -> None:
        """The message of the records that follow."""
        self._note = words

    def say(self, words: RenderableType) -> None:
        """What came of it, for people: beside the records."""
        console.print(words, markup=False)


def progress_as(form: str) -> ProgressBars | JsonLines:
    """Progress as ``"bars"`` for people, or as ``"json"`` for programs."""
    forms: dict[str, type[ProgressBars] | type[JsonLines]] = {"bars": ProgressBars, "json": JsonLines}
    if form not in forms:
        raise InputError(f"--progress {form} was given", "bars or json")
    return forms[form]()
