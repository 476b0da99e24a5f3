"""What can be done about a download that is there: stop it, go on with it, ask again for what failed."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards import downloading
from dashboards.loading.download_origin import catalog_of
from dashboards.loading.download_process import interrupt, is_downloading
from dashboards.loading.download_wish import OPTIONS_FROM
from dashboards.loading.downloads import Standing, options_of
from dashboards.parts.download_start import begin, refuse, show_refusal
from dashboards.parts.style import caption, heading
from gz2interp.errors import Gz2interpError
from gz2interp.stores.survey import Survey

__all__ = ["show_last_words", "show_start_again", "show_ways_on"]

_STOPPING: Final = "download_stopping"
_PATIENCE: Final = 60.0
"""Seconds after which a download that was told to stop can be told so again."""


def show_ways_on(survey: Survey, standing: Standing) -> None:
    """What makes sense now: to stop it, to go on, or to ask again."""
    if standing.live and (standing.state != "silent" or _can_stop(survey, standing)):
        _show_stop(survey, standing)
        return
    whole = len(survey) == survey.rows_committed
    failed = standing.report.counts.get("failed", 0)
    if not whole:
        heading("Go on", "from where it is")
        show_start_again(survey, standing, "Go on")
    elif failed or standing.state != "finished":
        heading("Ask again", f"for the {failed:,} that failed" if failed else "for those that failed")
        show_start_again(survey, standing, f"Ask again for {failed:,}" if failed else "Ask again", "--retry", "failed")


def show_start_again(survey: Survey, standing: Standing | None, label: str, *more: str) -> None:
    """A button that starts the survey's download once more, with its own settings, and the command that does so.

    Parameters
    ----------
    survey : Survey
    standing : Standing, optional
        None where it ended before its first report.
    label : str
        The button's.
    *more : str
        Further words of the command.
    """
    options = [*(options_of(survey, standing.report) if standing else _options_before(survey)), *more]
    words, button = st.container(key="download_again_row").columns([3, 1], vertical_alignment="bottom")
    words.text_input(
        "Catalogue", catalog_of(survey.path), key="download_again_catalog", placeholder="/path/to/table.csv"
    )
    button.button(
        label,
        key="download_again",
        type="primary",
        width="stretch",
        on_click=_start_again,
        args=(survey.path, options),
    )
    show_refusal("again")
    command = ["python -m trainer download CATALOG", shlex.quote(str(survey.path)), shlex.join(options)]
    st.code(" ".join(word for word in command if word), language="bash", wrap_lines=True)
    caption(
        f"The button does what this command does. The catalogue is the file that {survey.name} was begun with: "
        "another one is refused."
    )


def show_last_words(survey: Survey, standing: Standing) -> None:
    """What its process said of an error, where one ended the download."""
    known = downloading.look(survey.path)
    broken = known is not None and known.state == "failed" and standing.state in ("interrupted", "killed")
    if known is not None and broken and "Error" in known.words:
        heading("Last words", "of its process")
        st.code(known.words, language=None, wrap_lines=True)


def _options_before(survey: Survey) -> list[str]:
    """Those of a download that ended before its first report: as it was started, or as far as its plan is known."""
    known = downloading.look(survey.path)
    return list(known.command[OPTIONS_FROM:]) if known else options_of(survey, None)


def _show_stop(survey: Survey, standing: Standing) -> None:
    """A button where the process is ours, else the keys that stop it."""
    if not _can_stop(survey, standing):
        caption("Ctrl+C in its terminal interrupts it. What is done is kept; the same command goes on from there.")
        return
    stopping = _is_told(survey, standing)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stopping …" if stopping else "Stop",
            key="download_stop",
            on_click=_stop,
            args=(survey, standing),
            disabled=stopping,
        )
        if stopping:
            caption("It has been told. What has come by now is brought into the survey.")
        else:
            caption("It goes on when this page is closed. Stopped, it keeps what is done and can go on from there.")


def _can_stop(survey: Survey, standing: Standing) -> bool:
    known = downloading.look(survey.path)
    return bool(known and known.state == "running") or is_downloading(survey.path, standing.report.pid)


def _stop(survey: Survey, standing: Standing) -> None:
    if _is_told(survey, standing):  # a second word would cut short what the first one set going
        return
    st.session_state[_STOPPING] = (_name(survey, standing), time.monotonic())
    known = downloading.look(survey.path)
    if known and known.state == "running":
        downloading.stop(survey.path)
    else:
        interrupt(survey.path, standing.report.pid)


def _is_told(survey: Survey, standing: Standing) -> bool:
    """Whether this run has been told to stop a short while ago."""
    name, since = st.session_state.get(_STOPPING, ("", 0.0))
    return bool(name == _name(survey, standing) and time.monotonic() - since < _PATIENCE)


def _name(survey: Survey, standing: Standing) -> str:
    """Of this very run."""
    return f"{survey.path} {standing.report.started} {standing.report.pid}"


def _start_again(survey: Path, options: list[str]) -> None:
    try:
        begin(survey, str(st.session_state["download_again_catalog"] or ""), options)
    except Gz2interpError as error:
        refuse(error, "again")
