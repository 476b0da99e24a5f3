"""The figure for a paper: its layout, journal and format are chosen, and it is drawn when it is asked for."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.loading.attributions import Asked
from dashboards.loading.figures import Form, figure_of
from dashboards.loading.truths import has_truth, pictures_of_parts
from dashboards.parts.style import caption
from dashboards.parts.subject import Subject
from gz2interp.attribution import METHODS
from gz2interp.errors import Gz2interpError
from gz2interp.figures.style import JOURNALS
from gz2interp.schema import name_in_words
from gz2interp.stores.models import ModelFolder

__all__ = ["offer_figure"]

_LAYOUTS: Final = {
    "galaxies": "This galaxy",
    "rows-per-band": "A row per band",
    "methods": "Through every method",
    "neighbours": "With its neighbours",
    "repaint": "Painted again, without a component",
    "bands": "What each band carries",
    "right-wrong": "Of the survey: right beside wrong",
}
_FORMATS: Final = {".pdf": "PDF", ".svg": "SVG", ".png": "PNG"}


def offer_figure(subject: Subject, model: ModelFolder, asked: Asked) -> None:
    """The choices; a button that draws; and, once it is drawn, one that hands it over."""
    with st.popover("Figure for a paper", width="stretch"):
        form = _choose(subject, asked)
        idle = form.layout == "repaint" and not form.without
        wanted = (str(subject.survey.path), model.digest, asked, form)
        # What is wanted is remembered by the click itself: a run of the page that is given up for a newer one, as when
        # another click follows, would forget that the button was pressed.
        st.button(
            "Draw it",
            type="primary",
            width="stretch",
            disabled=idle,
            key="figure_draw",
            on_click=st.session_state.update,
            args=({"figure_wanted": wanted},),
        )
        if st.session_state.get("figure_wanted") != wanted:
            return
        try:
            drawn = _drawn(subject, model, asked, form)
        except Gz2interpError as error:
            del st.session_state["figure_wanted"]
            caption(str(error))
            return
        name = asked.method if form.layout in ("galaxies", "rows-per-band") else form.layout
        st.download_button(
            f"Download ({'ZIP' if form.with_data else _FORMATS[form.suffix]})",
            drawn,
            f"{subject.facts['galaxy_id']}-{name}{'.zip' if form.with_data else form.suffix}",
            width="stretch",
            on_click="ignore",
            help="The figure that gz2interp figure draws, with its caption inside the file",
        )


def _drawn(subject: Subject, model: ModelFolder, asked: Asked, form: Form) -> bytes:
    """The figure that was drawn last, if it is the one that is wanted; else a new one."""
    wanted, last = st.session_state["figure_wanted"], st.session_state.get("figure_drawn")
    if last is not None and last[0] == wanted:
        return bytes(last[1])
    with st.spinner("Drawing …"):
        drawn = figure_of(subject.survey, model, asked, form)
    st.session_state["figure_drawn"] = (wanted, drawn)
    return drawn


def _choose(subject: Subject, asked: Asked) -> Form:
    layout = st.selectbox("Layout", _offered(subject, asked), format_func=_LAYOUTS.__getitem__, key="figure_layout")
    journals, columns, formats = st.columns(3, gap="small")
    journal = journals.selectbox(
        "Journal", JOURNALS, format_func=lambda name: JOURNALS[name].title, key="figure_journal"
    )
    wide = columns.selectbox("Columns", (2, 1), key="figure_columns")
    suffix = formats.selectbox("Format", _FORMATS, format_func=_FORMATS.__getitem__, key="figure_format")
    without = _left_out(subject) if layout == "repaint" else ()
    with_data = st.toggle("With caption, numbers and maps (ZIP)", key="figure_data")
    return Form(layout, journal, wide, suffix, with_data, without)


def _offered(subject: Subject, asked: Asked) -> list[str]:
    """The layouts that this method and this survey can have."""
    lacking = set() if METHODS[asked.method].has_bands else {"rows-per-band"}
    return [name for name in _LAYOUTS if name not in lacking and (name != "repaint" or has_truth(subject.survey))]


def _left_out(subject: Subject) -> tuple[str, ...]:
    try:
        names = [name for name, _, _ in pictures_of_parts(subject.survey, int(subject.facts["galaxy_id"]))]
    except Gz2interpError as error:
        caption(str(error))
        return ()
    return tuple(st.multiselect("Leave out", names, format_func=name_in_words))
