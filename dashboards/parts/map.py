"""The map, clicks and lassos on it, and the marker of an image from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from dashboards.loading.attributions import network_is_loaded
from dashboards.loading.map import MapData, place_of_file
from dashboards.map_component import plotly_library, show_map, viewport_of
from dashboards.map_component.events import Box, Click, Event, Lasso
from dashboards.parts.style import as_text, caption
from dashboards.selection import apply_pending, change, current, rounded, where_of
from gz2interp.errors import Gz2interpError
from gz2interp.figures.colours import Colouring
from gz2interp.figures.density import MapWindow
from gz2interp.figures.map import MOST_POINTS, MapView, map_figure
from gz2interp.map_quality import MapQuality
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["OUTSIDE", "mark_on_map", "show_map_panel"]


@st.fragment
def show_map_panel(
    map_data: MapData,
    colouring: Colouring,
    selected: int | None,
    members: NDArray[np.bool_] | None,
    key: str,
    mark: tuple[float, float] | None = None,
    over: Callable[[go.Figure], go.Figure] | None = None,
    also: Callable[[int], Mapping[str, Any]] | None = None,
) -> None:
    """Draw the map. A moved viewport redraws it alone; anything else the whole page.

    Parameters
    ----------
    colouring : Colouring
        Of the map's galaxies.
    selected : int, optional
        The selected galaxy's index among the map's points.
    members : bool (n,), optional
        The galaxies inside the lasso.
    key : str
        Of the component: another survey, model or layer has a viewport of its own.
    mark : (x, y), optional
        Of an image that is not in the survey.
    over : callable, optional
        Draws something over the map.
    also : callable, optional
        What else a click selects, by the index of the galaxy among the points.
    """
    if apply_pending():  # this fragment runs alone, but a selection concerns the whole page
        st.rerun()
    sight = viewport_of(key)
    window = MapWindow(*sight.x, *sight.y) if sight else map_data.home
    lasso, cluster = current().lasso, current().cluster
    view = MapView(window, selected, members, np.array(lasso) if lasso else None, mark)
    figure = as_text(map_figure(map_data.points, colouring, view))
    selected_any = bool(lasso or cluster)
    show_map(
        over(figure) if over else figure,
        key,
        map_data.home,
        selected=selected_any,
        on_event=lambda event: _answer(map_data, event, also),
    )
    plotly_library()
    _show_caption(map_data, members, mark)


def _answer(map_data: MapData, event: Event, also: Callable[[int], Mapping[str, Any]] | None) -> None:
    """Apply an event of the map to the selection."""
    match event:
        case Click(x, y):
            place = _place(map_data, x, y)
            change(galaxy_id=map_data.points.ids[place], **(also(place) if also else {}))
        case Lasso() | Box():
            change(lasso=rounded(event.polygon), cluster="")


def _place(map_data: MapData, x: float, y: float) -> int:
    place = map_data.position_of(map_data.nearest(x, y))
    assert place is not None
    return place


def _show_caption(map_data: MapData, members: NDArray[np.bool_] | None, mark: tuple[float, float] | None) -> None:
    n = len(map_data.rows)
    what = (
        f"Map of layer {map_data.layer} (distances within a cluster mean more than those between clusters)"
        if map_data.layer
        else "In the catalogue's order: it has no positions on the sky"
        if map_data.in_order
        else "Positions on the sky, east to the left"
    )
    galaxies = (
        f"{n:,} galaxies"
        if n <= MOST_POINTS
        else f"all {n:,} galaxies as a density image, at most {MOST_POINTS:,} of those in sight as points"
    )
    inside = "" if members is None else f" · {int(members.sum()):,} {where_of(current())}"
    marked = " · the star is your image" if mark else ""
    caption(f"{what} · {galaxies}{inside}{marked}.")
    if map_data.quality is not None:
        _show_quality(map_data.quality)


def _show_quality(quality: MapQuality) -> None:
    """The first measure as a caption, all of them as its tooltip."""
    of = "all galaxies" if quality.galaxies == quality.of else f"{quality.galaxies:,} galaxies drawn from all"
    sentences = [
        *quality.sentences(),
        f"Measured with {quality.neighbours} neighbours of {of}.",
        "Trustworthiness is 1 if neighbours on the map are neighbours in the layer,",
        "continuity is 1 if neighbours in the layer are neighbours on the map (Venna and Kaski 2001).",
    ]
    words = f"{quality.sentences()[0]} · {quality.neighbours_kept:.0%} of the {quality.neighbours} nearest kept"
    title = escape("\n".join(sentences))
    st.html(f'<div class="gz2-caption gz2-hint" tabindex="0" title="{title}">{escape(words)}</div>')


OUTSIDE = "outside_image"
"""Key of the upload field below the neighbours."""


def mark_on_map(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> tuple[float, float] | None:
    """The position of the image on the map; None where there is none, or where its own panel shows an error."""
    upload = st.session_state.get(OUTSIDE)
    if upload is None or model is None or analysis is None or model.latents:
        return None
    waiting = "Placing your image" if network_is_loaded(survey, model) else "Loading TensorFlow and the network"
    try:
        with st.spinner(f"{waiting} …"):
            return place_of_file(survey, model, analysis, upload.name, upload.getvalue())
    except Gz2interpError:
        return None
