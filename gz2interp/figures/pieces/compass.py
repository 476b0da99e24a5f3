"""How large and which way round: a bar in arcsec, and arrows to north and east."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from gz2interp.figures.paper import SMALL
from gz2interp.figures.shown import Sky

__all__ = ["bar_length", "compass_of", "put_compass", "put_scale_bar"]

_LENGTHS: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_INK: Final[Any] = {"color": "white", "path_effects": [withStroke(linewidth=1.6, foreground="black")], "zorder": 8}


def bar_length(field: float) -> float:
    """The length of a bar in a field, both in arcsec: a round number, about a quarter.

    >>> bar_length(25.3), bar_length(400.0)
    (5, 120)
    """
    return max((length for length in _LENGTHS if length <= field / 3), default=field / 4)


def compass_of(position_angle: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The directions (x, y) of north and of east in array order; +y is at the position angle, east of north [deg].

    >>> [tuple(round(part) + 0 for part in way) for way in compass_of(0.0)]
    [(0, 1), (-1, 0)]
    """
    angle = np.deg2rad(position_angle)
    return (float(np.sin(angle)), float(np.cos(angle))), (float(-np.cos(angle)), float(np.sin(angle)))


def put_scale_bar(axis: Axes, sky: Sky, shape: tuple[int, int]) -> None:
    """A bar in the lower left corner, in arcsec, or in pixels where the pixel scale is not known."""
    height, width = shape
    known = bool(np.isfinite(sky.pixel_scale))
    unit = sky.pixel_scale if known else 1.0
    length = bar_length(width * unit)
    words = f"{length:g}\N{DOUBLE PRIME}" if known else f"{length:g} pix"
    x, y = 0.07 * width, 0.07 * height
    axis.plot([x, x + length / unit], [y, y], linewidth=1.1, solid_capstyle="butt", **_INK)
    axis.text(x, y + 0.03 * height, words, ha="left", va="bottom", fontsize=SMALL, **_INK)


def put_compass(axis: Axes, sky: Sky, shape: tuple[int, int]) -> None:
    """North and east in the upper right corner; nothing where the position angle is not known."""
    if not np.isfinite(sky.position_angle):
        return
    height, width = shape
    inch = width / _inches(axis)
    length = max(0.14 * width, 0.075 * inch)
    ways = np.array(compass_of(sky.position_angle))
    names = ways * (length + 0.05 * inch)
    corners = np.concatenate([[(0.0, 0.0)], names])
    margin = 0.06 * inch
    x = width - 0.5 - margin - float(corners[:, 0].max())
    y = height - 0.5 - margin - float(corners[:, 1].max())
    for name, way, beside in zip("NE", ways, names, strict=True):
        arrow = {"arrowstyle": "-|>,head_length=0.16,head_width=0.08", "shrinkA": 0, "shrinkB": 0, "linewidth": 0.7}
        axis.annotate("", (x + length * way[0], y + length * way[1]), (x, y), arrowprops={**arrow, **_INK})
        axis.text(x + beside[0], y + beside[1], name, ha="center", va="center", fontsize=SMALL, **_INK)


def _inches(axis: Axes) -> float:
    """How wide the axes are."""
    figure: Any = axis.figure
    return float(axis.get_window_extent().width / figure.dpi)
