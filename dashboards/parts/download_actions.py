"""Start, stop and resume a download, with the reason when that fails."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards import downloading
from dashboards.building import BuildState
from dashboards.loading.downloads import (
    OPTIONS_FROM,
    DownloadSettings,
    DownloadState,
    catalog_of,
    interrupt,
    is_downloading,
    options_of,
    settings_of,
    store_catalog,
)
from dashboards.parts.states import show_error, show_missing
from dashboards.parts.style import caption, heading
from dashboards.selection import change
from gz2interp.errors import Gz2interpError, InputError, SurveyError
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.survey import Survey
from trainer.download.asking import ARCHIVES
from trainer.download.report import read_report
from trainer.download.watch import duration

__all__ = [
    "begin",
    "refuse",
    "show_attempt",
    "show_last_words",
    "show_new_download",
    "show_refusal",
    "show_start_again",
    "show_ways_on",
]


_REFUSED: Final = "download_refused_"


def show_new_download(name: str = "", settings: DownloadSettings | None = None) -> None:
    """The form for a new survey, with the settings of an earlier attempt, if there was one."""
    settings = settings or DownloadSettings()
    with st.form("download_form", enter_to_submit=False):
        _choose_catalogue(name, settings)
        _choose_sources(settings)
        st.form_submit_button("Start the download", type="primary", on_click=_start_new)
    show_refusal("new")


def begin(survey: Path, catalog: str, options: Sequence[str]) -> None:
    """Start a process that continues when the page is closed.

    Raises
    ------
    InputError
        There is no such table, or the state of the process cannot be written.
    """
    try:
        downloading.begin(survey, catalog.strip(), options)
    except (OSError, RuntimeError, ValueError) as error:  # no path at all, or a folder that cannot be written
        raise InputError(f"It cannot be started ({error})", "Paths that can be read and written") from None


def refuse(error: Gz2interpError, where: str) -> None:
    """Store an error for the `show_refusal` of the same place."""
    st.session_state[_REFUSED + where] = error


def show_refusal(where: str) -> None:
    """Show the error of the last attempt to start from this place."""
    error = st.session_state.pop(_REFUSED + where, None)
    if error is not None:
        show_error(error, "The download was not started")


def _choose_catalogue(name: str, settings: DownloadSettings) -> None:
    left, right = st.columns(2)
    with left:
        st.text_input("Catalogue", settings.catalog, key="download_catalog", placeholder="/path/to/table.csv")
        caption("A table with galaxy_id, ra and dec, on the machine on which this dashboard runs.")
    with right:
        st.text_input("New survey", name, key="download_name", placeholder="my-survey")
        caption(f"A name in {surveys_folder()}, or a path.")


def _choose_sources(settings: DownloadSettings) -> None:
    left, right = st.columns(2)
    with left:
        st.multiselect(
            "Sources, in order of preference",
            ARCHIVES,
            default=settings.sources,
            key="download_sources",
            placeholder="one or more",
        )
        caption("The next one is used where one has no image.")
    with right:
        arcsec, radii = st.columns(2)
        arcsec.number_input(
            "Field [arcsec]",
            5.0,
            2000.0,
            _within(settings.field, 5.0, 2000.0),
            1.0,
            key="download_field",
            placeholder="25.3",
        )
        radii.number_input(
            "or in Petrosian radii",
            0.5,
            50.0,
            _within(settings.radii, 0.5, 50.0),
            0.5,
            key="download_radii",
            placeholder="no",
        )
        caption("Full width, on 64 pixels. Left empty: 25.3″, which keeps the pixels of SDSS, 0.396″.")
    with left:
        at_a_time, rate = st.columns(2)
        at_a_time.number_input("Galaxies at a time", 1, 64, _within(settings.workers, 1, 64), key="download_workers")
        rate.number_input(
            "Requests per second", 0.1, 100.0, _within(settings.rate, 0.1, 100.0), 0.5, key="download_rate", format="%g"
        )
        caption("Per host. More than 8 is more than most archives like.")


def _within(value: Any, low: float, high: float) -> Any:
    """A value within the limits of a field."""
    return None if value is None else type(value)(min(max(value, low), high))


def _start_new() -> None:
    numbers = {name: st.session_state[f"download_{name}"] for name in ("field", "radii", "workers", "rate")}
    name, catalog = (str(st.session_state[f"download_{part}"] or "").strip() for part in ("name", "catalog"))
    try:
        survey = _new_place(name)
        options = DownloadSettings(catalog, tuple(st.session_state["download_sources"]), **numbers).options()
        begin(survey, catalog, options)
    except Gz2interpError as error:
        refuse(error, "new")
        return
    change(survey=name)


def _new_place(name: str) -> Path:
    if not name:
        raise InputError("The new survey has no name", "A name such as my-survey, or a path")
    if name.startswith("."):
        raise InputError(f"The name {name} was given", "One that does not begin with a dot: those are hidden")
    try:
        survey = downloading.place_of(name)
        exists = survey.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"The name {name} was given ({error})", "A name such as my-survey, or a path") from None
    if exists:
        raise InputError(f"{survey} exists already", "A new name", "Select it above to continue it")
    return survey


_STOPPING: Final = "download_stopping"
_PATIENCE: Final = 60.0
"""Seconds after which a stopping download can be interrupted again."""


def show_ways_on(survey: Survey, download: DownloadState) -> None:
    """The actions for the current state: stop, continue, or retry the failed galaxies."""
    if download.live and (download.state != "silent" or _can_stop(survey, download)):
        _show_stop(survey, download)
        return
    whole = len(survey) == survey.rows_committed
    failed = download.report.counts.get("failed", 0)
    if not whole:
        heading("Continue", "from the current state")
        show_start_again(survey, download, "Continue")
    elif failed or download.state != "finished":
        heading("Retry", f"the {failed:,} galaxies that failed" if failed else "the galaxies that failed")
        show_start_again(survey, download, f"Retry {failed:,}" if failed else "Retry", "--retry", "failed")


def show_start_again(survey: Survey, download: DownloadState | None, label: str, *more: str) -> None:
    """A button that starts the survey's download once more, with its own settings, and the command that does so.

    Parameters
    ----------
    download : DownloadState, optional
        None where it ended before its first report.
    label : str
        Of the button.
    *more : str
        Further words of the command.
    """
    options = [*(options_of(survey, download.report) if download else _options_before(survey)), *more]
    words, button = st.container(key="download_again_row").columns([3, 1], vertical_alignment="bottom")
    words.text_input(
        "Catalogue", catalog_of(survey.path), key="download_again_catalog", placeholder="/path/to/table.csv"
    )
    button.button(
        label, key="download_again", type="primary", width="stretch", on_click=_start_again, args=(survey.path, options)
    )
    show_refusal("again")
    command = ["python -m trainer download CATALOG", shlex.quote(str(survey.path)), shlex.join(options)]
    st.code(" ".join(word for word in command if word), language="bash", wrap_lines=True)
    caption(
        f"The button does what this command does. The catalogue must be the file that {survey.name} was started with."
    )


def show_last_words(survey: Survey, download: DownloadState) -> None:
    """The error output of the process, where an error ended the download."""
    process = downloading.read_state(survey.path)
    broken = process is not None and process.state == "failed" and download.state in ("interrupted", "killed")
    if process is not None and broken and "Error" in process.words:
        heading("Error output")
        st.code(process.words, language=None, wrap_lines=True)


def _options_before(survey: Survey) -> list[str]:
    """The options of a download that ended before its first report, from its command or its stored settings."""
    process = downloading.read_state(survey.path)
    return list(process.command[OPTIONS_FROM:]) if process else options_of(survey, None)


def _show_stop(survey: Survey, download: DownloadState) -> None:
    """A button that stops the process, or a hint where it was started elsewhere."""
    if not _can_stop(survey, download):
        caption("Ctrl+C in its terminal interrupts it. Finished galaxies are kept; the same command continues it.")
        return
    stopping = _is_stopping(survey, download)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stopping …" if stopping else "Stop",
            key="download_stop",
            on_click=_stop,
            args=(survey, download),
            disabled=stopping,
        )
        if stopping:
            caption("Images that have arrived are being added to the survey.")
        else:
            caption(
                "It continues when this page is closed. After a stop, finished galaxies are kept, and it can continue."
            )


def _can_stop(survey: Survey, download: DownloadState) -> bool:
    process = downloading.read_state(survey.path)
    return bool(process and process.state == "running") or is_downloading(survey.path, download.report.pid)


def _stop(survey: Survey, download: DownloadState) -> None:
    if _is_stopping(survey, download):  # a second interrupt would abort the orderly end
        return
    st.session_state[_STOPPING] = (_name(survey, download), time.monotonic())
    process = downloading.read_state(survey.path)
    if process and process.state == "running":
        downloading.stop(survey.path)
    else:
        interrupt(survey.path, download.report.pid)


def _is_stopping(survey: Survey, download: DownloadState) -> bool:
    """Whether this run was interrupted less than `_PATIENCE` ago."""
    name, since = st.session_state.get(_STOPPING, ("", 0.0))
    return bool(name == _name(survey, download) and time.monotonic() - since < _PATIENCE)


def _name(survey: Survey, download: DownloadState) -> str:
    """A name for this very run of the download."""
    return f"{survey.path} {download.report.started} {download.report.pid}"


def _start_again(survey: Path, options: list[str]) -> None:
    try:
        begin(survey, str(st.session_state["download_again_catalog"] or ""), options)
    except Gz2interpError as error:
        refuse(error, "again")


def show_attempt(survey: Path, name: str) -> bool:
    """Show the last start that has not led to a report; returns whether there is nothing else to show.

    Parameters
    ----------
    survey : Path
        Its folder, which may not exist yet.
    name : str
        As it was selected.
    """
    process, exists = downloading.read_state(survey), (survey / "survey.json").is_file()
    if process is None:
        return False
    if _has_reported(survey, process):
        store_catalog(survey)
        return False
    if process.state == "running":
        _show_starting(survey)
        return True
    if exists and process.state == "stopped":
        return False
    _show_ended(survey, process, exists)
    if not exists:
        show_new_download(name, settings_of(process.command))
    return not exists


@st.fragment(run_every=1.0)
def _show_starting(survey: Path) -> None:
    process = downloading.read_state(survey)
    if process is None or process.state != "running" or _has_reported(survey, process):
        st.rerun()
    assert process is not None
    exists = (survey / "survey.json").is_file()
    show_missing(
        "Starting the download",
        f"{'Opening the survey' if exists else 'Reading the catalogue and creating the survey'}, "
        "then requesting the first galaxies. This page refreshes itself.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", key="download_stop_start", on_click=downloading.stop, args=(survey,))
        caption(f"for {duration(process.seconds)} now")


def _show_ended(survey: Path, process: BuildState, exists: bool) -> None:
    """A message that the download ended without a report, with the reason."""
    if process.state != "failed":
        show_missing("The download was stopped before it began", "Nothing has been requested yet.")
    else:
        show_missing("The download could not be started", "The last lines of its output:")
        st.code(process.words or "(no output)", language=None, wrap_lines=True)
    st.button("Dismiss", key="download_forget", on_click=_forget, args=(survey, exists))


def _forget(survey: Path, exists: bool) -> None:
    downloading.forget(survey)
    if not exists:
        change(survey="")


def _has_reported(survey: Path, process: BuildState) -> bool:
    """Whether there is a report from after this start."""
    try:
        report = read_report(survey)
        return report is not None and datetime.fromisoformat(report.started).timestamp() >= process.started - 1.0
    except (SurveyError, ValueError, TypeError):
        return True  # a damaged report, for which the page shows an error
