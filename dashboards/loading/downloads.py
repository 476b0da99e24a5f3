"""How a survey's download stands: its report, whether somebody still writes it, and what to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards.loading.surveys import stamp
from gz2interp.errors import SurveyError
from gz2interp.stores.files import is_gone, read_json
from gz2interp.stores.survey import Survey
from trainer.download.report import Failure, Report, failures_of, read_report, report_file

__all__ = ["Standing", "failures_so_far", "options_of", "report_bytes", "standing_of"]

_SILENT: Final = 30.0
"""Seconds after which a running download that has written nothing is held for dead; it writes every 2 s."""

_GRACE: Final = 6.0
"""Seconds of silence that a process which is not found here is given: it may run on another machine."""

_STATES: Final = ("running", "waiting", "finished", "interrupted", "stopped")
_PIXEL: Final = 0.396
_WORKERS, _RATE = 8, 8.0
"""What the command does where it is not told; the tests ask whether it does."""


@dataclass(frozen=True)
class Standing:
    """A report, and what its age says.

    Attributes
    ----------
    report : Report
    state : str
        As the report has it; ``"killed"`` where its process is gone, ``"silent"`` where that has long said nothing.
    seconds : float
        From the start to the last word.
    age : float
        Since the last word [s].
    """

    report: Report
    state: str
    seconds: float
    age: float

    @property
    def live(self) -> bool:
        """Whether something may still change by itself."""
        return self.state in ("running", "waiting", "silent")

    @property
    def down(self) -> tuple[str, ...]:
        """The services that were down at the last word."""
        return tuple(dict.fromkeys(each.name for each in self.report.services if each.state == "down"))


def standing_of(survey: Survey) -> Standing | None:
    """How the download of a survey stands; None where there was none.

    Raises
    ------
    SurveyError
        The report is damaged.
    """
    report = read_report(survey.path)
    if report is None:
        return None
    try:
        age = (datetime.now(UTC) - datetime.fromisoformat(report.updated)).total_seconds()
        seconds = (datetime.fromisoformat(report.updated) - datetime.fromisoformat(report.started)).total_seconds()
        sound = report.state in _STATES and isinstance(report.counts, dict) and report.done >= 0 and report.total >= 0
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise SurveyError(f"{report_file(survey.path)} is not a report (a value has no sense)", remedy="Remove it")
    return Standing(report, _state(report, age), seconds, age)


def failures_so_far(survey: Survey) -> tuple[Failure, ...]:
    """Kinds of failures among the galaxies that have entered the survey: a running download reports none."""
    return _failures(str(survey.path), stamp(survey.path / "survey.json"))


def options_of(survey: Survey, report: Report | None) -> list[str]:
    """What the command of this download had beside catalogue and survey, as far as it is not the default."""
    file = survey.path / "download" / "settings.json"
    try:
        plan: dict[str, Any] = read_json(file)
        size, arcsec, radii = int(float(plan["size"])), float(plan["arcsec"]), float(plan["radii"] or 0)
        bands = [str(band) for band in plan["bands"]]
    except (SurveyError, KeyError, TypeError, ValueError, OverflowError):
        return []
    sources = [] if report is None or report.sources == ("skyview",) else report.sources
    words = [word for source in sources for word in ("--source", source)]
    if radii:
        words += ["--radii", f"{radii:g}"]
    if abs(arcsec - _PIXEL * size) > 1e-6:
        words += ["--field", f"{arcsec!r}".removesuffix(".0")]
    if size != 64:
        words += ["--size", str(size)]
    if bands != list("ugriz"):
        words += ["--bands", "".join(bands) if all(len(band) == 1 for band in bands) else ",".join(bands)]
    if report is not None and report.workers != _WORKERS:
        words += ["--workers", str(report.workers)]
    if report is not None and report.rate != _RATE:
        words += ["--rate", f"{report.rate:g}"]
    return words


def report_bytes(survey: Survey) -> bytes:
    """The report's file as it is now."""
    return report_file(survey.path).read_bytes()


def _state(report: Report, age: float) -> str:
    if report.state not in ("running", "waiting"):
        return report.state
    if age > _GRACE and is_gone(report.pid):
        return "killed"
    return "silent" if age > _SILENT else report.state


@st.cache_data(show_spinner=False, max_entries=4)
def _failures(path: str, stamp: int) -> tuple[Failure, ...]:
    survey = Survey.open(Path(path))
    refused = survey.journal.without_image(survey.rows_committed)
    return failures_of((galaxy_id, status, reason) for _, galaxy_id, status, reason, _ in refused)
