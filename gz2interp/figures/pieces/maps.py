"""A map as a picture: alone with the galaxy's isophotes, over an image, or as contours on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.figures.manner import RGB, Manner
from gz2interp.figures.pieces.pictures import ground_of, hatch_invalid, isophotes, show
from gz2interp.figures.pieces.scales import LEVELS, OPACITY, Scale
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import Shown

__all__ = ["contour_inks", "draw_map", "laid_over", "map_in_words"]

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

_ON_DARK: Final = ("#92c5de", "#f4a582", "#cbc9e2")
_ON_LIGHT: Final = ("#2166ac", "#b2182b", "#54278f")
"""Contours against, for, and of a map without a sign."""


def draw_map(
    axis: Axes, values: Floats, shown: Shown, bands: Sequence[str], scale: Scale, manner: Manner, stretch: Stretch
) -> None:
    """One map.

    Parameters
    ----------
    axis : Axes
    values : float32 (y, x)
    shown : Shown
        The galaxy it is of.
    bands : sequence of str
        Of its image.
    scale : Scale
    manner : Manner
        Its style, and what lies beneath.
    stretch : Stretch
        Of the colour image.
    """
    if manner.style == "map":
        show(axis, values, cmap=scale.colours, vmin=scale.low, vmax=scale.limit)
        isophotes(axis, shown)
    else:
        ground = ground_of(shown, bands, manner.ground(bands), stretch)
        if manner.style == "overlay":
            show(axis, laid_over(ground, values, scale))
        else:
            show(axis, ground)
            _contours(axis, values, scale, dark=manner.on == RGB)
    hatch_invalid(axis, shown.valid)


def laid_over(ground: Bytes, values: Floats, scale: Scale) -> Bytes:
    """The map over an image, uint8 (y, x, 3): opaque where it is strong, clear where it is near zero."""
    opacity = OPACITY * np.clip(np.abs(np.nan_to_num(values)) / scale.limit, 0, 1)[..., None]
    return np.asarray(np.round(ground * (1 - opacity) + scale.ends(values) * opacity)).astype(np.uint8)


def contour_inks(scale: Scale, dark: bool) -> dict[float, str]:
    """Level to colour, from the lowest."""
    against, speaks_for, unsigned = _ON_DARK if dark else _ON_LIGHT
    above = {share * scale.limit: speaks_for if scale.signed else unsigned for share in LEVELS}
    below = {-share * scale.limit: against for share in reversed(LEVELS)} if scale.signed else {}
    return below | above


def map_in_words(manner: Manner, ground: str = "") -> str:
    """How maps are drawn, for a caption; `ground` says what lies beneath if the manner does not tell."""
    ground = ground or ("the colour image" if manner.on == RGB else f"the {manner.on} band")
    if manner.style == "overlay":
        return f"The map lies over {ground}, the more opaque the larger its absolute value is."
    if manner.style == "contours":
        shares = ", ".join(f"{share:g}" for share in LEVELS)
        return (
            f"The map, smoothed by one pixel, lies as contours on {ground}, at {shares} of the limit, dashed below 0."
        )
    return (
        "The thin lines are the galaxy's isophotes at 0.06, 0.2 and 0.6 of its brightest pixel in all bands together."
    )


def _contours(axis: Axes, values: Floats, scale: Scale, dark: bool) -> None:
    smooth = gaussian_filter(np.nan_to_num(np.asarray(values, np.float64)), 1)
    inks = {level: ink for level, ink in contour_inks(scale, dark).items() if smooth.min() < level < smooth.max()}
    if inks:
        styles = ["dashed" if level < 0 else "solid" for level in inks]
        axis.contour(smooth, levels=list(inks), colors=list(inks.values()), linewidths=0.7, linestyles=styles)
