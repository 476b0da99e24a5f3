"""A download in words, figures and tables; while it runs it is read again every two seconds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

import streamlit as st

from dashboards.loading.downloads import (
    Standing,
    failures_so_far,
    report_bytes,
    standing_of,
)
from dashboards.loading.without_image import without_image_csv
from dashboards.parts.controls import show_brand
from dashboards.parts.download_again import show_last_words, show_start_again, show_ways_on
from dashboards.parts.download_start import show_new_download
from dashboards.parts.download_tables import figures, show_failures, show_services
from dashboards.parts.states import lacking
from dashboards.selection import change, current, offer_choice
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.survey import Survey
from trainer.download.watch import duration

__all__ = ["show_download", "show_no_download", "show_survey_choice"]

_EVERY: Final = 2.0
_KEPT: Final = "What is done is kept; run the same command again."
_TITLES: Final = {
    "running": "Downloading",
    "finished": "The download is finished",
    "interrupted": "The download was interrupted",
    "killed": "The download was killed",
    "silent": "The download gives no sign of life",
}


def show_survey_choice(names: Sequence[str], chosen: str) -> None:
    """The brand, and which survey it is about: the same as on the other pages."""
    brand, choice, _ = st.container(key="download_controls").columns([0.8, 1.6, 4.6], vertical_alignment="bottom")
    with brand:
        show_brand()
    options = [*names, *([chosen] if chosen and chosen not in names else [])]
    offer_choice("choose_survey", chosen or None, lambda name: change(survey=str(name).strip()))
    choice.selectbox(
        "Survey",
        options,
        key="choose_survey",
        accept_new_options=True,
        placeholder="nothing",
    )


def show_no_download(survey: Survey | None = None) -> None:
    """Nothing has been downloaded, and how to begin."""
    if survey is not None and (survey.path / "download" / "settings.json").exists():
        lacking("No report of this download yet", "It was begun, and ended before its first word.")
        show_start_again(survey, None, "Go on")
        return
    new = surveys_folder() / "my-survey"
    title = "No survey yet" if survey is None else f"{survey.name} was not downloaded"
    words = (
        "A download makes a new survey: it asks archives for the galaxies of a catalogue, "
        "and this page shows how far it is. CATALOG is a table with galaxy_id, ra and dec, "
        "such as the one of Galaxy Zoo 2."
    )
    lacking(title, words, f"python -m trainer download CATALOG {shlex.quote(str(new))}")
    if survey is None or st.toggle("Start a new download", key="download_new"):
        show_new_download()


def show_download(survey: Survey) -> None:
    """All that is known of the download of a survey.

    Raises
    ------
    SurveyError
        The report is damaged.
    """
    standing = standing_of(survey)
    if standing is None:
        show_no_download(survey)
        return
    with st.container(key="download"):
        st.fragment(_show_standing, run_every=_EVERY if standing.live else None)(survey, standing.state)
        show_last_words(survey, standing)
        show_ways_on(survey, standing)
        _show_files(survey, standing)
        if st.toggle("Start another download", key="download_new"):
            show_new_download()


def _show_standing(survey: Survey, state: str) -> None:
    """What changes by itself; the whole page follows when the state is another."""
    standing = standing_of(survey)
    if standing is None or standing.state != state:
        st.rerun()
    assert standing is not None
    report = standing.report
    st.html(f'<h2 class="gz2-state" role="status">{escape(_title(standing))}</h2>{_message(standing)}')
    share = min(report.done / report.total, 1.0) if report.total else 1.0
    st.progress(share, text=f"**{report.done:,} of {report.total:,}** galaxies have been asked for ({share:.1%})")
    st.html(figures(standing))
    show_services(report.services, standing.live)
    over = state in ("finished", "interrupted", "stopped")
    show_failures(report.failures if over else failures_so_far(survey), over)


def _title(standing: Standing) -> str:
    """The state, with the names of all services that are down."""
    *others, last = standing.down or ("a service",)
    names = f"{', '.join(others)} and {last}" if others else last
    if standing.state == "waiting":
        return f"Waiting for {names}, which {'are' if others else 'is'} down"
    if standing.state == "stopped":
        return f"The download stopped: {names} stayed down"
    return _TITLES[standing.state]


def _message(standing: Standing) -> str:
    words = standing.report.message.rstrip(".") + "."
    if standing.state == "killed":
        words = f"Its process ended without a word {duration(standing.age)} ago. {_KEPT}"
    if standing.state == "silent":
        words = f"The last word came {duration(standing.age)} ago: the process hangs, or was killed. {_KEPT}"
    report = standing.report
    limit = f"at most {report.rate:g} requests per second and host" if report.rate else "without a limit of requests"
    asked = f"{', then '.join(report.sources)} · {report.workers} galaxies at a time · {limit}"
    begun = datetime.fromisoformat(report.started).astimezone(UTC)
    return (
        f'<div class="gz2-message">{escape(words)}</div>'
        f'<div class="gz2-caption">{escape(asked)} · begun {begun:%Y-%m-%d %H:%M} UTC</div>'
    )


def _show_files(survey: Survey, standing: Standing) -> None:
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
        if not standing.live:
            st.button("Look again", help="Read the report again, for instance after a new start.")
