"""A form that starts the download of a new survey, and why a start was refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards import downloading
from dashboards.loading.download_wish import Wish
from dashboards.parts.states import show_error
from dashboards.parts.style import caption
from dashboards.selection import change
from gz2interp.errors import Gz2interpError, InputError
from gz2interp.stores.locations import surveys_folder
from trainer.download.asking import ARCHIVES

__all__ = ["begin", "refuse", "show_new_download", "show_refusal"]

_REFUSED: Final = "download_refused_"


def show_new_download(name: str = "", wish: Wish | None = None) -> None:
    """The form for a survey that is not there yet; filled in already where one was wished for before."""
    wish = wish or Wish()
    with st.form("download_form", enter_to_submit=False):
        _ask_what(name, wish)
        _ask_how(wish)
        st.form_submit_button("Start the download", type="primary", on_click=_start_new)
    show_refusal("new")


def begin(survey: Path, catalog: str, options: Sequence[str]) -> None:
    """Start a process that goes on when the page is closed.

    Raises
    ------
    InputError
        There is no such table, or nothing can be written where the dashboard notes what it has started.
    """
    try:
        downloading.begin(survey, catalog.strip(), options)
    except (OSError, RuntimeError, ValueError) as error:  # no path at all, or a folder that cannot be written
        raise InputError(f"It cannot be started ({error})", "Paths that can be read and written") from None


def refuse(error: Gz2interpError, where: str) -> None:
    """Keep a reason for the `show_refusal` of the same place."""
    st.session_state[_REFUSED + where] = error


def show_refusal(where: str) -> None:
    """Why nothing was started from this place just now."""
    refused = st.session_state.pop(_REFUSED + where, None)
    if refused is not None:
        show_error(refused, "The download was not started")


def _ask_what(name: str, wish: Wish) -> None:
    left, right = st.columns(2)
    with left:
        st.text_input("Catalogue", wish.catalog, key="download_catalog", placeholder="/path/to/table.csv")
        caption("A table with galaxy_id, ra and dec, on the machine on which this dashboard runs.")
    with right:
        st.text_input("New survey", name, key="download_name", placeholder="my-survey")
        caption(f"A name in {surveys_folder()}, or a path.")


def _ask_how(wish: Wish) -> None:
    left, right = st.columns(2)
    with left:
        st.multiselect(
            "Sources, in the order in which they are asked",
            ARCHIVES,
            default=wish.sources,
            key="download_sources",
            placeholder="one or more",
        )
        caption("The next one is asked where one has no image.")
    with right:
        arcsec, radii = st.columns(2)
        arcsec.number_input(
            "Field [arcsec]",
            5.0,
            2000.0,
            _within(wish.field, 5.0, 2000.0),
            1.0,
            key="download_field",
            placeholder="25.3",
        )
        radii.number_input(
            "or in Petrosian radii",
            0.5,
            50.0,
            _within(wish.radii, 0.5, 50.0),
            0.5,
            key="download_radii",
            placeholder="no",
        )
        caption("Full width, on 64 pixels. Left empty: 25.3″, which keeps the pixels of SDSS, 0.396″.")
    with left:
        at_a_time, rate = st.columns(2)
        at_a_time.number_input("Galaxies at a time", 1, 64, _within(wish.workers, 1, 64), key="download_workers")
        rate.number_input(
            "Requests per second", 0.1, 100.0, _within(wish.rate, 0.1, 100.0), 0.5, key="download_rate", format="%g"
        )
        caption("Per host. More than 8 is more than most archives like.")


def _within(value: Any, low: float, high: float) -> Any:
    """What a field can hold."""
    return None if value is None else type(value)(min(max(value, low), high))


def _start_new() -> None:
    given = {name: st.session_state[f"download_{name}"] for name in ("field", "radii", "workers", "rate")}
    name, catalog = (str(st.session_state[f"download_{part}"] or "").strip() for part in ("name", "catalog"))
    try:
        survey = _new_place(name)
        options = Wish(catalog, tuple(st.session_state["download_sources"]), **given).options()
        begin(survey, catalog, options)
    except Gz2interpError as error:
        refuse(error, "new")
        return
    change(survey=name)


def _new_place(name: str) -> Path:
    if not name:
        raise InputError("The new survey has no name", "A name of its own, such as my-survey, or a path")
    if name.startswith("."):
        raise InputError(f"The name {name} was given", "One that does not begin with a dot: those are hidden")
    try:
        survey = downloading.place_of(name)
        taken = survey.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"The name {name} was given ({error})", "A name such as my-survey, or a path") from None
    if taken:
        raise InputError(f"{survey} is there already", "A name of its own", "Choose it above, to go on with it")
    return survey
