"""Starting a download from the page, going on with one, asking again, and stopping it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from dashboards import downloading
from dashboards.loading.downloads import Standing, options_of
from dashboards.parts.states import lacking, show_error
from dashboards.parts.style import caption
from dashboards.selection import change
from gz2interp.errors import Gz2interpError, InputError
from gz2interp.stores.survey import Survey
from trainer.download.asking import ARCHIVES
from trainer.download.report import read_report

__all__ = ["show_attempt", "show_new_download", "show_start_again", "show_stop"]

_FIELD = 25.3
_REFUSED = "download_refused"


def show_attempt(survey: Path) -> bool:
    """Whether a start has not led to a report yet; if so, how it stands."""
    known = downloading.look(survey)
    if known is None or known.state in ("finished", "stopped") or _reported(survey, known.started):
        return False
    if known.state == "running":
        _show_starting(survey)
    else:
        lacking("The download could not be started", "These are its last words:")
        st.code(known.words or "(it said nothing)", language=None, wrap_lines=True)
        st.button("Never mind", key="download_forget", on_click=downloading.forget, args=(survey,))
    return True


def show_new_download() -> None:
    """A form for a survey that is not there yet."""
    with st.form("download_form", border=True):
        left, right = st.columns(2)
        left.text_input("Catalogue", key="download_catalog", placeholder="/path/to/table.csv")
        right.text_input("New survey", key="download_name", placeholder="a name, or a path")
        left.multiselect("Sources, in the order of asking", ARCHIVES, default=ARCHIVES[:1], key="download_sources")
        width, radii = right.columns(2)
        width.number_input("Field [arcsec]", 5.0, 2000.0, _FIELD, 0.1, key="download_field")
        radii.number_input("or Petrosian radii", 0.0, 50.0, None, 0.5, key="download_radii", placeholder="not used")
        at_a_time, rate = right.columns(2)
        at_a_time.number_input("Galaxies at a time", 1, 64, 8, key="download_workers")
        rate.number_input("Requests per second", 0.1, 100.0, 8.0, 0.5, key="download_rate")
        left.caption(
            "The catalogue is a table with galaxy_id, ra and dec, on the machine on which this dashboard runs."
        )
        st.form_submit_button("Start the download", type="primary", on_click=_start_new)
    _show_refusal()


def show_start_again(survey: Survey, standing: Standing, label: str, *more: str) -> None:
    """A button that starts the survey's download once more, with its own settings.

    Parameters
    ----------
    survey : Survey
    standing : Standing
    label : str
        The button's.
    *more : str
        Further words of the command.
    """
    known = downloading.catalog_of(survey.path)
    words, button = st.columns([3, 1], vertical_alignment="bottom")
    words.text_input("Catalogue", known, key="download_again_catalog", placeholder="/path/to/table.csv")
    options = [*options_of(survey, standing.report), *_manners(standing), *more]
    button.button(
        label,
        key="download_again",
        type="primary",
        width="stretch",
        on_click=_start_again,
        args=(survey.path, options),
    )
    _show_refusal()


def show_stop(survey: Survey) -> None:
    """A button, where this dashboard has started the download; else the word that stops it."""
    known = downloading.look(survey.path)
    if known and known.state == "running":
        st.button("Stop", key="download_stop", on_click=downloading.stop, args=(survey.path,))
        caption("It goes on when this page is closed. Stopped, it keeps what is done and can go on from there.")
        return
    caption("Ctrl+C in its terminal interrupts it. What is done is kept; the same command goes on from there.")


@st.fragment(run_every=1.0)
def _show_starting(survey: Path) -> None:
    known = downloading.look(survey)
    if known is None or known.state != "running" or _reported(survey, known.started):
        st.rerun()
    lacking("Starting the download", "The catalogue is read, and the survey made. This page follows by itself.")
    st.button("Stop", key="download_stop_start", on_click=downloading.stop, args=(survey,))


def _reported(survey: Path, since: float) -> bool:
    """Whether there is a report that began after a start."""
    report = read_report(survey)
    return report is not None and datetime.fromisoformat(report.started).timestamp() >= since - 1.0


def _start_new() -> None:
    given = {name: st.session_state[f"download_{name}"] for name in ("catalog", "name", "sources", "field", "radii")}
    try:
        survey = _new_place(str(given["name"] or "").strip())
        if not given["sources"]:
            raise InputError("No source was given", f"One or more of {', '.join(ARCHIVES)}")
        options = [word for source in given["sources"] for word in ("--source", source)]
        options += ["--radii", f"{given['radii']:g}"] if given["radii"] else []
        options += ["--field", f"{given['field']:g}"] if given["field"] != _FIELD else []
        options += ["--workers", str(st.session_state["download_workers"])]
        options += ["--rate", f"{st.session_state['download_rate']:g}"]
        downloading.begin(survey, str(given["catalog"] or "").strip(), options)
        change(survey=str(given["name"]).strip())
    except Gz2interpError as error:
        st.session_state[_REFUSED] = error


def _new_place(name: str) -> Path:
    if not name:
        raise InputError("The new survey has no name", "A name of its own, such as my-survey, or a path")
    survey = downloading.place_of(name)
    if survey.exists():
        raise InputError(f"{survey} is there already", "A name of its own", "Choose it above, to go on with it")
    return survey


def _start_again(survey: Path, options: list[str]) -> None:
    try:
        downloading.begin(survey, str(st.session_state["download_again_catalog"] or "").strip(), options)
    except Gz2interpError as error:
        st.session_state[_REFUSED] = error


def _manners(standing: Standing) -> list[str]:
    return ["--workers", str(standing.report.workers), "--rate", f"{standing.report.rate:g}"]


def _show_refusal() -> None:
    refused = st.session_state.pop(_REFUSED, None)
    if refused is not None:
        show_error(refused, "The download was not started")
