"""How far methods can be trusted, as plotly figures that suit light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from gz2interp.figures.colours import OKABE_ITO
from gz2interp.figures.quality import BLUE, HEIGHT, ORANGE, QUIET, panel
from gz2interp.statistics import Estimate

__all__ = ["cascade_panel", "dots_panel"]

ROW: Final = 26
"""Height of a method's row [screen pixel]."""
DASHES: Final = ("solid", "dash", "dot", "dashdot")


def dots_panel(
    rows: Sequence[tuple[str, Estimate, bool | None]], lines: Mapping[str, float | None], across: str
) -> go.Figure:
    """A number of each method with its 95 % interval, beside what others reach that know nothing of the network.

    Parameters
    ----------
    rows : sequence of (title, estimate, passed)
        From top to bottom. Passed is a filled dot, not passed a cross, not judged an open dot.
    lines : mapping
        Name to value of what is drawn as an upright line.
    across : str
        What the numbers are.
    """
    figure = panel(across, "")
    finite = [(title, estimate, passed) for title, estimate, passed in rows if estimate.value is not None]
    value, low, high = np.array([(one.value, one.low, one.high) for _, one, _ in finite], float).reshape(-1, 3).T
    colours = [BLUE if passed else QUIET if passed is None else ORANGE for *_, passed in finite]
    marks = ["circle" if passed else "circle-open" if passed is None else "x" for *_, passed in finite]
    spread = {"type": "data", "array": np.clip(high - value, 0, None), "arrayminus": np.clip(value - low, 0, None)}
    figure.add_trace(
        go.Scatter(
            x=value,
            y=[title for title, *_ in finite],
            mode="markers",
            marker={"color": colours, "size": 9, "symbol": marks},
            error_x=spread | {"thickness": 1.2, "width": 0, "color": QUIET},
            text=[f"{title}: {estimate.plain}, {estimate.count} galaxies" for title, estimate, _ in finite],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    for dash, (name, at) in zip(DASHES, lines.items(), strict=False):
        if at is not None:
            figure.add_vline(at, line={"color": QUIET, "width": 1, "dash": dash})
            figure.add_annotation(
                x=at, y=1, yref="paper", yanchor="bottom", text=name, showarrow=False, font={"size": 11}
            )
    figure.update_layout(height=70 + ROW * len(finite), margin={"l": 0, "r": 6, "t": 22, "b": 0})
    figure.update_xaxes(rangemode="tozero")
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def cascade_panel(curves: Mapping[str, Sequence[float]], shares: Sequence[float]) -> go.Figure:
    """How much of each map is left as the network forgets its layers from the top down.

    Parameters
    ----------
    curves : mapping
        Method to its rank correlations; more than there are colours and dashes repeat themselves.
    shares : sequence of float
        Of the layers that are forgotten, 0 to 1.
    """
    figure = panel("share of layers forgotten, from the answer down", "rank correlation with the map")
    for number, (title, values) in enumerate(curves.items()):
        colour, dash = OKABE_ITO[number % len(OKABE_ITO)], DASHES[number // len(OKABE_ITO) % len(DASHES)]
        figure.add_trace(
            go.Scatter(
                x=[0, *shares],
                y=[1, *values],
                mode="lines+markers",
                name=title,
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 5},
                hovertemplate=f"{title}<br>%{{y:.2f}} with %{{x:.0%}} forgotten<extra></extra>",
            )
        )
    figure.add_hline(0.5, line={"color": QUIET, "width": 1, "dash": "dot"})
    figure.update_layout(height=HEIGHT + 90, showlegend=True, legend={"x": 1.02, "y": 1, "font": {"size": 11}})
    return figure.update_xaxes(tickformat=".0%", range=[-0.02, 1.03])
