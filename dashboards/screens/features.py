"""The building blocks of a layer: channels with feature images, the dictionary of a galaxy, groups, and the atlas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.features import (
    BlocksView,
    StoredLayer,
    blocks_view_of,
    has_blocks,
    layer_results_of,
    network_to_compare,
)
from dashboards.loading.surveys import analysis_with, layers_of, layers_with, model_of
from dashboards.parts.atlas import show_atlas
from dashboards.parts.controls import offer_layers, show_layer_choices
from dashboards.parts.dictionary import show_dictionary, show_groups
from dashboards.parts.layer_block import show_block
from dashboards.parts.layer_sheet import show_sheet
from dashboards.parts.page import show_network_page
from dashboards.parts.states import show_missing
from dashboards.parts.style import caption, heading
from dashboards.parts.work import show_work
from dashboards.selection import change, current, offer_choice, settle
from gz2interp.errors import Gz2interpError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

VIEWS: Final = {"layer": "Layer", "dictionary": "Dictionary", "groups": "Groups", "atlas": "Atlas"}
LIVE: Final[Mapping[str, Callable[[StoredLayer, BlocksView], None]]] = {
    "dictionary": show_dictionary,
    "groups": show_groups,
}
# Views of the selected galaxy, for which the network is run. No docstring: Streamlit would write it on the page.


def _show(survey: Survey, name: str) -> None:
    if not name:
        show_missing("No network yet", f"{survey.name} has none. Train one on the page “Network”.")
        return
    model = model_of(survey, name)
    if model.latents:
        show_missing("Latents", f"{name} are latents: there is no network whose layers could be analysed.")
        return
    layers = layers_of(survey, model)
    analysis = analysis_with(survey, model, current().layer, has_blocks)
    if analysis is None:
        offer_layers(layers_with(survey, has_blocks), "channels")
        show_missing(
            "Not analysed yet",
            "Building blocks need the activations of every galaxy.",
            f"gz2interp analyse {survey.path} --model {name}",
        )
        show_work(survey, name, first="analyse")
        return
    if not current().galaxy_id:
        settle(galaxy_id=str(survey.catalog[GALAXY_ID].iloc[int(analysis.rows[0])]))
    results = layer_results_of(survey, model, analysis)
    view = _show_views(results, layers)
    caption(f"Layer {analysis.words}, network {model.name}")
    if not has_blocks(analysis):
        others = [pair for pair in layers_with(survey, has_blocks) if pair != (name, analysis.layer)]
        offer_layers(others, "channels")
    if view in LIVE:
        _show_galaxy(results, model, LIVE[view])
    elif results.blocks is None and results.features is None:
        _offer_blocks(results)
        return
    elif view == "atlas":
        _show_atlas(results)
    else:
        _show_layer(results)
    _offer_features(results)


def _show_views(results: StoredLayer, layers: list[str]) -> str:
    view = current().view if current().view in VIEWS else "layer"
    row = st.container(key="feature-views")
    left, layer, find = row.columns([2.1, 1, 1.4], vertical_alignment="bottom", gap="small")
    with left:
        offer_choice("choose_view", view, lambda name: change(view=str(name)))
        st.segmented_control("View", list(VIEWS), key="choose_view", format_func=VIEWS.__getitem__)
    show_layer_choices(layer, find, layers, results.analysis.layer, results.survey)
    return view


def _show_layer(results: StoredLayer) -> None:
    left, right = st.container(key="panels").columns([54, 46], gap="medium")
    with left:
        block = show_sheet(results)
    if block is not None:
        with right, st.container(key="block"):
            show_block(results, *block)


def _show_atlas(results: StoredLayer) -> None:
    if results.blocks is None:
        _offer_blocks(results)
    else:
        show_atlas(results, results.blocks)


def _show_galaxy(results: StoredLayer, model: ModelFolder, show: Callable[[StoredLayer, BlocksView], None]) -> None:
    row = results.survey.row_of(current().galaxy_id)
    loaded = network_is_loaded(results.survey, model)
    st.html(f'<div class="gz2-id" data-testid="galaxy-id">{current().galaxy_id}</div>')
    try:
        with st.spinner(f"{'Computing building blocks' if loaded else 'Loading TensorFlow and the network'} …"):
            view = blocks_view_of(results, row)
    except Gz2interpError as error:
        show_missing("No building blocks of this galaxy", str(error))
        return
    show(results, view)


def _offer_blocks(results: StoredLayer) -> None:
    show_missing(
        "No building blocks of this layer yet",
        "Correlates and most activating galaxies of its channels, neuron groups (NMF), and the activation atlas: "
        "minutes for some thousand galaxies. Feature images are made after that, and take minutes more.",
        f"gz2interp channels {results.survey.path} --model {results.model.name} --layer {results.analysis.layer}",
    )
    heading("Find building blocks", "It runs in a process of its own, and can be stopped.")
    show_work(results.survey, results.model.name, first="channels")


def _offer_features(results: StoredLayer) -> None:
    if results.features is not None:
        _offer_agreement(results)
        return
    command = f"gz2interp features {results.survey.path} --model {results.model.name} --layer {results.analysis.layer}"
    if results.begun:
        show_missing("The sheet of feature images is not complete", "It is continued where it stopped.", command)
    else:
        show_missing("No feature images yet", "Images that excite each channel, group, cell and class.", command)
    show_work(results.survey, results.model.name, first="features")


def _offer_agreement(results: StoredLayer) -> None:
    other = network_to_compare(results)
    if other is None or VIEWS.get(current().view, VIEWS["layer"]) != VIEWS["layer"]:
        return
    show_missing(
        "No comparison with another network yet",
        "Whether the feature images excite channels of another network too, more than by chance.",
        f"gz2interp agreement {results.survey.path} --model {results.model.name} --layer {results.analysis.layer} "
        f"--with {other[0]} --with-layer {other[1]}",
    )
    show_work(results.survey, results.model.name, first="agreement")


show_network_page(_show, "A layer is shown with the survey of its network.")
