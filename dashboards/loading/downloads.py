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

from dashboards import downloading
from dashboards.loading.caching import cached, stamp
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
"""Seconds after which a running download that has written nothing counts as silent; it writes every 2 s."""

_GRACE: Final = 6.0
"""Seconds after which a download whose process is not found here counts as killed: it may run on another machine."""

_STATES: Final = ("running", "waiting", "finished", "interrupted", "stopped")
_PIXEL: Final = 0.396
_WORKERS, _RATE = 8, 8.0
"""Defaults of the command; a test compares them."""


@dataclass(frozen=True)
class DownloadState:
    """A report, and the state that follows from its age.

    Attributes
    ----------
    state : str
        That of the report; ``"killed"`` where its process is gone, ``"silent"`` where it has written nothing for long.
    seconds : float
        From the start to the last update.
    age : float
        Since the last update [s].
    """

    report: Report
    state: str
    seconds: float
    age: float

    @property
    def live(self) -> bool:
        """Whether the report may still change."""
        return self.state in ("running", "waiting", "silent")

    @property
    def down(self) -> tuple[str, ...]:
        """The services that were down at the last update."""
        return tuple(dict.fromkeys(service.name for service in self.report.services if service.state == "down"))


def download_state_of(survey: Survey) -> DownloadState | None:
    """The state of a survey's download; None where there was none.

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
        raise SurveyError(f"{report_file(survey.path)} is not a report (a value is invalid)", remedy="Remove it")
    return DownloadState(report, _state(report, age), seconds, age)


@cached(lambda survey: (str(survey.path), stamp(survey.path / "survey.json")), 4)
def failures_so_far(survey: Survey) -> tuple[Failure, ...]:
    """Kinds of failures among the galaxies that have entered the survey: a running download reports none."""
    survey = Survey.open(survey.path)  # as it is now
    rows = survey.journal.without_image(survey.rows_committed)
    return failures_of((galaxy_id, status, reason) for _, galaxy_id, status, reason, _ in rows)


def options_of(survey: Survey, report: Report | None) -> list[str]:
    """The options of the command of this download that differ from the defaults."""
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


def catalog_of(survey: Path) -> str:
    """The path of the table from which the last download with a report was started; empty if that is not known."""
    return _stored_catalog(survey) or downloading.catalog_of(survey)


def store_catalog(survey: Path) -> None:
    """Store in the survey which table the dashboard started the last download with, since a survey may be moved."""
    catalog = downloading.catalog_of(survey)
    if not catalog or not (survey / "survey.json").is_file():
        return
    with suppress(OSError):  # a read-only survey can still be shown
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

    Process ids are reused, and those of a report may be of another machine: so the command line must name this survey.
    False where there is no ``/proc``.
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
    """Interrupt a download, as Ctrl+C does; returns whether there was one."""
    try:
        descriptor = os.pidfd_open(pid)  # from here on the id cannot become that of another process
    except (OSError, AttributeError):
        return False
    try:
        if not is_downloading(survey, pid):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGINT)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


OPTIONS_FROM: Final = 6
"""Arguments of a started command before its options: Python, -m, trainer, download, the catalogue, the survey."""


@dataclass(frozen=True)
class DownloadSettings:
    """Settings of a new download.

    Attributes
    ----------
    catalog : str
        Path of the table.
    sources : tuple of str
        In the order in which they are queried.
    field : float or None
        Full width [arcsec]; None for the default of the command.
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
        """The options of the command.

        Raises
        ------
        InputError
            The settings contradict one another, or there is no source.
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
    """The settings in a command that the dashboard has started; the defaults where they cannot be read."""
    if len(command) < OPTIONS_FROM:
        return DownloadSettings()
    options = command[OPTIONS_FROM:]
    pairs = list(zip(options[::2], options[1::2], strict=False))
    values = dict(pairs)
    try:
        return DownloadSettings(
            command[OPTIONS_FROM - 2],
            tuple(value for name, value in pairs if name == "--source" and value in ARCHIVES) or ARCHIVES[:1],
            float(values["--field"]) if "--field" in values else None,
            float(values["--radii"]) if "--radii" in values else None,
            int(values.get("--workers", DownloadSettings.workers)),
            float(values.get("--rate", DownloadSettings.rate)),
        )
    except ValueError:
        return DownloadSettings(command[OPTIONS_FROM - 2])
