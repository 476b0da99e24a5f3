"""Neuron groups over a galaxy: which group speaks where, what it looks like, and what it does for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.manner import Manner
from gz2interp.figures.paper import SMALL, STYLE
from gz2interp.figures.pieces.blocks import INKS, bars_of_effects, framed, ink, over_image, signed
from gz2interp.figures.pieces.cells import draw_picture
from gz2interp.figures.pieces.coordinates import put_place
from gz2interp.figures.pieces.letters import put_letter
from gz2interp.figures.pieces.pictures import show, stretch_for
from gz2interp.figures.pieces.scales import rounded_up
from gz2interp.figures.pieces.sheet import GAP, LINE, Sheet, foot_height, side_for
from gz2interp.figures.pieces.wrapping import wrapped
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import Shown

__all__ = ["groups_figure"]

Floats = NDArray[np.floating[Any]]

_LABELS, _TICKS, _BETWEEN = 0.52, 0.17, 0.1
_BAR: Final = 0.115
"""Inches of a class."""
_ACROSS: Final = {1: 3, 2: 7}


def groups_figure(
    shown: Shown,
    loads: Floats,
    attributed: Floats,
    removed: Floats,
    scores: Sequence[str],
    bands: Sequence[str],
    manner: Manner,
    foot: str = "",
    features: Sequence[Floats | None] = (),
) -> Figure:
    """Above the galaxy and all groups over it; beneath a column per group: its map, its feature image, its effects.

    Parameters
    ----------
    shown : Shown
        Its words stand beside it.
    loads : float (y, x, group)
        Of the layer's plane.
    attributed, removed : float (group, score)
        Bars, and marks: what is attributed to the group, and how much the score falls without it.
    scores : sequence of str
        As one reads them.
    bands : sequence of str
    manner : Manner
    foot : str, optional
        It should say how much the groups account for.
    features : sequence of float32 (y, x, band) or None, optional
        Of each group.

    Raises
    ------
    InputError
        There are more groups than colours, or a page has no room.
    """
    page, count = manner.page, loads.shape[-1]
    if not count:
        raise InputError("A figure of no group was asked for", "One group or more")
    if count > len(INKS):
        raise InputError(f"{count} groups are to be told apart by colour", f"At most {len(INKS)}")
    inks = [ink(place) for place in range(count)]
    across = min(_ACROSS[page.columns], count)
    lines = -(-count // across)
    pitch = (page.width - _LABELS - 0.05) / across
    bars = _BAR * len(scores)
    extra = 1 if any(each is not None for each in features) else 0

    def step(side: float) -> float:
        return LINE + side + extra * (side + GAP) + _BETWEEN / 2 + bars + _TICKS + _BETWEEN

    large = 1.45
    beside = 0.05 + 2 * (large + _BETWEEN)
    said = wrapped(shown.words, page.width - beside - 0.05)
    if page.is_narrow:  # no room beside the pictures: a line or two beneath them
        said = wrapped(shown.words.replace(":\n", ": ").replace("\n", ", "), page.width - 0.1)
    head = large + _BETWEEN + 0.04 + page.is_narrow * (LINE * (said.count("\n") + 1) + 0.04)
    side = side_for(
        page, min(pitch - _BETWEEN, 1.1), lines, lambda side: head + lines * step(side) + foot_height(foot, page)
    )
    limit = rounded_up(max(float(np.abs(attributed).max()), float(np.abs(removed).max()), 1e-6))
    with mpl.rc_context(STYLE):
        sheet = Sheet(page, head + lines * step(side), foot)
        stretch = stretch_for([shown], bands)
        ground = rgb(shown.image, bands, stretch)
        picture, together = (sheet.axes(0.05 + k * (large + _BETWEEN), 0.04, large, large) for k in range(2))
        draw_picture(picture, shown, bands, stretch)
        put_place(picture, shown, "scale")
        put_letter(picture, 0)
        show(together, over_image(ground, loads, inks))
        _numbers(together, loads, inks, shown.shape)
        put_letter(together, 1)
        sheet.text(*((0.05, large + 0.08) if page.is_narrow else (beside, 0.04)), said, va="top")
        for group in range(count):
            row, column = divmod(group, across)
            x = _LABELS + column * pitch
            y = head + row * step(side)
            sheet.text(x, y + LINE - 0.02, f"group {group + 1}", color=inks[group], weight="bold", va="bottom")
            y += LINE
            map_ = sheet.axes(x, y, side, side)
            own = loads[..., group : group + 1]
            show(map_, over_image(ground, own, inks[group : group + 1]))
            framed(map_, inks[group])
            y += side
            if extra:
                y += GAP
                feature = features[group] if group < len(features) else None
                if feature is not None:
                    image = sheet.axes(x, y, side, side)
                    show(image, rgb(feature, bands, stretch))
                    framed(image, inks[group])
                y += side
            axis = sheet.axes(x, y + _BETWEEN / 2, side, bars)
            bars_of_effects(axis, attributed[group], removed[group], scores, limit, labelled=column == 0)
            axis.set_xticks([-limit, limit], [signed(-limit), signed(limit)], fontsize=SMALL)
            first, last = axis.get_xticklabels()
            first.set_horizontalalignment("left")
            last.set_horizontalalignment("right")
    return sheet.figure


def _numbers(axis: mpl.axes.Axes, loads: Floats, inks: Sequence[str], shape: tuple[int, int]) -> None:
    """Each group's number at its peak, so that colour is not all that tells groups apart."""
    strongest = loads.max(axis=(0, 1))
    for group in np.flatnonzero(strongest > 0.1 * strongest.max()).tolist():
        y, x = np.unravel_index(int(loads[..., group].argmax()), loads.shape[:2])
        where = [(at + 0.5) * side / cells - 0.5 for at, side, cells in zip((y, x), shape, loads.shape, strict=False)]
        box = {"facecolor": inks[group], "linewidth": 0, "pad": 0.7}
        axis.text(where[1], where[0], str(group + 1), color="white", fontsize=SMALL, ha="center", va="center", bbox=box)
