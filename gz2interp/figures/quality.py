"""How good a network is, as plotly figures that suit light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from gz2interp.cards import Evaluation, Failures
from gz2interp.figures.colours import OKABE_ITO
from gz2interp.schema import name_in_words
from gz2interp.statistics import Estimate

__all__ = ["confusion_panel", "failures_panel", "history_panel", "panel", "reliability_panel"]

BLUE, ORANGE, QUIET = OKABE_ITO[0], OKABE_ITO[3], "#8B949E"
CLEAR: Final = "rgba(0,0,0,0)"
LINE: Final = "rgba(128,140,155,0.55)"
GRID: Final = "rgba(128,140,155,0.18)"
HEIGHT: Final = 270


def reliability_panel(evaluation: Evaluation) -> go.Figure:
    """Reliability diagram: accuracy against confidence, with 95 % intervals and the line of equality."""
    bins = evaluation.reliability
    figure = panel("confidence", "accuracy")
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": QUIET, "width": 1}, hoverinfo="skip"))
    figure.add_trace(_points([part.confidence for part in bins], [part.right for part in bins], BLUE, "right"))
    figure.update_xaxes(range=[0, 1.02])
    return figure.update_yaxes(range=[0, 1.02])


def failures_panel(failures: Failures) -> go.Figure:
    """The share that is wrong, with 95 % intervals, in bins of about equally many galaxies."""
    figure = panel(failures.words, "error rate")
    bins = failures.bins
    points = _points([(part.low + part.high) / 2 for part in bins], [part.share for part in bins], ORANGE, "wrong")
    half = [(part.high - part.low) / 2 for part in bins]
    points.update(error_x={"type": "data", "array": half, "thickness": 1, "width": 0, "color": ORANGE})
    figure.add_trace(points)
    return figure.update_yaxes(rangemode="tozero")


def confusion_panel(evaluation: Evaluation) -> go.Figure:
    """What it takes for what: counts, coloured by the share of each label's galaxies."""
    counts = np.array(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [name_in_words(score.name) for score in evaluation.classes]
    figure = panel("prediction", "label")
    hover = "label %{y}, prediction %{x}<br>%{z:.1%} of the label<extra></extra>"
    scale = [[0, "rgba(0,114,178,0.04)"], [1, BLUE]]
    figure.add_trace(
        go.Heatmap(
            x=names, y=names, z=shares, colorscale=scale, zmin=0, zmax=1, showscale=False, hovertemplate=hover,
            xgap=2, ygap=2,
        )
    )  # fmt: skip
    # Plotly would choose the counts' colour as if the page behind faint cells were white.
    for mask, font in (((counts > 0) & (shares <= 0.5), {}), (shares > 0.5, {"color": "white"})):
        down, across = np.nonzero(mask)
        figure.add_trace(
            go.Scatter(
                x=[names[i] for i in across], y=[names[i] for i in down], text=counts[mask].astype(str),
                mode="text", textfont=font, hoverinfo="skip",
            )
        )  # fmt: skip
    figure.update_xaxes(showgrid=False, tickangle=0)
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def history_panel(history: Mapping[str, Sequence[float]]) -> go.Figure:
    """The loss of each epoch, on the galaxies that teach and on those that steer.

    Parameters
    ----------
    history : mapping
        Column -> one number per epoch, with ``loss`` and ``validation_loss``.
    """
    figure = panel("epoch", "loss")
    epochs = list(history.get("epoch", range(1, len(history["loss"]) + 1)))
    for column, name, colour, dash in (("loss", "training", BLUE, "solid"), ("validation_loss", "validation", ORANGE, "dash")):  # fmt: skip  # noqa: E501
        if column in history:
            line = {"color": colour, "width": 2, "dash": dash}
            hover = f"{name}, epoch %{{x}}<br>loss %{{y:.3f}}<extra></extra>"
            figure.add_trace(
                go.Scatter(x=epochs, y=list(history[column]), mode="lines", name=name, line=line, hovertemplate=hover)
            )
    figure.update_layout(showlegend=True, legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0})
    return figure.update_yaxes(rangemode="tozero")


def _points(x: Sequence[float], shares: Sequence[Estimate], colour: str, word: str) -> go.Scatter:
    value, low, high = np.array([(share.value, share.low, share.high) for share in shares], float).reshape(-1, 3).T
    spread = {"type": "data", "array": np.clip(high - value, 0, None), "arrayminus": np.clip(value - low, 0, None)}
    points = go.Scatter(x=list(x), y=value, mode="markers", marker={"color": colour, "size": 8})
    points.update(error_y=spread | {"thickness": 1.5, "width": 0, "color": colour})
    texts = [f"{share} {word}, {share.count} galaxies" for share in shares]
    return points.update(text=texts, hovertemplate="%{text}<extra></extra>")


def panel(across: str, up: str) -> go.Figure:
    """An empty panel of numbers with its two axes named, on a clear ground."""
    axis: dict[str, Any] = {
        "fixedrange": True, "showline": True, "linecolor": LINE, "gridcolor": GRID, "zeroline": False, "ticks": "",
        "title_standoff": 6, "automargin": True,
    }  # fmt: skip
    figure = go.Figure()
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 6, "t": 8, "b": 0},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        showlegend=False,
        dragmode=False,
        font={"size": 12},
        template=None,
    )
    figure.update_xaxes(title_text=across, **axis)
    return figure.update_yaxes(title_text=up, **axis)
