"""The map and the neighbours on the left, the selected galaxy on the right, the members of the lasso below."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboards.loading.clusters import clusters_of, selected_members
from dashboards.loading.map import colouring_of, map_data_of
from dashboards.loading.surveys import (
    analysis_with,
    colour_columns,
    layers_of,
    model_of,
    open_survey,
    outdated_analyses,
    survey_names,
)
from dashboards.parts.controls import ControlOptions, show_brand, show_choices
from dashboards.parts.galaxy import show_galaxy
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.galleries import show_members
from dashboards.parts.map import mark_on_map, show_map_panel
from dashboards.parts.neighbours import show_neighbours, show_outsider
from dashboards.parts.page import settle_selection
from dashboards.parts.states import DEMO, building_of, show_building, show_error, show_missing, show_no_survey
from dashboards.parts.style import plain
from dashboards.parts.work import show_work
from dashboards.selection import Selection, change, current, settle
from gz2interp.errors import Gz2interpError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey


def page() -> None:
    """The demo that is being built, a first start, or a survey."""
    if building_of(DEMO) is not None:
        show_brand()
        show_building(DEMO)
        return
    names = survey_names()
    if not current().survey and not names:
        show_brand()
        show_no_survey()
        return
    try:
        settle(survey=current().survey or names[0])
        survey = open_survey(current().survey)
        settle_selection(survey)
    except Gz2interpError as error:
        show_brand()
        show_failure(error, names)
        return
    try:
        show_survey(survey, names)
    except Gz2interpError as error:
        show_failure(error, names)


def show_survey(survey: Survey, names: list[str]) -> None:
    """A survey with its network and analysis, if there are any."""
    if not current().galaxy_id and len(survey):
        settle(galaxy_id=str(survey.catalog[GALAXY_ID].iloc[_first(survey)]))
    model = model_of(survey, current().model) if current().model else None
    layers = layers_of(survey, model) if model else []
    analysis = analysis_with(survey, model, current().layer, _has_selected) if model else None
    columns = colour_columns(survey, model)
    if current().colour not in columns:
        settle(colour=columns[0])
    displayed = Selection(
        **{**vars(current()), "survey": current().survey or survey.name, "layer": analysis.layer if analysis else ""}
    )
    show_choices(ControlOptions(names, survey.models(), layers, columns), displayed, survey)
    if len(survey) == 0:
        show_missing("An empty survey", f"The catalogue of {survey.name} has no galaxies.")
        return
    _show_panels(survey, model, analysis)


def _has_selected(analysis: Analysis) -> bool:
    """Whether the selected cluster, if there is one, belongs to this analysis."""
    folder = clusters_of(analysis) if current().cluster else None
    return not current().cluster or (folder is not None and folder.clusters.named(current().cluster) is not None)


def _show_panels(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> None:
    selection = current()
    map_data = map_data_of(survey, model, analysis)
    view = GalaxyView(survey, model, survey.row_of(selection.galaxy_id))
    members = selected_members(map_data, survey, model, analysis)
    left, right = st.container(key="panels").columns([54, 46], gap="medium")
    below = st.container()
    if members is not None:
        with below:  # drawn first though it stands last, so that it does not wait for the map
            show_members(view, map_data, members)
    with left:
        _show_missing_parts(survey, model, analysis)
        colouring = colouring_of(survey, model, map_data, selection.colour)
        mark = mark_on_map(survey, model, analysis)
        show_map_panel(map_data, colouring, map_data.position_of(view.row), members, f"map-{map_data.key}", mark)
        if analysis is not None:
            show_neighbours(view, analysis)
        outside = st.container()
    with right:
        show_galaxy(view, selection)
    if analysis is not None:
        with outside:  # drawn last though it stands before, so that nothing waits for the network
            show_outsider(view, analysis)


def _show_missing_parts(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> None:
    if model is None:
        show_missing(
            "No network yet",
            "The map shows the sky until one has been trained on this survey: here, or on the command line.",
        )
        show_work(survey)
    elif analysis is None:
        outdated = outdated_analyses(survey, model)
        words = "The map shows the sky until this network has been run on every galaxy."
        if outdated:
            words = f"The earlier results are of other galaxies or another network. {words}"
        show_missing(
            "Outdated analysis" if outdated else "Not analysed yet",
            words,
            f"gz2interp analyse {survey.path} --model {model.name}",
        )
        if model.latents is None:
            show_work(survey, model.name, "analyse")


def _first(survey: Survey) -> int:
    usable = np.flatnonzero(survey.usable)
    return int(usable[0]) if len(usable) else 0


def show_failure(error: Gz2interpError, names: list[str]) -> None:
    """The error of a survey that cannot be shown, and buttons for other surveys."""
    _, middle, _ = st.columns([1, 2.2, 1])
    others = [name for name in names if name != current().survey]
    with middle:
        show_error(error, "This survey cannot be shown")
        with st.container(horizontal=True):
            for name in others:
                st.button(plain(f"Open {name}"), on_click=change, kwargs={"survey": name})
        if not others:
            st.button("Start over", on_click=change, kwargs={"survey": ""})


page()
