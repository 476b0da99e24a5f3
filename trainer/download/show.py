"""A download on the terminal: a bar that moves, or a line a minute where nobody looks."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final

import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gz2interp.console import console, say
from gz2interp.result_tables import ResultTable, TableOutput
from trainer.download.report import Report

__all__ = ["Show", "duration", "summary"]

_BETWEEN_LINES: Final = 60.0
_MOST_KINDS: Final = 20


class Show:
    """Shows a report again and again; a context manager."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[words]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("download", total=None, words="")
        self._last = 0.0

    def __enter__(self) -> Show:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, report: Report) -> None:
        """Show how it stands."""
        words = _words(report)
        self._bars.update(self._task, completed=report.this_run, total=report.asked_for, words=words)
        if not console.is_terminal and time.monotonic() - self._last > _BETWEEN_LINES:
            self._last = time.monotonic()
            console.print(f"{report.this_run} of {report.asked_for}: {words}", markup=False)


def _words(report: Report) -> str:
    """Rate, remaining time, counts, and what is wrong with the services."""
    rate = f"{report.per_second:.1f}/s" if report.per_second >= 1 else f"{report.per_second * 60:.1f}/min"
    left = "" if report.remaining is None else f", {duration(report.remaining)} left"
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    down = "".join(f"; {s.name} is {s.state} {s.words}".rstrip() for s in report.services if s.state != "up")
    return f"{rate}{left}; {counts}{down}"


def duration(seconds: float) -> str:
    """As people say it: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def summary(report: Report, output: TableOutput) -> None:
    """The end: how many of each, why, and what to do."""
    say(f"{report.message}: {report.done} of {report.total}, {report.this_run} in this run.")
    for status, count in report.counts.items():
        say(f"  {count:>8} {status}")
    if report.failures:
        shown = report.failures[:_MOST_KINDS]
        columns = {
            "status": [failure.status for failure in shown],
            "galaxies": [failure.count for failure in shown],
            "reason": [failure.reason for failure in shown],
            "for example": [failure.examples[0] for failure in shown],
        }
        advice = list(dict.fromkeys(failure.advice for failure in shown))
        output.show(ResultTable("Without an image", pd.DataFrame(columns), notes=advice))
