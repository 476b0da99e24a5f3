"""A network: its scores, its failures, its most confident mistakes, and suspect labels."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.reports import card_of
from dashboards.loading.surveys import model_of
from dashboards.parts.network import TO_GALAXY, show_card, show_mistakes, show_origin, show_suspects, show_sweeps
from dashboards.parts.page import show_network_page
from dashboards.parts.states import show_missing
from dashboards.parts.style import heading
from dashboards.parts.work import show_work
from gz2interp.stores.survey import Survey


def _show(survey: Survey, name: str) -> None:
    if not name:
        show_missing("No network yet", f"{survey.name} has none. Train one here, or on the command line.")
        show_work(survey)
        show_sweeps(survey)
        return
    model = model_of(survey, name)
    if model.latents:
        show_missing("Latents", f"{name} are latents: there is no network. Their map is on the page “Galaxies”.")
        return
    card = card_of(survey, model)
    with st.container(key="network"):
        show_card(card)
        show_mistakes(card, survey)
        show_suspects(survey, model)
        show_origin(card)
        show_sweeps(survey)
        heading("Work on this survey", "It runs in a process of its own, and can be stopped.")
        show_work(survey, model.name)


if st.session_state.pop(TO_GALAXY, False):
    st.switch_page("screens/galaxies.py")
show_network_page(_show, "A network is shown with the survey that it belongs to.")
