"""What is known of a download: written while it runs and when it has ended, read by the dashboard and by programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from gz2interp.records import record_from_json
from gz2interp.stores.files import read_record, write_json

__all__ = ["ADVICE", "Failure", "Report", "ServiceState", "failures_of", "read_report", "report_file"]

_EXAMPLES: Final = 5
_MOST_REASONS: Final = 200
"""Kinds of reasons told apart; services that say something new each time would fill the memory."""

ADVICE: Final = {
    "failed": "Ask again for these: --retry failed. If they fail again, try another source.",
    "missing": "The catalogue or the source lacks what is needed; asking again does not help. Try another source.",
    "out_of_footprint": "That sky was never imaged. Nothing can be done, except with another survey.",
}


@dataclass(frozen=True)
class Failure:
    """Galaxies without an image for one kind of reason.

    Attributes
    ----------
    status, reason : str
        Numbers in the reason that differ between galaxies are written as "…".
    count : int
    examples : tuple of str
        Some galaxy ids.
    advice : str
        What to do.
    """

    status: str
    reason: str
    count: int
    examples: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class ServiceState:
    """How a service behaved.

    Attributes
    ----------
    name, host : str
    state : str
        ``"up"``, ``"down"`` or ``"holding"``.
    words : str
        What it failed with last, while it is down.
    requests, bytes : int
    troubles : mapping
        Kind of trouble to how often it was met.
    """

    name: str
    host: str
    state: str
    words: str
    requests: int
    bytes: int
    troubles: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """A download, as it stands or ended.

    Attributes
    ----------
    state : str
        ``"running"``, ``"waiting"`` (every service is down), ``"finished"``, ``"interrupted"`` or ``"stopped"`` (a
        service stayed down for too long).
    message : str
        In words, with what to do next.
    started, updated : str
        UTC, ISO 8601.
    sources : tuple of str
    workers : int
    rate : float
        Requests per second and host; 0 for no limit.
    pixel_scale : float
        [arcsec]; NaN-free: 0 where it differs between galaxies.
    total, done : int
        Galaxies of the survey, and those of them that have an outcome.
    asked_for, this_run : int
        Galaxies that this run asks for, and those of them that have an outcome.
    counts : mapping
        Status to how many galaxies have it.
    per_second : float
        Galaxies, over the last minute or so.
    remaining : float or None
        [s].
    services : tuple of ServiceState
    failures : tuple of Failure
        The most frequent first.
    pid : int
    """

    state: str
    message: str
    started: str
    updated: str
    sources: tuple[str, ...]
    workers: int
    rate: float
    pixel_scale: float
    total: int
    done: int
    asked_for: int
    this_run: int
    counts: Mapping[str, int]
    per_second: float
    remaining: float | None
    services: tuple[ServiceState, ...] = ()
    failures: tuple[Failure, ...] = field(default=())
    pid: int = 0

    def write(self, survey: Path) -> None:
        """Put it in the survey's folder."""
        write_json(report_file(survey), asdict(self))


def report_file(survey: Path) -> Path:
    """Where a survey's report lies."""
    return survey / "download" / "report.json"


def read_report(survey: Path) -> Report | None:
    """The report of a survey's last download; None where there was none.

    Raises
    ------
    SurveyError
        The file is damaged.
    """
    if not report_file(survey).exists():
        return None
    return read_record(report_file(survey), lambda record: record_from_json(Report, record))


def failures_of(refused: Iterable[tuple[int, str, str]]) -> tuple[Failure, ...]:
    """Galaxies without an image by kind of reason.

    Parameters
    ----------
    refused : iterable of (galaxy_id, status, reason)
    """
    found: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for galaxy_id, status, reason in refused:
        kind = (status, _kind(reason))
        if kind not in counts and len(counts) >= _MOST_REASONS:
            kind = (status, "other reasons")
        counts[kind] = counts.get(kind, 0) + 1
        examples = found.setdefault(kind, [])
        if len(examples) < _EXAMPLES:
            examples.append(str(galaxy_id))
    ordered: Sequence[tuple[str, str]] = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return tuple(
        Failure(status, reason, counts[status, reason], tuple(found[status, reason]), ADVICE.get(status, ""))
        for status, reason in ordered
    )


def _kind(reason: str) -> str:
    """The reason without the numbers that belong to one galaxy: decimals, and whole ones of four digits and more."""
    return re.sub(r"[-+]?\d+\.\d+|\d{4,}", "…", reason)
