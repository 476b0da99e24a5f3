"""The component of the map, based on the plotly.js of the plotly package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from dashboards.components import component, ignore
from dashboards.map_component.events import Event, Viewport, read_event
from dashboards.selection import offer_events
from gz2interp.figures.density import MapWindow

__all__ = ["plotly_library", "show_map", "viewport_of"]

HTML: Final = files("dashboards.map_component").joinpath("map.html").read_text("utf-8")
LIBRARY_HEAD = "const others = window.Plotly;\n"
LIBRARY_TAIL = """
window.gz2interpPlotly = window.Plotly;
if (others) window.Plotly = others;
window.dispatchEvent(new Event("gz2interp-plotly"));
export default () => {};
"""


def plotly_library() -> None:
    """Load plotly.js into the page.

    A component of its own, because Streamlit sends a component's code with its data: so the 5 MB are sent to the
    browser once, and not with every figure.
    """
    _library()(key="plotly-library", height=1)


def show_map(
    figure: go.Figure, key: str, home: MapWindow, *, selected: bool, on_event: Callable[[Event], None]
) -> None:
    """Draw the map.

    Parameters
    ----------
    figure : plotly Figure
        From `gz2interp.figures.map.map_figure`.
    key : str
        Of the component; each key has a viewport of its own.
    home : MapWindow
        What "show everything" shows.
    selected : bool
        Whether galaxies are selected: then "Clear" sends an empty lasso.
    on_event : callable
        Called with each click, lasso and box, at the start of the next run.
    """
    full = {"x": [home.x0, home.x1], "y": [home.y0, home.y1]}
    sight = viewport_of(key)
    answered = offer_events(key, "event", lambda record: on_event(read_event(record)))
    data = {
        "figure": figure.to_json(),
        "home": full,
        "window": {"x": list(sight.x), "y": list(sight.y)} if sight else full,
        "selected": selected,
        "answered": answered,
    }
    component("map", HTML)(key=key, data=data, on_event_change=ignore, on_viewport_change=ignore)


def viewport_of(key: str) -> Viewport | None:
    """The visible part of the map of that key; None until the user changes it."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    sight = read_event(state["viewport"]) if state.get("viewport") else None
    return sight if isinstance(sight, Viewport) else None


@cache
def _library() -> Callable[..., Any]:
    source = files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")
    return st.components.v2.component("gz2interp.plotly", js=LIBRARY_HEAD + source + LIBRARY_TAIL, isolate_styles=False)
