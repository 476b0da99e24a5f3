"""How far each attribution method can be believed for a network, and what the network looks at besides the galaxy."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.checks import check_of
from dashboards.loading.surveys import model_of, open_survey, survey_names
from dashboards.parts.controls import show_brand, show_network_choices
from dashboards.parts.states import lacking, show_error
from dashboards.parts.style import dress, heading
from dashboards.parts.trust import show_check
from dashboards.parts.work import show_work
from dashboards.selection import current, mirror, said, settle
from gz2interp.errors import Gz2interpError
from gz2interp.stores.survey import Survey


def page() -> None:
    """Choose survey and model, then tell what was found."""
    dress()
    names = survey_names()
    if not current().survey and not names:
        show_brand()
        lacking("No survey yet", "A network is checked on the survey that it belongs to.", "python -m trainer demo")
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
        settle(model=models[0] if models else "")
    show_network_choices(names, models, current())
    for sentence in said():
        st.info(sentence)
    with st.container(key="trust"):
        if not models:
            lacking("No network yet", f"{survey.name} has none to be checked. Train one on the page “Network”.")
            return
        model = model_of(survey, current().model)
        found = check_of(survey, model)
        if found is None:
            lacking(
                "Not checked yet",
                "Which maps of this network can be believed, and whether it uses a shortcut, is known once every "
                "method has been put to the test: some minutes, beside the dashboard.",
                f"gz2interp check {survey.path} --model {model.name}",
            )
        else:
            show_check(found)
        heading("Check it", "It runs beside the dashboard, and can be stopped.")
        show_work(survey, model.name, first="check")


page()
