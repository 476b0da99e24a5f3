"""Right ascension and declination along a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gz2interp.errors import InputError
from gz2interp.figures.paper import SMALL
from gz2interp.figures.pieces.compass import put_compass, put_scale_bar
from gz2interp.figures.shown import Shown, Sky

__all__ = ["FOR_WCS", "dress_coordinates", "put_place", "wcs_of"]

FOR_WCS = (0.54, 0.31)
"""Inches that the numbers need on the left and beneath."""


def wcs_of(shown: Shown, axes: str) -> Any:
    """The WCS to draw a picture in; None where a scale bar is wanted.

    Raises
    ------
    InputError
        Coordinates are wanted of a galaxy whose place or pixel scale is not known.
    """
    if axes != "wcs":
        return None
    wcs = shown.sky.wcs(shown.shape)
    if wcs is None:
        raise InputError(
            f"Coordinates were asked for, but of {shown.words.splitlines()[0] if shown.words else 'a galaxy'} the "
            "position, pixel scale or position angle is not known",
            remedy="Draw a scale bar instead: --axes scale",
        )
    return wcs


def dress_coordinates(axis: Axes, sky: Sky, numbers: bool) -> None:
    """Ticks of right ascension and declination; with their numbers and names, or without.

    Right ascension runs along the bottom, or along the left of an image that is turned by more than 45 degrees.
    """
    drawn: Any = axis
    angle = np.deg2rad(sky.position_angle)
    sides = "lb" if abs(np.sin(angle)) > abs(np.cos(angle)) else "bl"
    for coordinate, side, name in zip(drawn.coords, sides, ("RA", "Dec"), strict=True):
        coordinate.set_ticks(number=4)
        coordinate.set_ticks_position(side)
        coordinate.tick_params(length=2, width=0.4, direction="in", color="#999999")
        coordinate.set_ticklabel_position(side if numbers else "")
        coordinate.set_ticklabel(size=SMALL, exclude_overlapping=True, pad=1.5)
        coordinate.set_auto_axislabel(False)
        coordinate.set_axislabel_position(side)
        coordinate.set_axislabel(name if numbers else "", minpad=0.6, fontsize=SMALL)
        coordinate.set_major_formatter("d.ddd")


def put_place(axis: Axes, shown: Shown, axes: str, first: bool = True) -> None:
    """What tells where and how large a picture is: a bar and a compass, or coordinates.

    Parameters
    ----------
    axis : Axes
        With the picture.
    shown : Shown
    axes : str
        As of a `Manner`.
    first : bool, optional
        Whether this is the picture that says it for its neighbours.
    """
    if axes == "wcs":
        dress_coordinates(axis, shown.sky, first)
    elif first:
        put_scale_bar(axis, shown.sky, shown.shape)
        put_compass(axis, shown.sky, shown.shape)
