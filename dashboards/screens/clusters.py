"""Clusters of the map: what distinguishes each, which are probably observational artefacts, and their galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from dashboards.loading.clusters import clusters_of, outlines_of, selected_members
from dashboards.loading.map import MapData, colouring_of, map_data_of
from dashboards.loading.surveys import analysis_with, colour_columns, layers_with, model_of
from dashboards.parts.clusters import select_cluster, show_cluster_cards, show_scales
from dashboards.parts.controls import offer_layers, show_layer
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.galleries import show_members
from dashboards.parts.map import show_map_panel
from dashboards.parts.page import show_network_page
from dashboards.parts.states import show_missing
from dashboards.parts.style import heading
from dashboards.parts.work import show_work
from dashboards.selection import current, settle
from gz2interp.figures.clusters import add_outlines
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import ClusterFolder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey


def _show(survey: Survey, name: str) -> None:
    if not name:
        show_missing("No network yet", f"{survey.name} has none, and so no map. Train one on the page “Network”.")
        return
    model = model_of(survey, name)
    analysis = analysis_with(survey, model, current().layer, _has_clusters)
    if analysis is None:
        offer_layers(layers_with(survey, _has_clusters), "clusters")
        show_missing(
            "Not analysed yet",
            "Clusters are found on a map, which needs the activations of every galaxy.",
            f"gz2interp analyse {survey.path} --model {name}",
        )
        if model.latents is None:
            show_work(survey, name, first="analyse")
        return
    show_layer(survey, analysis, "clusters", _has_clusters)
    folder = clusters_of(analysis)
    if folder is None:
        elsewhere = bool(layers_with(survey, _has_clusters))
        show_missing(
            "No clusters of this layer yet" if elsewhere else "No clusters yet",
            "They are found on the map at three scales; each is described in a sentence, and flagged if it is probably "
            "an observational artefact. The image quality is measured for that: seconds for a thousand galaxies.",
            f"gz2interp clusters {survey.path} --model {name} --layer {analysis.layer}",
        )
        heading("Find clusters", "It runs in a process of its own, and can be stopped.")
        show_work(survey, name, first="clusters")
        return
    _show_clusters(survey, model, analysis, folder)


def _has_clusters(analysis: Analysis) -> bool:
    return clusters_of(analysis) is not None


def _show_clusters(survey: Survey, model: ModelFolder, analysis: Analysis, folder: ClusterFolder) -> None:
    map_data = map_data_of(survey, model, analysis)
    if not current().galaxy_id or map_data.position_of(survey.row_of(current().galaxy_id)) is None:
        settle(galaxy_id=str(survey.catalog[GALAXY_ID].iloc[int(analysis.rows[0])]))
    columns = colour_columns(survey, model)
    if current().colour not in columns:
        settle(colour=columns[0])
    view = GalaxyView(survey, model, survey.row_of(current().galaxy_id))
    members = selected_members(map_data, survey, model, analysis)
    left, right = st.container(key="panels").columns([46, 54], gap="medium")
    with right:
        scale = show_scales(folder.clusters)
        show_cluster_cards(view, folder, scale, analysis.layer)
    with left:
        _show_map(survey, model, map_data, view, members, folder, scale)
        if members is not None:
            show_members(view, map_data, members)


def _show_map(
    survey: Survey,
    model: ModelFolder,
    map_data: MapData,
    view: GalaxyView,
    members: Any,
    folder: ClusterFolder,
    scale: str,
) -> None:
    of_scale = folder.clusters.of(scale)
    selected = next((cluster.number for cluster in of_scale if cluster.name == current().cluster), 0)
    flagged = {cluster.number for cluster in of_scale if cluster.flags}
    outlines = outlines_of(map_data, folder, scale)
    numbers = folder.members[scale].to_numpy(np.int64)

    def also(place: int) -> Mapping[str, Any]:
        """The change for a click: the cluster at this point, or none between the clusters."""
        number = int(numbers[place])
        return select_cluster(f"{scale}-{number}" if number else "", map_data.layer)

    show_map_panel(
        map_data,
        colouring_of(survey, model, map_data, current().colour),
        map_data.position_of(view.row),
        members,
        f"clusters-{map_data.key}",
        over=lambda figure: add_outlines(figure, outlines, selected, flagged),
        also=also,
    )


show_network_page(_show, "Clusters are found on a network's map.")
