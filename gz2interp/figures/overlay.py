"""A signed map or a measured bar drawn over an image, as array functions."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

__all__ = [
    "BAR_COLOUR",
    "DIVERGING",
    "add_bar",
    "diverging_rgb",
    "grey",
    "over",
    "summed_over_bands",
    "symmetric_limit",
]


Floats = NDArray[np.floating]
Bytes = NDArray[np.uint8]

DIVERGING: Final = ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b")
"""Against (blue), nothing (near white), for (red): ColorBrewer's RdBu, which colour-blind readers can tell apart."""


def symmetric_limit(values: Floats, quantile: float = 0.995) -> float:
    """The one limit L of a signed scale from -L to +L.

    Parameters
    ----------
    values : float (...)
        Everything that shall share the scale: all bands, or all galaxies of a figure.
    quantile : float
        Of the absolute values; a few hot pixels beyond it are clipped so that the rest can be seen.

    Returns
    -------
    float
        Positive; 1.0 where `values` has nothing but zeros, so that a scale can still be drawn.
    """
    finite = np.abs(values[np.isfinite(values)])
    limit = float(np.quantile(finite, quantile)) if finite.size else 0.0
    return limit or float(finite.max(initial=0.0)) or 1.0


def summed_over_bands(values: Floats) -> Floats:
    """(..., y, x, band) summed to (..., y, x): what all bands say together, with its sign kept."""
    return np.asarray(values.sum(axis=-1))


def diverging_rgb(values: Floats, limit: float) -> Bytes:
    """Colours of a signed map: float (...) in -limit..limit -> uint8 (..., 3)."""
    stops = np.array([_hex(colour) for colour in DIVERGING])
    where = (np.clip(np.nan_to_num(values) / limit, -1, 1) + 1) / 2
    grid = np.linspace(0, 1, len(stops))
    channels = [np.interp(where, grid, stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def grey(rgb: Bytes) -> Bytes:
    """uint8 (..., 3) -> the same shape without colour (Rec. 601 luma), a quiet ground for a coloured map."""
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    return np.repeat(luma.round().astype(np.uint8)[..., None], 3, axis=-1)


def over(rgb: Bytes, values: Floats, limit: float, strength: float = 0.85) -> Bytes:
    """The signed map laid over an image; opaque where it is strong, clear where it is near zero.

    Parameters
    ----------
    rgb : uint8 (..., y, x, 3)
    values : float (..., y, x)
        Signed.
    limit : float
        From `symmetric_limit`.
    strength : float
        Opacity at the limit.

    Returns
    -------
    uint8 (..., y, x, 3)
    """
    opacity = strength * np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)[..., None]
    ends = diverging_rgb(np.sign(values) * limit, limit)
    return np.asarray(np.round(grey(rgb) * (1 - opacity) + ends * opacity)).astype(np.uint8)


def _hex(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


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
