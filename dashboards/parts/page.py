"""What all pages have in common: the selection as it is now, messages, and the question before a foreign survey."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from dashboards.loading.surveys import is_listed, survey_names
from dashboards.parts.controls import OPENING, show_brand
from dashboards.parts.style import plain
from dashboards.selection import begin, change, current, finish, said

__all__ = ["show_page"]


def show_page(page: StreamlitPage, opening: DeltaGenerator) -> None:
    """Draw a page, unless its link asks for a survey that is not listed.

    Parameters
    ----------
    page : StreamlitPage
        From `streamlit.navigation`.
    opening : DeltaGenerator
        What is on the screen until now.
    """
    begin(page.url_path)
    messages = st.container(key="messages")  # over the page, not in it: a sentence moves nothing
    _show_messages(messages)
    st.session_state[OPENING] = opening
    if current().survey and not is_listed(current().survey):
        _ask_first(current().survey)
    else:
        page.run()
    finish()
    opening.empty()
    _show_messages(messages)


def _show_messages(place: DeltaGenerator) -> None:
    for sentence in said():
        place.html(f'<div class="gz2-notice" role="status">{escape(sentence)}</div>')


def _ask_first(survey: str) -> None:
    """A link may come from anybody: nothing is read for it before the person has agreed."""
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
