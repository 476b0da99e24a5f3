"""Report of a download, written during the run and at its end, and read by the dashboard."""

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
_MAX_REASONS: Final = 200
"""Limit of distinct reasons, to bound the memory if a service gives a new reason each time."""

ADVICE: Final = {
    "failed": "Request these again: --retry failed. If they fail again, try another source.",
    "missing": "The catalogue or the source lacks the data; a retry does not help. Try another source.",
    "out_of_footprint": "The survey has not imaged this part of the sky. Try another survey.",
}


@dataclass(frozen=True)
class Failure:
    """Galaxies without an image for one kind of reason.

    Attributes
    ----------
    status, reason : str
        Numbers in the reason that differ between galaxies are written as "…".
    examples : tuple of str
        Some galaxy ids.
    advice : str
        Advice to the user.
    """

    status: str
    reason: str
    count: int
    examples: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class ServiceState:
    """State and statistics of a service.

    Attributes
    ----------
    state : str
        ``"up"``, ``"down"`` or ``"holding"``.
    words : str
        The last failure, while it is down.
    troubles : mapping
        Number of failures by kind.
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
    """State of a download, or its result.

    Attributes
    ----------
    state : str
        ``"running"``, ``"waiting"`` (every service is down), ``"finished"``, ``"interrupted"`` or ``"stopped"`` (a
        service stayed down for too long).
    message : str
        Description for the user, with advice.
    started, updated : str
        UTC, ISO 8601.
    rate : float
        Requests per second and host; 0 for no limit.
    pixel_scale : float
        [arcsec]; 0 if it differs between galaxies.
    total, done : int
        Galaxies of the survey, and those with an outcome.
    asked_for, this_run : int
        Galaxies requested in this run, and those of them with an outcome.
    counts : mapping
        Number of galaxies by status.
    per_second : float
        Galaxies per second, over about the last minute.
    remaining : float or None
        [s].
    failures : tuple of Failure
        The most frequent first.
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
        """Write it to the survey's folder."""
        write_json(report_file(survey), asdict(self))


def report_file(survey: Path) -> Path:
    """Path of the report of a survey."""
    return survey / "download" / "report.json"


def read_report(survey: Path) -> Report | None:
    """The report of a survey's last download; None if there was none.

    Raises
    ------
    SurveyError
        The file is damaged.
    """
    if not report_file(survey).exists():
        return None
    return read_record(report_file(survey), lambda record: record_from_json(Report, record))


def failures_of(refused: Iterable[tuple[int, str, str]]) -> tuple[Failure, ...]:
    """Group galaxies without an image (galaxy_id, status, reason) by kind of reason."""
    examples: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for galaxy_id, status, reason in refused:
        kind = (status, _kind(reason))
        if kind not in counts and len(counts) >= _MAX_REASONS:
            kind = (status, "other reasons")
        counts[kind] = counts.get(kind, 0) + 1
        if len(ids := examples.setdefault(kind, [])) < _EXAMPLES:
            ids.append(str(galaxy_id))
    ordered: Sequence[tuple[str, str]] = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return tuple(
        Failure(status, reason, counts[status, reason], tuple(examples[status, reason]), ADVICE.get(status, ""))
        for status, reason in ordered
    )


def _kind(reason: str) -> str:
    """The reason without numbers that differ between galaxies: decimals, and integers of four digits or more."""
    return re.sub(r"[-+]?\d+\.\d+|\d{4,}", "…", reason)
