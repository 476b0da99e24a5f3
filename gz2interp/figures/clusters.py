"""Clusters drawn: outlines and numbers over a map, and the mean image of one in colour and band by band."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import plotly.graph_objects as go
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.figures.density import MapWindow
from gz2interp.figures.panels import asinh_share
from gz2interp.figures.rgb import Stretch, rgb

__all__ = ["Outline", "add_outlines", "mean_pictures", "outlines"]

Floats = NDArray[np.floating]

GRID: Final = 160
"""Cells along each side of the map on which outlines are found."""

SMOOTHED: Final = 1.6
"""Width of the Gaussian under which galaxies are counted [cells]."""

LEVEL: Final = 0.12
"""Of the cluster's own mean density, where its outline runs."""

QUIET: Final = "#6E7781"
WARNING: Final = "#D55E00"
CHOSEN: Final = "#0072B2"
"""Two of Okabe and Ito's colours and a grey; a dashed line tells flagged ones apart without any colour."""


@dataclass(frozen=True, eq=False)
class Outline:
    """Where a cluster lies.

    Attributes
    ----------
    number : int
    lines : tuple of float (m, 2)
        Closed lines in map coordinates.
    place : (float, float)
        Where its number is written.
    """

    number: int
    lines: tuple[NDArray[np.float64], ...]
    place: tuple[float, float]


def outlines(
    coordinates: Floats, numbers: NDArray[np.int64], places: Mapping[int, tuple[float, float]], window: MapWindow
) -> list[Outline]:
    """The outlines of clusters.

    Parameters
    ----------
    coordinates : float (n, 2)
    numbers : int64 (n,)
        The cluster of each galaxy; 0 for none.
    places : mapping
        Cluster -> the galaxy in its middle; the clusters to outline.
    window : MapWindow
        The whole map.
    """
    edges = [np.linspace(low, high, GRID + 1) for low, high in ((window.y0, window.y1), (window.x0, window.x1))]
    y, x = ((side[1:] + side[:-1]) / 2 for side in edges)
    contours = []
    for number, place in places.items():
        members = coordinates[numbers == number]
        counts, _, _ = np.histogram2d(members[:, 1], members[:, 0], bins=edges)
        smooth = ndimage.gaussian_filter(counts, SMOOTHED, mode="constant")
        level = LEVEL * float((smooth * counts).sum()) / max(len(members), 1)
        lines = contour_generator(x, y, smooth).lines(level)
        contours.append(Outline(number, tuple(line for line in lines if len(line) > 8), place))
    return contours


def add_outlines(
    figure: go.Figure, contours: Sequence[Outline], selected: int = 0, flagged: Collection[int] = ()
) -> go.Figure:
    """Draw outlines and numbers over a map.

    Parameters
    ----------
    figure : plotly Figure
    contours : sequence of Outline
    selected : int
        The selected cluster; 0 for none.
    flagged : collection of int
        Clusters that the sky or the telescope has probably made: dashed.
    """
    for outline in sorted(contours, key=lambda one: one.number == selected):
        line = {"color": QUIET, "width": 1.4, "dash": "solid"}
        if outline.number in flagged:
            line |= {"color": WARNING, "dash": "dash"}
        if outline.number == selected:
            line |= {"color": CHOSEN, "width": 3}
        x, y = _joined(outline.lines)
        figure.add_trace(
            go.Scatter(
                x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False, meta=f"cluster-{outline.number}"
            )
        )
    for outline in contours:
        colour = CHOSEN if outline.number == selected else WARNING if outline.number in flagged else "#30363D"
        figure.add_annotation(
            x=outline.place[0],
            y=outline.place[1],
            text=f"<b>{outline.number}</b>",
            showarrow=False,
            font={"size": 11, "color": "#FFFFFF"},
            bgcolor=colour,
            borderpad=2,
            opacity=0.92,
        )
    return figure


def mean_pictures(image: Floats, bands: Sequence[str], stretch: Stretch) -> NDArray[np.uint8]:
    """A mean image in colour and, behind it, each band in grey: uint8 (1 + band, y, x, 3), in array order.

    Parameters
    ----------
    image : float32 (y, x, band), nanomaggies
    bands : sequence of str
    stretch : Stretch
        The survey's, of the colours; each band has a scale of its own.
    """
    greys = [np.round(255 * asinh_share(image[..., place].astype(np.float64))) for place in range(len(bands))]
    colours = [np.repeat(grey[..., None], 3, axis=2).astype(np.uint8) for grey in greys]
    return np.stack([rgb(image, bands, stretch), *colours])


def _joined(lines: Sequence[NDArray[np.float64]]) -> tuple[list[float | None], list[float | None]]:
    """Several lines as one trace, with a gap between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for line in lines:
        x += [*(float(f"{value:.5g}") for value in line[:, 0]), None]
        y += [*(float(f"{value:.5g}") for value in line[:, 1]), None]
    return x, y
