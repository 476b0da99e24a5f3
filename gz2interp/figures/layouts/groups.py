"""Neuron groups over a galaxy: maps of the groups, their feature images, and their effect on each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import INKS, bars_of_effects, draw_picture, framed, ink, over_image, signed
from gz2interp.figures.pieces.maps import rounded_up
from gz2interp.figures.pieces.pictures import put_place, show, stretch_for, stretch_for_features
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import rgb
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import SMALL, STYLE, FigureSize, FigureStyle

__all__ = ["active_groups", "groups_figure"]

Floats = NDArray[np.floating[Any]]

_LABELS, _TICKS, _BETWEEN = 0.52, 0.17, 0.1
_BAR: Final = 0.115
"""Inches of a class."""
_ACROSS: Final = {1: 3, 2: 7}
_LARGE: Final = 1.45
"""Inches of the galaxy."""
_ACTIVE: Final = 0.1
"""Of the strongest group's maximum: below it a group is hardly active in a galaxy, and a map of it misleads."""
_BESIDE: Final = 0.05 + 2 * (_LARGE + _BETWEEN)


def active_groups(loads: Floats) -> list[int]:
    """The groups that are active in a galaxy, by their loads (y, x, group); all where none is."""
    peaks = np.asarray(loads).max(axis=(0, 1))
    active = np.flatnonzero(peaks > _ACTIVE * peaks.max()).tolist()
    return active or list(range(loads.shape[-1]))


def groups_figure(
    galaxy: FigureGalaxy,
    loads: Floats,
    attributed: Floats,
    removed: Floats,
    scores: Sequence[str],
    bands: Sequence[str],
    manner: FigureStyle,
    foot: str = "",
    features: Sequence[Floats | None] = (),
    groups: Sequence[int] = (),
) -> Figure:
    """Above the galaxy and all groups over it; beneath a column per group: its map, its feature image, its effects.

    Parameters
    ----------
    galaxy : FigureGalaxy
        Its words stand beside it.
    loads : float (y, x, group)
        On the image's pixels.
    attributed, removed : float (group, score)
        Bars, and marks: what is attributed to the group, and how much the score falls without it.
    scores : sequence of str
        As one reads them.
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional
        It should say how much the groups account for.
    features : sequence of float32 (y, x, band) or None, optional
        Of each group.
    groups : sequence of int, optional
        Those that get a column, from 0; by default all.

    Raises
    ------
    InputError
        There are more groups than colours, or a page has no room.
    """
    count = loads.shape[-1]
    if not count:
        raise InputError("A figure of no group was asked for", "One group or more")
    if count > len(INKS):
        raise InputError(f"{count} groups are to be distinguished by colour", f"At most {len(INKS)}")
    groups = groups or range(count)
    page, across = manner.page, min(_ACROSS[manner.page.columns], len(groups))
    lines, pitch = -(-len(groups) // across), (page.width - _LABELS - 0.05) / across
    text = _galaxy_text(galaxy, page)
    head = _LARGE + _BETWEEN + 0.04 + page.is_narrow * (LINE * (text.count("\n") + 1) + 0.04)
    pictures = 2 if any(feature is not None for feature in features) else 1

    def step(side: float) -> float:
        return LINE + pictures * (side + GAP) - GAP + _BETWEEN / 2 + _BAR * len(scores) + _TICKS + _BETWEEN

    side = side_for(
        page, min(pitch - _BETWEEN, 1.1), lines, lambda side: head + lines * step(side) + foot_height(foot, page)
    )
    limit = rounded_up(max(float(np.abs(attributed).max()), float(np.abs(removed).max()), 1e-6))
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(page, head + lines * step(side), foot)
        stretch = stretch_for([galaxy], bands)
        ground = rgb(galaxy.image, bands, stretch)
        of_features = stretch_for_features(features, bands)
        _draw_head(sheet, galaxy, loads, ground, text, bands)
        for place, group in enumerate(groups):
            row, column = divmod(place, across)
            feature = features[group] if group < len(features) else None
            images = [over_image(ground, loads[..., group : group + 1], [ink(group)])]
            images += [] if feature is None else [rgb(feature, bands, of_features)]
            x, y = _LABELS + column * pitch, head + row * step(side)
            _draw_group(sheet, group, images, (x, y), side)
            axis = sheet.axes(x, y + step(side) - _BETWEEN - _TICKS - _BAR * len(scores), side, _BAR * len(scores))
            bars_of_effects(axis, attributed[group], removed[group], scores, limit, labelled=column == 0)
            _end_ticks(axis, limit)
    return sheet.figure


def _galaxy_text(galaxy: FigureGalaxy, page: FigureSize) -> str:
    if page.is_narrow:  # no room beside the pictures: a line or two beneath them
        return wrapped(galaxy.words.replace(":\n", ": ").replace("\n", ", "), page.width - 0.1)
    return wrapped(galaxy.words, page.width - _BESIDE - 0.05)


def _draw_head(
    sheet: FigureSheet, galaxy: FigureGalaxy, loads: Floats, ground: NDArray[np.uint8], text: str, bands: Sequence[str]
) -> None:
    """The galaxy, all groups over it, and what is said of it."""
    inks = [ink(place) for place in range(loads.shape[-1])]
    picture, together = (sheet.axes(0.05 + k * (_LARGE + _BETWEEN), 0.04, _LARGE, _LARGE) for k in range(2))
    draw_picture(picture, galaxy, bands, stretch_for([galaxy], bands))
    put_place(picture, galaxy, "scale")
    put_letter(picture, 0)
    show(together, over_image(ground, loads, inks))
    _numbers(together, loads, inks)
    put_letter(together, 1)
    sheet.text(*((0.05, _LARGE + 0.08) if sheet.page.is_narrow else (_BESIDE, 0.04)), text, va="top")


def _draw_group(
    sheet: FigureSheet, group: int, images: Sequence[NDArray[np.uint8]], at: tuple[float, float], side: float
) -> None:
    """Its name, its map, and its feature image."""
    x, y = at
    sheet.text(x, y + LINE - 0.02, f"group {group + 1}", color=ink(group), weight="bold", va="bottom")
    for place, image in enumerate(images):
        axis = sheet.axes(x, y + LINE + place * (side + GAP), side, side)
        show(axis, image)
        framed(axis, ink(group))


def _end_ticks(axis: mpl.axes.Axes, limit: float) -> None:
    axis.set_xticks([-limit, limit], [signed(-limit), signed(limit)], fontsize=SMALL)
    first, last = axis.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _numbers(axis: mpl.axes.Axes, loads: Floats, inks: Sequence[str]) -> None:
    """Each group's number at its peak, so that colour is not all that tells groups apart."""
    strongest = loads.max(axis=(0, 1))
    for group in np.flatnonzero(strongest > _ACTIVE * strongest.max()).tolist():
        y, x = np.unravel_index(int(loads[..., group].argmax()), loads.shape[:2])
        box = {"facecolor": inks[group], "linewidth": 0, "pad": 0.7}
        axis.text(float(x), float(y), str(group + 1), color="white", fontsize=SMALL, ha="center", va="center", bbox=box)
