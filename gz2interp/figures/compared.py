"""Two aligned maps side by side, coloured by the neighbours that they share, the galaxies that changed most linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from numpy.typing import NDArray

from gz2interp.figures.style import STYLE, TEXT

__all__ = ["TwoMaps", "two_maps_figure"]

Floats = NDArray[np.floating]

WIDTH: Final = 7.1
"""Inches: both columns of a page."""
TITLE, SCALE = 0.26, 0.5
"""Inches above and below the maps."""
GAP: Final = 0.06
"""Of a map's extent, left free around it."""
MOST_POINTS: Final = 40_000
LINK: Final = "#D55E00"


@dataclass(frozen=True, eq=False)
class TwoMaps:
    """What the figure shows.

    Attributes
    ----------
    first, second : float (n, 2)
        Places of the same galaxies.
    shared : float (n,)
        0..1, NaN where unknown.
    titles : (str, str)
    linked : int64 (m,)
        Positions of the galaxies that are linked.
    neighbours : int
    by_chance : float
    """

    first: Floats
    second: Floats
    shared: Floats
    titles: tuple[str, str]
    linked: NDArray[np.int64]
    neighbours: int
    by_chance: float


def two_maps_figure(maps: TwoMaps) -> Figure:
    """Draw them; both panels have one scale, for the second map lies on the first as well as it can.

    Beyond 40,000 galaxies every second, third, ... is drawn.
    """
    with mpl.rc_context(STYLE):
        low, high = _extent(maps)
        tall = float(np.clip(WIDTH / 2 * (high[1] - low[1]) / (high[0] - low[0]), 1.2, 6.0))
        height = tall + TITLE + SCALE
        figure = Figure(figsize=(WIDTH, height))
        frame = {"wspace": 0.02, "left": 0, "right": 1, "top": 1 - TITLE / height, "bottom": SCALE / height}
        axes = figure.subplots(1, 2, gridspec_kw=frame)
        step = -(-len(maps.shared) // MOST_POINTS)
        order = np.argsort(-np.nan_to_num(maps.shared), kind="stable")[::step]  # the changed lie on top
        size = float(np.clip(9000 / max(len(order), 1), 0.8, 9))
        for axis, places, title in zip(axes, (maps.first, maps.second), maps.titles, strict=True):
            drawn = axis.scatter(
                *places[order].T, c=maps.shared[order], s=size, cmap="viridis", vmin=0, vmax=1, lw=0, rasterized=True
            )
            axis.set_title(title, fontsize=TEXT + 1)
            axis.set(xticks=[], yticks=[], aspect="equal")
            axis.spines[:].set_visible(False)
            axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        for at in maps.linked:
            _link(figure, axes, maps, int(at))
        _scale(figure, drawn, maps, height)
    return figure


def _extent(maps: TwoMaps) -> tuple[Floats, Floats]:
    """Lower left and upper right of what both maps need."""
    both = np.concatenate([maps.first, maps.second])
    low, high = np.nanmin(both, axis=0), np.nanmax(both, axis=0)
    edge = max(GAP * float((high - low).max()), 1e-6)
    return low - edge, high + edge


def _link(figure: Figure, axes: NDArray[np.object_], maps: TwoMaps, at: int) -> None:
    places = maps.first[at], maps.second[at]
    line = ConnectionPatch(
        places[0], places[1], "data", "data", axesA=axes[0], axesB=axes[1], color=LINK, lw=0.5, alpha=0.75
    )
    figure.add_artist(line)
    for axis, place in zip(axes, places, strict=True):
        axis.plot(*place, "o", ms=4, mfc="none", mec=LINK, mew=0.9)


def _scale(figure: Figure, drawn: mpl.cm.ScalarMappable, maps: TwoMaps, height: float) -> None:
    bar = figure.colorbar(
        drawn, cax=figure.add_axes((0.32, 0.36 / height, 0.36, 0.07 / height)), orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.set_label(f"share of the {maps.neighbours} nearest that is the same", labelpad=2)
    bar.ax.tick_params(length=2, pad=1.5)
    bar.ax.axvline(maps.by_chance, color=LINK, lw=1)
