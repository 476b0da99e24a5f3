"""State of a survey's download: its report, its process, its origin, and the settings of a new one."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards import downloading
from dashboards.loading.surveys import stamp
from gz2interp.errors import InputError, SurveyError
from gz2interp.stores.files import is_gone, read_json, write_json
from gz2interp.stores.survey import Survey
from trainer.download.asking import ARCHIVES
from trainer.download.report import Failure, Report, failures_of, read_report, report_file

__all__ = [
    "OPTIONS_FROM",
    "DownloadSettings",
    "DownloadState",
    "catalog_of",
    "download_state_of",
    "failures_so_far",
    "interrupt",
    "is_downloading",
    "options_of",
    "report_bytes",
    "settings_of",
    "store_catalog",
]


_SILENT: Final = 30.0
"""Seconds after which a running download that has written nothing is held for dead; it writes every 2 s."""

_GRACE: Final = 6.0
"""Seconds of silence that a process which is not found here is given: it may run on another machine."""

_STATES: Final = ("running", "waiting", "finished", "interrupted", "stopped")
_PIXEL: Final = 0.396
_WORKERS, _RATE = 8, 8.0
"""What the command does where it is not told; the tests ask whether it does."""


@dataclass(frozen=True)
class DownloadState:
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


def download_state_of(survey: Survey) -> DownloadState | None:
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
    return DownloadState(report, _state(report, age), seconds, age)


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


def catalog_of(survey: Path) -> str:
    """The table's path as it was when a download from it last came as far as a report; empty if that is not known."""
    return _stored_catalog(survey) or downloading.catalog_of(survey)


def store_catalog(survey: Path) -> None:
    """Keep the table that the dashboard started the last download with, in the survey: it may move to another place."""
    catalog = downloading.catalog_of(survey)
    if not catalog or not (survey / "survey.json").is_file():
        return
    with suppress(OSError):  # a survey that cannot be written can be looked at all the same
        if _stored_catalog(survey) != catalog:
            write_json(_file(survey), {"catalog": catalog})


def _stored_catalog(survey: Path) -> str:
    try:
        record = read_json(_file(survey))
    except (SurveyError, OSError):
        return ""
    catalog = record.get("catalog") if isinstance(record, dict) else None
    return catalog if isinstance(catalog, str) else ""


def _file(survey: Path) -> Path:
    return survey / "download" / "started.json"


def is_downloading(survey: Path, pid: int) -> bool:
    """Whether a process is a download into a survey that we may stop.

    Numbers of processes are given again, and those of a report may be of another machine: so the command line must
    name this survey. Where no ``/proc`` shows it, the answer is no.
    """
    process = Path("/proc") / str(pid)
    try:
        ours = pid > 0 and process.stat().st_uid == os.getuid()
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        where = (process / "cwd").resolve(strict=True)
    except (OSError, AttributeError):
        return False
    if not ours or "trainer" not in " ".join(words) or "download" not in words:
        return False
    folder = survey.resolve()
    return any((where / word).resolve() == folder for word in words[words.index("download") + 1 :] if word)


def interrupt(survey: Path, pid: int) -> bool:
    """Do what Ctrl+C does to a download; whether there was one."""
    try:
        held = os.pidfd_open(pid)  # from here on the number cannot become another process
    except (OSError, AttributeError):
        return False
    try:
        if not is_downloading(survey, pid):
            return False
        signal.pidfd_send_signal(held, signal.SIGINT)
    except OSError:
        return False
    finally:
        os.close(held)
    return True


OPTIONS_FROM: Final = 6
"""Words of a started command in front of its options: Python, -m, trainer, download, the catalogue, the survey."""


@dataclass(frozen=True)
class DownloadSettings:
    """A new download.

    Attributes
    ----------
    catalog : str
        Path of the table.
    sources : tuple of str
        In the order in which they are asked.
    field : float or None
        Full width [arcsec]; None for what the command takes by itself.
    radii : float or None
        Full width in Petrosian radii instead.
    workers : int
        Galaxies at a time.
    rate : float
        Requests per second and host.
    """

    catalog: str = ""
    sources: tuple[str, ...] = ARCHIVES[:1]
    field: float | None = None
    radii: float | None = None
    workers: int = 8
    rate: float = 8.0

    def options(self) -> list[str]:
        """The command's words behind catalogue and survey.

        Raises
        ------
        InputError
            They contradict one another, or there is no source.
        """
        if not self.sources:
            raise InputError("No source was given", f"One or more of {', '.join(ARCHIVES)}")
        if self.field is not None and self.radii is not None:
            raise InputError(
                f"A field of {self.field:g} arcsec and one of {self.radii:g} Petrosian radii were given",
                "One of the two",
                "Empty the other",
            )
        words = [word for source in self.sources for word in ("--source", source)]
        words += ["--field", f"{self.field:g}"] if self.field is not None else []
        words += ["--radii", f"{self.radii:g}"] if self.radii is not None else []
        return [*words, "--workers", str(self.workers), "--rate", f"{self.rate:g}"]


def settings_of(command: Sequence[str]) -> DownloadSettings:
    """What was asked for with a command that the dashboard has started; the usual where that cannot be read."""
    if len(command) < OPTIONS_FROM:
        return DownloadSettings()
    options = command[OPTIONS_FROM:]
    pairs = list(zip(options[::2], options[1::2], strict=False))
    told = dict(pairs)
    try:
        return DownloadSettings(
            command[OPTIONS_FROM - 2],
            tuple(value for name, value in pairs if name == "--source" and value in ARCHIVES) or ARCHIVES[:1],
            float(told["--field"]) if "--field" in told else None,
            float(told["--radii"]) if "--radii" in told else None,
            int(told.get("--workers", DownloadSettings.workers)),
            float(told.get("--rate", DownloadSettings.rate)),
        )
    except ValueError:
        return DownloadSettings(command[OPTIONS_FROM - 2])
