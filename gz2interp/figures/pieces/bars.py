"""Colour bars: what the colours of maps count, and their limit."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from gz2interp.figures.manner import RGB, Manner
from gz2interp.figures.paper import SMALL
from gz2interp.figures.pieces.maps import contour_inks
from gz2interp.figures.pieces.scales import OPACITY, Scale, number

__all__ = ["colour_bar"]

_STEPS: Final = np.linspace(0, 1, 65)


def colour_bar(figure: Figure, place: Axes, scale: Scale, manner: Manner, orientation: str = "vertical") -> None:
    """A colour bar in axes of its own; it has arrows, because a few hot pixels may lie beyond the scale."""
    colours = ScalarMappable(Normalize(scale.low, scale.limit), _colours(scale, manner))
    extend = "both" if scale.signed else "max"
    bar = figure.colorbar(
        colours,
        cax=place,
        orientation=orientation,
        extend=extend,
        extendfrac=0.05 if orientation == "vertical" else 0.03,
    )
    words = [("+" if tick > 0 and scale.signed else "") + number(tick) for tick in scale.ticks]
    bar.set_ticks(scale.ticks, labels=words)
    bar.outline.set_linewidth(0.4)
    place.tick_params(labelsize=SMALL, length=1.5, width=0.4, pad=1)
    if orientation == "horizontal":  # so that numbers of neighbouring bars do not meet
        labels = place.get_xticklabels()
        labels[0].set_horizontalalignment("left")
        labels[-1].set_horizontalalignment("right")
    if manner.style == "contours":
        draw = place.axhline if orientation == "vertical" else place.axvline
        for level, ink in contour_inks(scale, manner.on == RGB).items():
            draw(level, color=ink, linewidth=1.0, linestyle=(0, (2, 1)) if level < 0 else "solid")


def _colours(scale: Scale, manner: Manner) -> Colormap:
    """As they look in the maps: over a middle grey or over white for an overlay, plain ground beneath contours."""
    dark = manner.on == RGB
    if manner.style == "contours":
        return LinearSegmentedColormap.from_list("ground", ["#333333" if dark else "white"] * 2)
    if manner.style == "map":
        return scale.colours
    values = scale.low + _STEPS * (scale.limit - scale.low)
    opacity = OPACITY * np.abs(values)[:, None] / scale.limit
    ground = np.full(3, 0.35 if dark else 1.0)
    return LinearSegmentedColormap.from_list("over", ground * (1 - opacity) + scale.ends(values) / 255 * opacity)
