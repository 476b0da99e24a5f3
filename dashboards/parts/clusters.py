"""Cards of clusters: what distinguishes each from the rest, its mean image and its typical galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import streamlit as st

from dashboards.gallery_component import show_button, show_gallery
from dashboards.loading.clusters import mean_pictures_of
from dashboards.loading.pictures import pictures_of
from dashboards.parts.galaxy_view import GalaxyView
from dashboards.parts.galleries import pick, prediction_cards
from dashboards.parts.style import caption, figure_html, heading
from dashboards.selection import change, current, offer_choice
from gz2interp.grouping import Cluster, Clusters
from gz2interp.stores.layer_results import ClusterFolder

__all__ = ["select_cluster", "show_cluster_cards", "show_scales"]

PAGE: Final = 5
"""Cards on the screen at once."""


def show_scales(clusters: Clusters) -> str:
    """The switch between scales; returns the selected one."""
    counts = {scale: len(clusters.of(scale)) for scale in clusters.scales}
    scale = current().scale if current().scale in counts else _first(clusters)
    key = "choose_scale"
    offer_choice(key, scale, lambda name: change(scale=str(name)))
    st.segmented_control("Scale", list(counts), key=key, format_func=lambda name: f"{name} · {counts[name]}")
    return scale


def select_cluster(name: str, layer: str) -> dict[str, str]:
    """What to change for a cluster of a layer: other pages may show another layer first."""
    return {"cluster": name} if layer == current().layer else {"cluster": name, "layer": layer}


def show_cluster_cards(view: GalaxyView, folder: ClusterFolder, scale: str, layer: str) -> None:
    """The clusters of a scale, the largest first, starting with the page of the selected one."""
    clusters = folder.clusters
    of_scale = clusters.of(scale)
    title, turn = st.columns([4, 1], vertical_alignment="bottom")
    with title:
        between = clusters.between.get(scale, 0)
        dashed = (
            "; dashed outlines: probably observational artefacts" if any(cluster.flags for cluster in of_scale) else ""
        )
        note = f"{between:,} of {clusters.galaxies:,} galaxies lie between them{dashed}" if of_scale else ""
        heading("1 cluster" if len(of_scale) == 1 else f"{len(of_scale) or 'No'} clusters", note)
    if not of_scale:
        caption("At this scale the map is a single cluster: no density minimum is deep enough to divide it.")
        return
    with turn:
        page = _page(of_scale)
    for cluster in page:
        _show_card(view, folder, cluster, layer)
    caption(
        "Mean images: each galaxy in units of its total flux in all bands, so that bright galaxies do not dominate; "
        "pixels brighter than the galaxy itself are clipped. Each band has a scale of its own."
    )


def _first(clusters: Clusters) -> str:
    """The middle scale, if it has clusters; else the first that has."""
    order = [*clusters.scales[1:2], *clusters.scales]
    return next((scale for scale in order if clusters.of(scale)), order[0])


def _page(clusters: Sequence[Cluster]) -> Sequence[Cluster]:
    pages = -(-len(clusters) // PAGE)
    names = [cluster.name for cluster in clusters]
    at = names.index(current().cluster) // PAGE + 1 if current().cluster in names else 1
    key = f"clusters_page_{names[0]}_{current().cluster}"  # another selected cluster opens its own page
    page = int(st.number_input(f"Page of {pages}", 1, pages, at, key=key)) if pages > 1 else 1
    return clusters[(page - 1) * PAGE : page * PAGE]


def _show_card(view: GalaxyView, folder: ClusterFolder, cluster: Cluster, layer: str) -> None:
    selected = current().cluster == cluster.name
    with st.container(border=True, key=f"cluster-{cluster.name}{'-chosen' if selected else ''}"):
        flags = "".join(f'<p class="gz2-flag">{escape(flag.words)}</p>' for flag in cluster.flags)
        inside = f"inside {escape(cluster.inside)}" if cluster.inside else ""
        text, choose = st.columns([4, 1.25], gap="medium")
        text.html(
            f'<div class="gz2-heading" role="heading" aria-level="3">{escape(cluster.name)}'
            f"<small>{inside}</small></div>"
            f'<div class="gz2-message">{flags}{escape(cluster.sentence)}</div>'
        )
        _show_mean(view, folder, cluster)
        _show_typical(view, cluster)
        with choose:
            show_button(
                "Deselect" if selected else f"Select all {cluster.size:,}",
                f"select-{cluster.name}",
                "" if selected else cluster.name,
                lambda name: change(**select_cluster(name, layer)),
                "primary" if selected else "secondary",
            )


def _show_mean(view: GalaxyView, folder: ClusterFolder, cluster: Cluster) -> None:
    pictures = mean_pictures_of(view.survey, folder, cluster.name)
    names = [f"mean of {cluster.stacked:,}", *view.survey.bands]
    figures = "".join(
        figure_html(picture, f"mean image, {name}", name) for picture, name in zip(pictures, names, strict=True)
    )
    st.html(f'<div class="gz2-means">{figures}</div>')


def _show_typical(view: GalaxyView, cluster: Cluster) -> None:
    """The galaxies that are most similar to all others of the cluster in the layer."""
    pictures = pictures_of(view.survey, cluster.typical)
    cards = prediction_cards(view.survey, view.model, cluster.typical, pictures, unknown="typical")
    show_gallery(cards, f"gallery-{cluster.name}", pick, selected=str(int(view.facts["galaxy_id"])), width=62)
