"""Galaxies that are unusual to the network, and their rating."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.clusters import has_unusual, unusual_for
from dashboards.loading.surveys import analysis_with, layers_with, model_of
from dashboards.parts.controls import offer_layers, show_layer
from dashboards.parts.page import show_network_page
from dashboards.parts.rating import show_rating
from dashboards.parts.states import show_missing
from dashboards.parts.style import heading
from dashboards.parts.work import show_work
from dashboards.selection import current
from gz2interp.stores.survey import Survey


def _show(survey: Survey, name: str) -> None:
    with st.container(key="unusual"):
        if not name:
            show_missing("No network yet", f"{survey.name} has none. Train one on the page “Network”.")
            return
        model = model_of(survey, name)
        analysis = analysis_with(survey, model, current().layer, has_unusual)
        galaxies = None
        if analysis is None:
            offer_layers(layers_with(survey, has_unusual), "unusual galaxies")
        else:
            show_layer(survey, analysis, "unusual galaxies", has_unusual)
            galaxies = unusual_for(survey, model, analysis.layer)
        if galaxies is not None:
            show_rating(galaxies)
            return
        show_missing(
            "Not searched yet",
            "The search ranks all galaxies by how unusual they are to this network, with a reason for each: seconds "
            "for a thousand galaxies. The ranking then learns from your ratings.",
            f"gz2interp unusual {survey.path} --model {name}",
        )
        heading("Search", "It runs in a process of its own, and can be stopped.")
        show_work(survey, name, first="unusual")


show_network_page(_show, "Unusual galaxies are searched with a network and its survey.")
