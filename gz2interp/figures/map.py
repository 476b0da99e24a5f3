"""The map of a layer: where each galaxy lies, as a plotly figure of one image and a few thousand points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from gz2interp.figures.colours import NUMBERS, Categories, Colouring, NumberScale
from gz2interp.figures.density import MapWindow, density_rgba, sample, window_of
from gz2interp.figures.rgb import data_uri

__all__ = ["MOST_POINTS", "MapPoints", "MapView", "map_figure"]

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

MOST_POINTS: Final = 3000
RING: Final = "#FFFFFF"
RING_EDGE: Final = "#111111"


@dataclass(frozen=True, eq=False)
class MapPoints:
    """Everything that can be shown of the galaxies on a map.

    Attributes
    ----------
    coordinates : float32 (n, 2)
        x and y.
    ids : sequence of str
        Galaxy ids as strings: a browser's numbers would turn one galaxy into another.
    labels, predictions : sequence of str
    order : int64 (n,)
        A random permutation, which decides whom a crowded window shows as points.
    """

    coordinates: Floats
    ids: Sequence[str]
    labels: Sequence[str]
    predictions: Sequence[str]
    order: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MapView:
    """What is looked at.

    Attributes
    ----------
    window : MapWindow, optional
        All galaxies if not said.
    selected : int, optional
        The place of the selected galaxy among the points; it wears a ring.
    members : bool (n,), optional
        The galaxies inside the lasso; the others fade.
    polygon : float (m, 2), optional
        The lasso itself.
    mark : (x, y), optional
        The place of an image that is not in the survey; it is a star.
    """

    window: MapWindow | None = None
    selected: int | None = None
    members: Bools | None = None
    polygon: Floats | None = None
    mark: tuple[float, float] | None = None


def map_figure(
    points: MapPoints, colouring: Colouring, view: MapView | None = None, most: int = MOST_POINTS
) -> go.Figure:
    """The map: a density image of all galaxies under a sample of them.

    Parameters
    ----------
    points : MapPoints
    colouring : Categories or NumberScale
        From `gz2interp.figures.colours`, one entry for each point.
    view : MapView, optional
    most : int
        The most points drawn one by one.

    Returns
    -------
    plotly.graph_objects.Figure
        Traces: the sampled points (one trace for each category), the lasso, the ring, the mark. The same at 1,000 and
        at 1,000,000 galaxies.
    """
    view = view or MapView()
    window = view.window or window_of(points.coordinates)
    rows_drawn = sample(points.coordinates, window, points.order, most)
    figure = go.Figure(layout=_layout(window))
    image = density_rgba(points.coordinates, colouring.rgb(), window, view.members)
    figure.add_layout_image(**_placed(data_uri(image), window))
    if isinstance(colouring, Categories):
        figure.add_traces(_category_traces(points, colouring, rows_drawn, view.members))
    else:
        figure.add_trace(_scale_trace(points, colouring, rows_drawn, view.members))
    if view.polygon is not None and len(view.polygon) > 2:
        figure.add_trace(_lasso_trace(view.polygon))
    if view.selected is not None:
        figure.add_traces(_ring_traces(points, view.selected))
    if view.mark is not None:
        figure.add_trace(_mark_trace(*view.mark))
    return figure


def _category_traces(
    points: MapPoints, colouring: Categories, rows_drawn: NDArray[np.int64], members: Bools | None
) -> list[go.Scatter]:
    """One trace for each name, also for those with no galaxy in the window, so that the legend stands still."""
    traces = []
    for code, (name, colour) in enumerate(zip(colouring.names, colouring.colours, strict=True)):
        rows = rows_drawn[colouring.codes[rows_drawn] == code]
        marker = {"color": colour, **_marker(rows, members)}
        traces.append(go.Scatter(name=name, marker=marker, showlegend=False, **_scatter(points, rows)))
        # The legend's own dots keep their full colour while the points fade around a lasso.
        dot = {"color": colour, "size": 9}
        traces.append(go.Scatter(x=[None], y=[None], name=name, mode="markers", marker=dot, hoverinfo="skip"))
    return traces


def _scale_trace(
    points: MapPoints, colouring: NumberScale, rows_drawn: NDArray[np.int64], members: Bools | None
) -> go.Scatter:
    bar = {"title": {"text": colouring.title, "side": "top"}, "orientation": "h", "x": 0, "xanchor": "left", "y": -0.01}
    bar |= {"yanchor": "top", "len": 0.45, "thickness": 8, "outlinewidth": 0, "nticks": 5, "ypad": 4}
    marker = {
        "color": colouring.values[rows_drawn],
        "colorscale": list(NUMBERS),
        "cmin": colouring.low,
        "cmax": colouring.high,
    }
    marker |= {"colorbar": bar, "showscale": True, **_marker(rows_drawn, members)}
    return go.Scatter(name=colouring.title, marker=marker, showlegend=False, **_scatter(points, rows_drawn))


def _marker(rows: NDArray[np.int64], members: Bools | None) -> dict[str, Any]:
    opacity = 0.85 if members is None else np.where(members[rows], 0.95, 0.12)
    # Few galaxies may be large; many must leave the density to be seen between them.
    return {"size": 8 if len(rows) < 200 else 5, "opacity": opacity, "line": {"width": 0}}


def _scatter(points: MapPoints, rows: NDArray[np.int64]) -> dict[str, Any]:
    details = [[points.ids[row], points.labels[row], points.predictions[row]] for row in rows]
    hover = "<b>%{customdata[0]}</b><br>label %{customdata[1]}<br>prediction %{customdata[2]}<extra></extra>"
    places = points.coordinates[rows]
    return {"x": places[:, 0], "y": places[:, 1], "mode": "markers", "customdata": details, "hovertemplate": hover}


def _lasso_trace(polygon: Floats) -> go.Scatter:
    closed = np.concatenate([polygon, polygon[:1]])
    line = {"color": "#8B949E", "width": 1.5, "dash": "dot"}
    return go.Scatter(
        x=closed[:, 0],
        y=closed[:, 1],
        mode="lines",
        line=line,
        hoverinfo="skip",
        showlegend=False,
        name="lasso",
        meta="lasso",
    )


def _ring_traces(points: MapPoints, selected: int) -> list[go.Scatter]:
    """A white ring between two black ones: it stands out from every colour and from both grounds."""
    x, y = points.coordinates[selected]
    rings = [(17, 5, RING_EDGE), (17, 2.5, RING)]
    return [
        go.Scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={"size": size, "color": "rgba(0,0,0,0)", "line": {"width": width, "color": colour}},
            hoverinfo="skip",
            showlegend=False,
            name="selected",
            meta="selected",
        )
        for size, width, colour in rings
    ]


def _mark_trace(x: float, y: float) -> go.Scatter:
    marker = {"symbol": "star", "size": 18, "color": "#F0E442", "line": {"width": 1.5, "color": RING_EDGE}}
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker=marker,
        hovertemplate="your image<extra></extra>",
        showlegend=False,
        name="your image",
        meta="mark",
    )


def _placed(uri: str, window: MapWindow) -> dict[str, Any]:
    place = {"x": window.x0, "y": window.y1, "sizex": window.x1 - window.x0, "sizey": window.y1 - window.y0}
    return {"source": uri, "xref": "x", "yref": "y", "sizing": "stretch", "layer": "below", **place}


def _layout(window: MapWindow) -> dict[str, Any]:
    # The coordinates of a projection have no unit: no ticks, no grid. One unit is equally long in x and y.
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "showline": False}
    return {
        "xaxis": {**bare, "range": [window.x0, window.x1], "constrain": "range"},
        "yaxis": {**bare, "range": [window.y0, window.y1], "scaleanchor": "x", "constrain": "range"},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 44},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.01,
            "yanchor": "top",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": True,
        "template": None,
    }
