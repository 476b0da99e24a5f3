"""A start that has not led to a report yet: it is starting, was stopped before it began, or failed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from dashboards import downloading
from dashboards.building import Building
from dashboards.loading.download_origin import remember
from dashboards.loading.download_wish import wish_of
from dashboards.parts.download_start import show_new_download
from dashboards.parts.states import lacking
from dashboards.parts.style import caption
from dashboards.selection import change
from gz2interp.errors import SurveyError
from trainer.download.report import read_report
from trainer.download.watch import duration

__all__ = ["show_attempt"]


def show_attempt(survey: Path, name: str) -> bool:
    """Tell how the last start stands that has not led to a report; whether there is nothing else to show.

    Parameters
    ----------
    survey : Path
        Where it is, or would be.
    name : str
        By which it was chosen.
    """
    known, there = downloading.look(survey), (survey / "survey.json").is_file()
    if known is None:
        return False
    if _has_reported(survey, known):
        remember(survey)
        return False
    if known.state == "running":
        _show_starting(survey)
        return True
    if there and known.state == "stopped":
        return False
    _show_ended(survey, known, there)
    if not there:
        show_new_download(name, wish_of(known.command))
    return not there


@st.fragment(run_every=1.0)
def _show_starting(survey: Path) -> None:
    known = downloading.look(survey)
    if known is None or known.state != "running" or _has_reported(survey, known):
        st.rerun()
    assert known is not None
    there = (survey / "survey.json").is_file()
    lacking(
        "Starting the download",
        f"{'The survey is opened' if there else 'The catalogue is read, and the survey made'}, "
        "then the first galaxies are asked for. This page follows by itself.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", key="download_stop_start", on_click=downloading.stop, args=(survey,))
        caption(f"for {duration(known.seconds)} now")


def _show_ended(survey: Path, known: Building, there: bool) -> None:
    """Without a report, and why."""
    if known.state != "failed":
        lacking("The download was stopped before it began", "Nothing has been asked for yet.")
    else:
        lacking("The download could not be started", "These are the last words of its process:")
        st.code(known.words or "(it said nothing)", language=None, wrap_lines=True)
    st.button("Never mind", key="download_forget", on_click=_forget, args=(survey, there))


def _forget(survey: Path, there: bool) -> None:
    downloading.forget(survey)
    if not there:
        change(survey="")


def _has_reported(survey: Path, known: Building) -> bool:
    """Whether there is a report that began after a start."""
    try:
        report = read_report(survey)
        return report is not None and datetime.fromisoformat(report.started).timestamp() >= known.started - 1.0
    except (SurveyError, ValueError, TypeError):
        return True  # something is there, and the page tells what is wrong with it
