"""A measured bar, drawn over a galaxy's map."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

__all__ = ["BAR_COLOUR", "add_bar"]

BAR_COLOUR: Final = "#F0E442"
"""Seen on dark sky, and on a map's red and blue."""


def add_bar(figure: go.Figure, length: float, angle: float, middle: tuple[float, float]) -> None:
    """Lay a line with a mark at each end over a panel of one image, whose axes count pixels.

    Parameters
    ----------
    figure : plotly Figure
        As from `attribution_panels`.
    length : float
        From end to end [pixel].
    angle : float
        From the x axis towards the y axis [deg].
    middle : (x, y)
        In pixels, counted from the first, whose middle is 0.
    """
    half = length / 2 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    ends = np.array([middle - half, middle + half])
    figure.add_trace(
        go.Scatter(
            x=ends[:, 0],
            y=ends[:, 1],
            mode="lines+markers",
            line={"color": BAR_COLOUR, "width": 2},
            marker={"color": BAR_COLOUR, "size": 6, "symbol": "circle"},
            hoverinfo="skip",
        )
    )
