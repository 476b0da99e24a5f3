"""Colours for a column of the catalogue: for words ones that everybody can tell apart, for numbers a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import rgb2hex
from numpy.typing import NDArray

__all__ = ["NUMBERS", "OKABE_ITO", "Categories", "Colouring", "NumberScale", "categories", "scale"]

Floats = NDArray[np.floating]

OKABE_ITO: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
"""Okabe and Ito's palette for colour-blind readers (jfly.uni-koeln.de/color), strongest contrasts first."""
OTHER: Final = "#8B949E"
NUMBERS: Final = tuple(rgb2hex(colormaps["viridis"](place)) for place in np.linspace(0.14, 0.98, 12))
"""Viridis without its darkest and brightest ends, which vanish on a dark and on a white ground."""


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of words.

    Attributes
    ----------
    title : str
    codes : int64 (n,)
        Places in `names`.
    names : tuple of str
        The most frequent first; what the palette has no colour for is gathered in ``"other"``, what is missing in
        ``"none"``.
    colours : tuple of str
        Of each name.
    """

    title: str
    codes: NDArray[np.int64]
    names: tuple[str, ...]
    colours: tuple[str, ...]

    def rgb(self) -> Floats:
        """float64 (n, 3) in 0..255, the colour of each galaxy."""
        return _rgb(self.colours)[self.codes]


@dataclass(frozen=True, eq=False)
class NumberScale:
    """A column of numbers.

    Attributes
    ----------
    title : str
    values : float64 (n,)
        NaN where unknown.
    low, high : float
        Robust limits: the 1st and 99th percentile, so that one wild value does not paint all others alike.
    """

    title: str
    values: Floats
    low: float
    high: float

    def rgb(self) -> Floats:
        """float64 (n, 3) in 0..255; grey where the number is unknown."""
        share = np.clip((self.values - self.low) / ((self.high - self.low) or 1.0), 0, 1)
        stops = np.linspace(0, 1, len(NUMBERS))
        bands = [np.interp(np.nan_to_num(share), stops, channel) for channel in _rgb(NUMBERS).T]
        colours = np.stack(bands, axis=1)
        colours[~np.isfinite(self.values)] = _rgb([OTHER])[0]
        return np.asarray(colours)


Colouring = Categories | NumberScale


def categories(title: str, words: Sequence[str | None] | NDArray[np.object_], most: int = len(OKABE_ITO)) -> Categories:
    """Colours for a column of words, the most frequent first."""
    named = np.array([str(word) if _is_named(word) else "" for word in words], dtype=object)
    categories, inverse, counts = np.unique(named.astype(str), return_inverse=True, return_counts=True)
    order = [place for place in np.argsort(-counts, kind="stable") if categories[place]]
    largest, rest = order[:most], order[most:]
    names = (
        [str(categories[place]) for place in largest]
        + ["other"] * bool(rest)
        + ["none"] * bool((categories == "").any())
    )
    code = np.full(len(categories), len(largest), dtype=np.int64)
    code[largest] = np.arange(len(largest))
    code[categories == ""] = len(names) - 1
    colours = OKABE_ITO[: len(largest)] + (OTHER,) * (len(names) - len(largest))
    return Categories(title, code[inverse], tuple(names), tuple(colours))


def scale(title: str, values: Sequence[float] | Floats) -> NumberScale:
    """Colours for a column of numbers, within robust limits."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    return NumberScale(title, numbers, float(low), float(high))


def _is_named(word: object) -> bool:
    return word is not None and word == word and str(word) not in ("", "None", "nan", "<NA>")


def _rgb(colours: Sequence[str]) -> Floats:
    numbers = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]
    return np.array(numbers, dtype=np.float64).reshape(-1, 3)  # also of no colour
