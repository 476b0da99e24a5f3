"""Our map: a small Streamlit component around the plotly.js that the plotly package brings along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboards.map_component.events import Event, Viewport, read_event
from gz2interp.figures.density import Window

__all__ = ["MapAnswer", "map_events", "plotly_library", "show_map"]

LIBRARY_HEAD = "const others = window.Plotly;\n"
LIBRARY_TAIL = """
window.gz2interpPlotly = window.Plotly;
if (others) window.Plotly = others;
window.dispatchEvent(new Event("gz2interp-plotly"));
export default () => {};
"""


@dataclass(frozen=True)
class MapAnswer:
    """What a person has done on the map.

    Attributes
    ----------
    event : Click, Lasso or Box, optional
        Of this run alone.
    serial : int
        The event's number; 0 without one.
    viewport : Viewport, optional
        What he looks at; None until he moves.
    """

    event: Event | None
    serial: int
    viewport: Viewport | None


def plotly_library() -> None:
    """Hand plotly.js to the page.

    It is a component of its own because Streamlit sends a component's code along with its data: apart, the 5 MB go to
    the browser once, and a changed figure is a message of its own size.
    """
    _library()(key="plotly-library", height=1)


def show_map(figure: go.Figure, key: str, home: Window, *, answered: int, on_event: Callable[[], None]) -> None:
    """Draw the map; what happens on it is told to `on_event`, which asks `map_events`.

    Parameters
    ----------
    figure : plotly Figure
        From `gz2interp.figures.map.map_figure`.
    key : str
        Of the component; another key is another map, with a viewport of its own.
    home : Window
        What "show everything" shows.
    answered : int
        Serial of the last event that this figure takes into account.
    on_event : callable
        Called before the page runs again.
    """
    full = {"x": [home.x0, home.x1], "y": [home.y0, home.y1]}
    sight = map_events(key).viewport
    data = {
        "figure": figure.to_json(),
        "home": full,
        "window": {"x": list(sight.x), "y": list(sight.y)} if sight else full,
        "lasso": any(trace.meta == "lasso" for trace in figure.data),
        "answered": answered,
    }
    _map()(key=key, data=data, on_event_change=on_event, on_viewport_change=_nothing)


def map_events(key: str) -> MapAnswer:
    """What has happened on the map of that key, before or after it is drawn."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    event, sight = state.get("event"), state.get("viewport")
    viewport = read_event(sight) if sight else None
    return MapAnswer(
        read_event(event) if event else None,
        int(event.get("serial", 0)) if event else 0,
        viewport if isinstance(viewport, Viewport) else None,
    )


@cache
def _library() -> Callable[..., Any]:
    source = files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")
    return st.components.v2.component("gz2interp.plotly", js=LIBRARY_HEAD + source + LIBRARY_TAIL, isolate_styles=False)


@cache
def _map() -> Callable[..., Any]:
    own = files("dashboards.map_component")
    html, css, js = (own.joinpath(f"map.{suffix}").read_text("utf-8") for suffix in ("html", "css", "js"))
    return st.components.v2.component("gz2interp.map", html=html, css=css, js=js, isolate_styles=False)


def _nothing() -> None:
    """Streamlit wants a callback for each state it keeps."""
