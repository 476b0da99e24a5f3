"""Text broken into lines by its true width."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from gz2interp.figures.paper import SMALL, STYLE

__all__ = ["wrapped"]

_ROOM: Final = 0.96
"""Of the width: letters on pixels are up to 4 % wider than their outlines."""

_FONT: Final = FontProperties(family=STYLE["font.family"], size=SMALL)


def wrapped(words: str, inches: float) -> str:
    """Small text broken into lines of a width; line breaks are kept, and a word that is too long is broken."""
    return "\n".join(line for part in words.split("\n") for line in _lines(part, _ROOM * inches))


def _lines(words: str, inches: float) -> list[str]:
    lines: list[str] = []
    for word in (piece for whole in words.split(" ") for piece in _pieces(whole, inches)):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _pieces(word: str, inches: float) -> list[str]:
    """The word, or parts of it that fit."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and _width(pieces[-1] + letter) > inches:
            pieces.append("")
        pieces[-1] += letter
    return pieces if pieces != [""] else []


@lru_cache(maxsize=4096)
def _width(words: str) -> float:
    """[inch]"""
    width, _, _ = text_to_path.get_text_width_height_descent(words, _FONT, ismath=False)
    return float(width) / 72
