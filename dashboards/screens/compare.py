"""Two layers, networks or latents of a survey: their common neighbours, and galaxies that moved between the maps."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.map import analysed_layers, comparison_of, default_pair
from dashboards.parts.compared import show_compared
from dashboards.parts.page import show_network_page
from dashboards.parts.states import show_missing
from dashboards.parts.work import show_work
from gz2interp.stores.survey import Survey


def _show(survey: Survey, name: str) -> None:
    layers = analysed_layers(survey)
    if len(layers) < 2:
        show_missing(
            "Nothing to compare yet",
            "Two analysed layers are needed: of one network, of two, or latents of your own.",
            f"gz2interp analyse {survey.path} --model {name or 'MODEL'} --layer LAYER",
        )
        return
    layers.sort(key=lambda side: side[0] != name)
    with st.container(key="compare"):
        left, right, _ = st.columns([1.2, 1.2, 2])
        one, two = default_pair(survey, layers)
        first = left.selectbox("First", layers, one, format_func=" · ".join, key="compare_first")
        second = right.selectbox("Second", layers, two, format_func=" · ".join, key="compare_second")
        comparison = comparison_of(survey, first, second)
        if comparison is not None:
            show_compared(comparison, survey)
            return
        words = f"--model {first[0]} --layer {first[1]} --model {second[0]} --layer {second[1]}"
        show_missing(
            "Not compared yet",
            "The second map is computed again from the positions on the first, in a process of its own.",
            f"gz2interp compare {survey.path} {words}",
        )
        show_work(survey, name, first="compare")


show_network_page(_show, "Layers are compared on a survey with a network.")
