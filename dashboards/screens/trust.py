"""Trust in each attribution method for a network, and shortcuts of the network."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.reports import check_of
from dashboards.loading.surveys import model_of
from dashboards.parts.page import show_network_page
from dashboards.parts.states import show_missing
from dashboards.parts.style import heading
from dashboards.parts.trust import show_check
from dashboards.parts.work import show_work
from gz2interp.stores.survey import Survey


def _show(survey: Survey, name: str) -> None:
    with st.container(key="trust"):
        if not name:
            show_missing("No network yet", f"{survey.name} has none. Train one on the page “Network”.")
            return
        if model_of(survey, name).latents:
            show_missing("Latents", f"{name} are latents: there is no network whose attributions could be checked.")
            return
        check = check_of(survey, model_of(survey, name))
        if check is not None:
            show_check(check)
        else:
            show_missing(
                "Not checked yet",
                "A check tests every attribution method on this network, and searches for shortcuts: some minutes, "
                "in a process of its own.",
                f"gz2interp check {survey.path} --model {name}",
            )
        heading("Run the check", "It runs in a process of its own, and can be stopped.")
        show_work(survey, name, first="check")


show_network_page(_show, "A network is checked on the survey that it belongs to.")
