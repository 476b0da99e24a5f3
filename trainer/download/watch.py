"""Progress of a download: rate, remaining time and state of the services, in a report and on the terminal."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gz2interp.console import console, say
from gz2interp.result_tables import ResultTable, TableOutput
from gz2interp.stores.survey import Survey
from trainer.download.report import Failure, Report, ServiceState, failures_of
from trainer.download.staging import Outcome, Staging
from trainer.sources import Source

__all__ = ["DownloadForecast", "DownloadMonitor", "TerminalProgress", "duration", "summary"]


_AVERAGING_TIME: Final = 60.0
"""Time over which the rate is averaged [s]."""

_BETWEEN_TICKS: Final = 0.25
_BETWEEN_FILES: Final = 2.0
_WORDS: Final = {
    "running": "Downloading",
    "waiting": "Waiting for services that are down; they are tested now and then",
    "finished": "Every galaxy has been requested",
    "interrupted": "Interrupted. Finished galaxies are kept; the same command continues from here",
    "stopped": "Stopped: a service stayed down. Finished galaxies are kept; the same command continues from here",
}


@dataclass(frozen=True)
class DownloadForecast:
    """Expected size of a run.

    Attributes
    ----------
    total : int
        Galaxies that will have an outcome at the end.
    requested : int
        Galaxies requested in this run.
    counts : mapping
        Number of galaxies by status at the start.
    """

    total: int
    requested: int
    counts: Mapping[str, int]


class DownloadMonitor:
    """Counts outcomes and writes the report."""

    def __init__(
        self,
        survey: Survey,
        staging: Staging,
        sources: Sequence[Source],
        workers: int,
        expected: DownloadForecast,
        progress: Callable[[Report], None] | None = None,
    ) -> None:
        self._survey, self._staging, self._sources = survey, staging, sources
        self._workers, self._expected, self._progress = workers, expected, progress
        self._counts = Counter(expected.counts)
        self._this_run = 0
        self._started, self._written = datetime.now(UTC), -_AVERAGING_TIME
        self._ticked = -_AVERAGING_TIME
        self._recent = deque[tuple[float, int]]([(time.monotonic(), 0)])
        self.tick()

    def add(self, outcome: Outcome, previous: str | None) -> None:
        """Count an outcome, which replaces the previous status of the galaxy."""
        if previous is not None:
            self._counts[previous] -= 1
        self._counts[outcome.status] += 1
        self._this_run += 1

    def remove(self, status: str | None, restored: str | None) -> None:
        """Undo a count of a galaxy that is requested again; its earlier status is restored."""
        self._counts[status or ""] -= 1
        if restored is not None:
            self._counts[restored] += 1
        self._this_run -= 1

    def tick(self) -> None:
        """Report progress, and write the report every few seconds."""
        now = time.monotonic()
        if now - self._ticked < _BETWEEN_TICKS:
            return
        self._ticked = now
        self._recent.append((now, self._this_run))
        while now - self._recent[0][0] > _AVERAGING_TIME:
            self._recent.popleft()
        services = self._services()
        down = [service.name for service in services if service.state == "down"]
        report = self._report("waiting" if services and len(down) == len(services) else "running", ", ".join(down))
        if self._progress:
            self._progress(report)
        if now - self._written >= _BETWEEN_FILES:
            self._written = now
            report.write(self._survey.path)

    def end(self, outcome: str) -> Report:
        """Write the final report, with all failures; `outcome` is a state, with a reason after a colon."""
        state, _, words = outcome.partition(": ")
        report = self._report(state, words, failures_of(self._refused()))
        report.write(self._survey.path)
        return report

    def _report(self, state: str, words: str = "", failures: tuple[Failure, ...] = ()) -> Report:
        (before, count), now = self._recent[0], time.monotonic()
        rate = (self._this_run - count) / (now - before) if now > before else 0.0
        done = sum(self._counts.values())
        services = tuple(
            ServiceState(
                service.name,
                service.guard.host,
                service.state,
                service.breaker.words,
                service.requests,
                service.bytes,
                dict(service.troubles),
            )
            for service in self._services()
        )
        down = "down: " if state in ("running", "waiting") else ""
        message = _WORDS[state] + (f" ({down}{words})" if words else "")
        return Report(
            state=state,
            message=message,
            started=self._started.isoformat(timespec="seconds"),
            updated=datetime.now(UTC).isoformat(timespec="seconds"),
            sources=tuple(source.name for source in self._sources),
            workers=self._workers,
            rate=next((service.limits.rate for service in self._services()), 0.0),
            pixel_scale=_pixel_scale(self._sources),
            total=self._expected.total,
            done=done,
            asked_for=self._expected.requested,
            this_run=self._this_run,
            counts={status: count for status, count in sorted(self._counts.items()) if count},
            per_second=rate,
            remaining=(self._expected.requested - self._this_run) / rate if rate > 0 else None,
            services=services,
            failures=failures,
            pid=os.getpid(),
        )

    def _refused(self) -> Iterator[tuple[int, str, str]]:
        """Galaxies without an image, in the survey and in staging."""
        survey = self._survey.refreshed()
        committed = survey.rows_committed
        ids = survey.galaxy_ids
        in_survey = (
            (galaxy_id, status, reason) for _, galaxy_id, status, reason, _ in survey.journal.without_image(committed)
        )
        waiting = self._staging.without_image()
        staged = ((int(ids[row]), status, why) for row, status, why in waiting if committed <= row < len(ids))
        return itertools.chain(in_survey, staged)

    def _services(self) -> list[Any]:
        return [service for source in self._sources for service in getattr(source, "services", ())]


def _pixel_scale(sources: Sequence[Source]) -> float:
    setting = getattr(sources[0], "setting", None)
    return 0.0 if setting is None or setting.field.radii else setting.field.arcsec / setting.shape[1]


_BETWEEN_LINES: Final = 60.0
_MAX_KINDS: Final = 20


class TerminalProgress:
    """Context manager that shows reports as a progress bar on the terminal."""

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

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, report: Report) -> None:
        """Show a report."""
        words = _words(report)
        self._bars.update(self._task, completed=report.this_run, total=report.asked_for, words=words)
        if not console.is_terminal and time.monotonic() - self._last > _BETWEEN_LINES:
            self._last = time.monotonic()
            console.print(f"{report.this_run} of {report.asked_for}: {words}", markup=False)


def _words(report: Report) -> str:
    """Rate, remaining time, counts, and services that are not up."""
    rate = f"{report.per_second:.1f}/s" if report.per_second >= 1 else f"{report.per_second * 60:.1f}/min"
    left = "" if report.remaining is None else f", {duration(report.remaining)} left"
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    down = "".join(f"; {s.name} is {s.state} {s.words}".rstrip() for s in report.services if s.state != "up")
    return f"{rate}{left}; {counts}{down}"


def duration(seconds: float) -> str:
    """Format a duration: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
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
    """Print the final counts, and the reasons of failures with advice."""
    say(f"{report.message}: {report.done} of {report.total}, {report.this_run} in this run.")
    for status, count in report.counts.items():
        say(f"  {count:>8} {status}")
    if report.failures:
        failures = report.failures[:_MAX_KINDS]
        columns = {
            "status": [failure.status for failure in failures],
            "galaxies": [failure.count for failure in failures],
            "reason": [failure.reason for failure in failures],
            "for example": [failure.examples[0] for failure in failures],
        }
        advice = list(dict.fromkeys(failure.advice for failure in failures))
        output.show(ResultTable("Without an image", pd.DataFrame(columns), notes=advice))
