"""The frame of all pages: messages, the choice of survey and model, errors, and the confirmation of linked surveys."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from dashboards.loading.surveys import is_listed, layers_of, model_of, open_survey, survey_names
from dashboards.parts.controls import OPENING, show_brand, show_network_choices
from dashboards.parts.states import show_error, show_missing
from dashboards.parts.style import plain
from dashboards.selection import add_message, begin, change, current, finish, settle, take_messages
from gz2interp.errors import Gz2interpError, choices
from gz2interp.stores.survey import Survey

__all__ = ["settle_selection", "show_network_page", "show_page"]


def show_page(page: StreamlitPage, opening: DeltaGenerator) -> None:
    """Draw a page, or a confirmation where its link names a survey that is not listed.

    Parameters
    ----------
    page : StreamlitPage
        From `streamlit.navigation`.
    opening : DeltaGenerator
        The message that is shown until now.
    """
    begin(page.url_path)
    messages = st.container(key="messages")  # above the page, so that a message moves nothing
    _show_messages(messages)
    st.session_state[OPENING] = opening
    if current().survey and not is_listed(current().survey):
        _confirm_survey(current().survey)
    else:
        page.run()
    finish()
    opening.empty()
    _show_messages(messages)


def _show_messages(place: DeltaGenerator) -> None:
    for sentence in take_messages():
        place.html(f'<div class="gz2-notice" role="status">{escape(sentence)}</div>')


def _confirm_survey(survey: str) -> None:
    """Ask before a survey from a link is read, since a link may come from anyone."""
    show_brand()
    _, middle, _ = st.columns([1, 2.2, 1])
    with middle:
        st.subheader("Open a survey that is not listed?")
        st.write("This link names a survey outside the surveys folder:")
        st.code(survey, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            st.button("Open it", key="open_unlisted", type="primary", on_click=change, kwargs={"survey": survey})
            for name in survey_names():
                st.button(plain(f"Open {name} instead"), on_click=change, kwargs={"survey": name})


def show_network_page(show: Callable[[Survey, str], None], without_survey: str) -> None:
    """Show the choice of survey and model, then the content of a page.

    Parameters
    ----------
    show : callable
        Draws the content for a survey and the name of one of its models; "" where it has none.
    without_survey : str
        The message where there is no survey at all.
    """
    names = survey_names()
    if not current().survey and not names:
        show_brand()
        show_missing("No survey yet", without_survey, "python -m trainer demo")
        return
    name = current().survey or names[0]
    settle(survey=name)
    try:
        survey = open_survey(name)
        settle_selection(survey)
    except Gz2interpError as error:
        show_network_choices(names, (), current())
        show_error(error, "This survey cannot be shown")
        return
    show_network_choices(names, survey.models(), current())
    try:
        show(survey, current().model)
    except Gz2interpError as error:
        show_error(error, "This network cannot be shown")


def settle_selection(survey: Survey) -> None:
    """Take out of the selection, with a sentence, the model, layer and galaxy that this survey lacks.

    The first model is selected where there is none.
    """
    models = survey.models()
    if current().model not in models:
        if current().model:
            add_message(f"{survey.name} has no model “{current().model}”; its models are {choices(models)}.")
        settle(model=models[0] if models else "")
    layers = layers_of(survey, model_of(survey, current().model)) if current().model else []
    if current().layer and current().layer not in layers:
        add_message(
            f"No analysis of {current().layer} belongs to this network and these galaxies; there is: {choices(layers)}."
        )
        settle(layer="")
    if current().galaxy_id and not _has(survey, current().galaxy_id):
        add_message(f"{survey.name} has no galaxy {current().galaxy_id}; another one is shown.")
        settle(galaxy_id="")


def _has(survey: Survey, galaxy_id: str) -> bool:
    try:
        survey.row_of(galaxy_id)
    except Gz2interpError:
        return False
    return True
