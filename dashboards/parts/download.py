"""The state, numbers and failures of a download, refreshed every two seconds while it runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

import streamlit as st

from dashboards.loading.downloads import DownloadState, download_state_of, failures_so_far, report_bytes
from dashboards.loading.surveys import without_image_csv
from dashboards.parts.controls import show_brand
from dashboards.parts.download_actions import show_last_words, show_new_download, show_start_again, show_ways_on
from dashboards.parts.states import show_missing
from dashboards.parts.style import caption, heading, show_table
from dashboards.selection import change, current, offer_choice
from gz2interp.schema import STATUSES
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.survey import Survey
from trainer.download.report import Failure, ServiceState
from trainer.download.watch import duration

__all__ = [
    "MOST_KINDS",
    "figures",
    "show_download",
    "show_failures",
    "show_no_download",
    "show_services",
    "show_survey_choice",
]


MOST_KINDS: Final = 50
"""Kinds of failures that are shown at most."""

_STATUS: Final = {
    "ok": ("✓", "ok"),
    "failed": ("✕", "failed"),
    "missing": ("○", "missing"),
    "out_of_footprint": ("⊘", "out of footprint"),
}
_SERVICE: Final = {"up": ("✓", "answers"), "down": ("✕", "is down"), "holding": ("‖", "asked to wait")}
_TROUBLES: Final = {
    "timeout": "timed out",
    "connection": "no connection",
    "busy": "busy",
    "server": "server error",
    "down": "down",
    "held": "asked to wait",
    "passing": "temporary error",
    "refused": "refused",
    "answer": "wrong answer",
    "blank": "blank image",
    "address": "led elsewhere",
}


def figures(download: DownloadState) -> str:
    """Counts, rates and times as HTML."""
    report = download.report
    numbers = {"Galaxies": f"{report.done:,} <small>of {report.total:,}</small>"}
    if report.this_run != report.done:
        numbers["In this run"] = f"{report.this_run:,} <small>of {report.asked_for:,}</small>"
    others = [status for status in report.counts if status not in STATUSES]
    numbers |= {
        _status(status): f"{report.counts[status]:,}" for status in (*STATUSES, *others) if status in report.counts
    }
    numbers |= _pace(download)
    numbers["Pixel scale"] = (
        f"{report.pixel_scale:.3g}″" if report.pixel_scale else "<small>by each galaxy's size</small>"
    )
    return (
        '<dl class="gz2-figures">'
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers.items())
        + "</dl>"
    )


def show_services(services: Sequence[ServiceState], live: bool) -> None:
    """The services with their states, requests and errors."""
    if not services:
        return
    heading("Services", "" if live else "as of the last update")
    rows = [
        [
            escape(service.name),
            escape(service.host),
            _state(service),
            f"{service.requests:,}",
            _bytes(service.bytes),
            _troubles(service),
        ]
        for service in services
    ]
    show_table("Services", ["Service", "Host", "State", "*Requests", "*Received", "Errors"], rows)


def show_failures(failures: Sequence[Failure], over: bool) -> None:
    """Reasons why galaxies have no image, with advice.

    Parameters
    ----------
    over : bool
        Whether the download has ended, so that the list is complete.
    """
    galaxies = sum(failure.count for failure in failures)
    counted = "1 galaxy" if galaxies == 1 else f"{galaxies:,} galaxies"
    so_far = "" if over else "among those that have entered the survey so far"
    heading("Without an image", f"{counted} {so_far}" if failures else "")
    if not failures:
        caption("None." if over else "None has entered the survey so far.")
        return
    rows = [
        [
            _status(failure.status),
            escape(failure.reason),
            f"{failure.count:,}",
            f'<span class="gz2-ids">{escape(" ".join(str(example) for example in failure.examples))}</span>',
            escape(failure.advice),
        ]
        for failure in failures[:MOST_KINDS]
    ]
    show_table("Without an image", ["Status", "Reason", "*Galaxies", "For example", "What to do"], rows)
    if len(failures) > MOST_KINDS:
        caption(f"The {MOST_KINDS} most frequent of {len(failures):,} kinds of reasons; the files below have all.")


def _pace(download: DownloadState) -> dict[str, str]:
    report = download.report
    if not download.live:
        mean = report.this_run / download.seconds if download.seconds > 0 else 0.0
        return {"Per second, on average": _rate(mean), "It took": duration(download.seconds)}
    left = "<small>not known yet</small>" if report.remaining is None else duration(report.remaining)
    return {"Per second": _rate(report.per_second), "Time remaining": left}


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second >= 1 or not per_second else f"{per_second:.2g}"


def _status(status: str) -> str:
    symbol, word = _STATUS.get(status, ("·", status))
    return f'<span class="gz2-status gz2-{escape(status)}"><i aria-hidden="true">{symbol}</i> {escape(word)}</span>'


def _state(service: ServiceState) -> str:
    symbol, word = _SERVICE.get(service.state, ("·", service.state))
    words = f": {escape(service.words)}" if service.words and service.state != "up" else ""
    mark = {"up": "ok", "down": "failed"}.get(service.state, "missing")
    return f'<span class="gz2-status gz2-{mark}"><i aria-hidden="true">{symbol}</i> {escape(word)}</span>{words}'


def _troubles(service: ServiceState) -> str:
    kinds = sorted(service.troubles.items(), key=lambda kind: -kind[1])
    times = "\N{MULTIPLICATION SIGN}"
    return ", ".join(f"{count:,} {times} {escape(_TROUBLES.get(kind, kind))}" for kind, count in kinds) or "none"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} TB"


_EVERY: Final = 2.0
_KEPT: Final = "Finished galaxies are kept; run the same command again."
_TITLES: Final = {
    "running": "Downloading",
    "finished": "The download is finished",
    "interrupted": "The download was interrupted",
    "killed": "The download was killed",
    "silent": "The download does not respond",
}


def show_survey_choice(names: Sequence[str], name: str) -> None:
    """The brand and the choice of a survey, as on the other pages."""
    brand, choice, _ = st.container(key="download_controls").columns([0.8, 1.6, 4.6], vertical_alignment="bottom")
    with brand:
        show_brand()
    options = [*names, *([name] if name and name not in names else [])]
    offer_choice("choose_survey", name or None, lambda name: change(survey=str(name).strip()))
    choice.selectbox("Survey", options, key="choose_survey", accept_new_options=True, placeholder="nothing")


def show_no_download(survey: Survey | None = None) -> None:
    """A message that nothing has been downloaded, with the form for a download."""
    if survey is not None and (survey.path / "download" / "settings.json").exists():
        show_missing("No report of this download yet", "It was started, and ended before its first report.")
        show_start_again(survey, None, "Continue")
        return
    new = surveys_folder() / "my-survey"
    title = "No survey yet" if survey is None else f"{survey.name} was not downloaded"
    words = (
        "A download makes a new survey: it fetches the galaxies of a catalogue from archives, "
        "and this page shows the progress. CATALOG is a table with galaxy_id, ra and dec, "
        "such as the one of Galaxy Zoo 2."
    )
    show_missing(title, words, f"python -m trainer download CATALOG {shlex.quote(str(new))}")
    if survey is None or st.toggle("Start a new download", key="download_new"):
        show_new_download()


def show_download(survey: Survey) -> None:
    """The download of a survey: state, services, failures, files and what can be done next.

    Raises
    ------
    SurveyError
        The report is damaged.
    """
    download = download_state_of(survey)
    if download is None:
        show_no_download(survey)
        return
    with st.container(key="download"):
        st.fragment(_show_state, run_every=_EVERY if download.live else None)(survey, download.state)
        show_last_words(survey, download)
        show_ways_on(survey, download)
        _show_files(survey, download)
        if st.toggle("Start another download", key="download_new"):
            show_new_download()


def _show_state(survey: Survey, state: str) -> None:
    """The part that refreshes itself; the whole page is drawn again when the state changes."""
    download = download_state_of(survey)
    if download is None or download.state != state:
        st.rerun()
    assert download is not None
    report = download.report
    st.html(f'<h2 class="gz2-state" role="status">{escape(_title(download))}</h2>{_message(download)}')
    share = min(report.done / report.total, 1.0) if report.total else 1.0
    st.progress(share, text=f"**{report.done:,} of {report.total:,}** galaxies are done ({share:.1%})")
    st.html(figures(download))
    show_services(report.services, download.live)
    over = state in ("finished", "interrupted", "stopped")
    show_failures(report.failures if over else failures_so_far(survey), over)


def _title(download: DownloadState) -> str:
    """The state, with the names of all services that are down."""
    *others, last = download.down or ("a service",)
    names = f"{', '.join(others)} and {last}" if others else last
    if download.state == "waiting":
        return f"Waiting for {names}, which {'are' if others else 'is'} down"
    if download.state == "stopped":
        return f"The download stopped: {names} stayed down"
    return _TITLES[download.state]


def _message(download: DownloadState) -> str:
    words = download.report.message.rstrip(".") + "."
    if download.state == "killed":
        words = f"Its process ended without a report {duration(download.age)} ago. {_KEPT}"
    if download.state == "silent":
        words = f"The last update was {duration(download.age)} ago: the process hangs, or was killed. {_KEPT}"
    report = download.report
    limit = f"at most {report.rate:g} requests per second and host" if report.rate else "without a limit of requests"
    settings = f"{', then '.join(report.sources)} · {report.workers} galaxies at a time · {limit}"
    begun = datetime.fromisoformat(report.started).astimezone(UTC)
    return (
        f'<div class="gz2-message">{escape(words)}</div>'
        f'<div class="gz2-caption">{escape(settings)} · begun {begun:%Y-%m-%d %H:%M} UTC</div>'
    )


def _show_files(survey: Survey, download: DownloadState) -> None:
    name = current().survey or survey.name
    row = st.container(horizontal=True, key="download_files")
    with row:
        st.download_button(
            "Report (JSON)",
            lambda: report_bytes(survey),
            f"{survey.name}-download.json",
            "application/json",
            on_click="ignore",
        )
        st.download_button(
            "Galaxies without image (CSV)",
            lambda: without_image_csv(name),
            f"{survey.name}-without-image.csv",
            "text/csv",
            on_click="ignore",
        )
        if not download.live:
            st.button("Refresh", help="Read the report again, for instance after a new start.")
