"""What is known of a network: its scores, where it fails, its most confident mistakes, and the labels one may doubt."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.cards import card_of
from dashboards.loading.surveys import model_of, open_survey, survey_names
from dashboards.parts.controls import show_brand, show_network_choices
from dashboards.parts.network import TO_GALAXY, show_card, show_mistakes, show_origin, show_suspects, show_sweeps
from dashboards.parts.states import lacking, show_error
from dashboards.parts.style import dress, heading
from dashboards.parts.work import show_work
from dashboards.selection import current, mirror, said, say, settle
from gz2interp.errors import Gz2interpError, choices
from gz2interp.stores.survey import Survey


def page() -> None:
    """Choose survey and model, then tell what is stored of it."""
    if st.session_state.pop(TO_GALAXY, False):
        st.switch_page("screens/galaxies.py")
    dress()
    names = survey_names()
    if not current().survey and not names:
        show_brand()
        lacking("No survey yet", "A network is shown with the survey that it belongs to.", "python -m trainer demo")
        return
    name = current().survey or names[0]
    settle(survey=name)
    try:
        _show(open_survey(name), names)
    except Gz2interpError as error:
        show_network_choices(names, (), current())
        show_error(error, "This network cannot be shown")
    mirror()


def _show(survey: Survey, names: list[str]) -> None:
    models = survey.models()
    if current().model not in models:
        if current().model:
            say(f"{survey.name} has no model “{current().model}”; its models are {choices(models)}.")
        settle(model=models[0] if models else "")
    card = card_of(survey, model_of(survey, current().model)) if models else None
    show_network_choices(names, models, current())
    for sentence in said():
        st.info(sentence)
    if card is None:
        lacking("No network yet", f"{survey.name} has none. Train one here, or on the command line.")
        show_work(survey)
        show_sweeps(survey)
        return
    model = model_of(survey, card.model)
    with st.container(key="network"):
        show_card(card)
        show_mistakes(card, survey)
        show_suspects(survey, model)
        show_origin(card)
        show_sweeps(survey)
        heading("Work on this survey", "It runs beside the dashboard, and can be stopped.")
        show_work(survey, model.name)


page()
