"""Semantic dictionary: places in a galaxy, and the channels that are active there, as galaxies and feature images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.figures.pieces.cells import Cell, draw_picture, framed, ink, marked, outline
from gz2interp.figures.pieces.pictures import put_place, show, stretch_for, stretch_for_features
from gz2interp.figures.pieces.sheet import GAP, LINE, FigureSheet, foot_height, put_letter, side_for, wrapped
from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import STYLE, FigureStyle

__all__ = ["DictionaryPlace", "DictionaryWord", "dictionary_figure"]

Floats = NDArray[np.floating[Any]]

_LARGE, _BETWEEN, _HEAD, _MARGIN = 1.5, 0.12, 0.16, 0.04
_GALAXIES: Final = 4
"""Of a channel, in a square; the first gives way to its feature image."""
_SIDES: Final = 2


@dataclass(frozen=True, eq=False)
class DictionaryWord:
    """One channel.

    Attributes
    ----------
    title : str
        ``"channel 68"``.
    note : str
        A line or two: how loud it is, and what it does.
    galaxies : sequence of Cell
        The most activating ones, each with the channel's map on its pixels.
    feature : float32 (y, x, band) or None
        Its feature image.
    """

    title: str
    note: str
    galaxies: Sequence[Cell]
    feature: Floats | None = None


@dataclass(frozen=True, eq=False)
class DictionaryPlace:
    """One place.

    Attributes
    ----------
    box : (float, float, float, float)
        y, x, height, width in pixels of the image.
    title : str
        What is said of the place as a whole.
    words : sequence of DictionaryWord
        The strongest first.
    feature : float32 (y, x, band) or None
        Of the place's direction.
    """

    box: tuple[float, float, float, float]
    title: str
    words: Sequence[DictionaryWord] = field(default_factory=tuple)
    feature: Floats | None = None


def dictionary_figure(
    galaxy: FigureGalaxy, pages: Sequence[DictionaryPlace], bands: Sequence[str], manner: FigureStyle, foot: str = ""
) -> Figure:
    """On the left the galaxy with its numbered places; on the right a row for each place, a square for each channel.

    Parameters
    ----------
    galaxy : FigureGalaxy
    pages : sequence of DictionaryPlace
    bands : sequence of str
    manner : FigureStyle
    foot : str, optional

    Raises
    ------
    InputError
        There is no place or no channel, more places than colours, or a page has no room.
    """
    if not pages or not all(entry.words for entry in pages):
        raise InputError("A dictionary of no place or of no channel was asked for", "One of each or more")
    paper = manner.page
    left = _MARGIN if paper.is_narrow else _LARGE + 0.25
    above = _LARGE + 2 * LINE if paper.is_narrow else 0.0
    most = max(len(entry.words) for entry in pages)
    across = min(most, 3 if paper.is_narrow else 5)
    pitch = (paper.width - left - 0.05) / across
    lines = [-(-len(entry.words) // across) for entry in pages]
    notes = LINE * max(wrapped(word.note, pitch - 0.06).count("\n") + 2 for entry in pages for word in entry.words)

    def step(side: float) -> float:
        return _SIDES * side + GAP + notes + _BETWEEN

    def whole(side: float) -> float:
        places = above + len(pages) * (_HEAD + 0.02) + sum(lines) * step(side)
        return max(places, 0.0 if paper.is_narrow else _LARGE + 0.8)

    ends = foot_height(foot, paper)
    side = side_for(paper, min((pitch - _BETWEEN) / 2, 0.62), sum(lines), lambda side: whole(side) + ends, "channels")
    words = [word for entry in pages for word in entry.words]
    stretch = stretch_for([galaxy, *(cell.galaxy for word in words for cell in word.galaxies)], bands)
    stretches = stretch, stretch_for_features((word.feature for word in words), bands)
    with mpl.rc_context(STYLE):
        sheet = FigureSheet(paper, whole(side), foot)
        picture = sheet.axes(0.05, 0.05, _LARGE, _LARGE)
        draw_picture(picture, galaxy, bands, stretch)
        put_place(picture, galaxy, "scale")
        words_at = (_LARGE + 0.15, 0.05) if paper.is_narrow else (0.05, _LARGE + 0.1)
        sheet.text(
            *words_at, wrapped(galaxy.words, paper.width - _LARGE - 0.2 if paper.is_narrow else _LARGE), va="top"
        )
        y = above
        for number, entry in enumerate(pages):
            marked(picture, entry.box, ink(number), str(number + 1))
            sheet.text(left, y + _HEAD - 0.03, f"{number + 1}", color=ink(number), weight="bold", va="bottom")
            sheet.text(left + 0.12, y + _HEAD - 0.03, entry.title, va="bottom")
            y += _HEAD
            for place, word in enumerate(entry.words):
                row, column = divmod(place, across)
                _word(
                    sheet, left + column * pitch, y + row * step(side), side, word, bands, stretches, ink(number), pitch
                )
            y += lines[number] * step(side) + 0.02
        put_letter(picture, 0)
    return sheet.figure


def _word(
    sheet: FigureSheet,
    x: float,
    y: float,
    side: float,
    word: DictionaryWord,
    bands: Sequence[str],
    stretches: tuple[Stretch, Stretch],
    colour: str,
    pitch: float,
) -> None:
    """Four pictures in a square, and words beneath."""
    cells = list(word.galaxies)[: _GALAXIES - (word.feature is not None)]
    first = 1 if word.feature is not None else 0
    for place in range(len(cells) + first):
        row, column = divmod(place, _SIDES)
        axis = sheet.axes(x + column * (side + GAP), y + row * (side + GAP), side, side)
        if word.feature is not None and place == 0:
            show(axis, rgb(word.feature, bands, stretches[1]))
            framed(axis, colour)
            continue
        cell = cells[place - first]
        draw_picture(axis, cell.galaxy, bands, stretches[0])
        outline(axis, cell.values, cell.galaxy.shape)
    under = y + _SIDES * side + GAP + 0.03
    sheet.text(x, under, word.title, va="top", weight="bold")
    sheet.text(x, under + LINE, wrapped(word.note, pitch - 0.06), va="top")
