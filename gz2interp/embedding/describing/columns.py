"""A column by which clusters are compared: its numbers, and how they are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["Column", "flag_column", "number_column", "word_columns"]

Floats = NDArray[np.float64]

Source = Literal["catalogue", "votes", "network", "quality"]

MOST_WORDS: Final = 12
"""Values of a column of words that are compared, the most frequent first."""

SELDOM: Final = 0.01
"""A word that fewer galaxies have is not compared."""


@dataclass(frozen=True, eq=False)
class Column:
    """One property of all galaxies.

    Attributes
    ----------
    name : str
        Unlike all others: ``"g-r"``, ``"prediction = spiral"``.
    values : float64 (n,)
        NaN where unknown. Of a word: 1 for the galaxies that have it, 0 for the others.
    source : str
        ``"catalogue"``, ``"votes"``, ``"network"`` or ``"quality"``.
    is_share : bool
        Whether it is a word, so that a share of galaxies is told and not a median.
    more, less : str
        What a cluster is that has more or less of it: ``"redder"``, ``"bluer"``; of a word, what its galaxies are:
        ``"taken for spiral"``.
    label, form : str
        How a median is written: ``"g-r"`` and ``"{:.2f}"``.
    """

    name: str
    values: Floats
    source: Source
    is_share: bool = False
    more: str = ""
    less: str = ""
    label: str = ""
    form: str = "{:.3g}"

    def says(self, value: float) -> str:
        """A value as a person reads it."""
        return self.form.format(value).replace("-", "\N{MINUS SIGN}").replace("%", " %")


def number_column(
    name: str,
    values: ArrayLike,
    source: Source,
    more: str = "",
    less: str = "",
    label: str = "",
    form: str = "{:.3g}",
) -> Column:
    """A column of numbers; without words of its own it is higher or lower."""
    numbers = np.asarray(values, np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    more, less = more or f"higher in {name}", less or f"lower in {name}"
    return Column(name, numbers, source, False, more, less, label, form)


def flag_column(name: str, values: ArrayLike, source: Source, words: str) -> Column:
    """What is true of some galaxies: 1, 0, or NaN where unknown."""
    return Column(name, np.asarray(values, np.float64), source, True, words)


def word_columns(
    name: str, values: pd.Series[Any], source: Source, words: str, shown: Callable[[str], str] = str
) -> Iterator[Column]:
    """A column for each frequent value of a column of words.

    Parameters
    ----------
    name : str
    values : Series
        Missing or empty where unknown.
    source : str
    words : str
        What a galaxy is that has the value: ``"taken for {}"``.
    shown : callable, optional
        Turns a value into the words for it.
    """
    said = values.notna().to_numpy(np.bool_)
    texts = values.astype(object).where(said, "").astype(str).str.strip()
    counts = texts[texts != ""].value_counts()
    least = max(SELDOM * float(counts.sum()), 10)
    for value in sorted(counts.index[counts >= least], key=lambda each: (-counts[each], each))[:MOST_WORDS]:
        has = np.where(texts == "", np.nan, (texts == value).astype(np.float64))
        yield Column(f"{name} = {value}", has, source, True, words.format(shown(value)))
