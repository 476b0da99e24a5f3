"""Columns in which a cluster differs from the rest of the survey, by ranks, with the false discovery rate.

References
----------
Mann & Whitney 1947, Ann. Math. Statist. 18, 50, https://doi.org/10.1214/aoms/1177730491
Hanley & McNeil 1982, Radiology 143, 29, https://doi.org/10.1148/radiology.143.1.7063747 (intervals of numbers)
Newcombe 1998, Statist. Med. 17, 873 (intervals of differences of shares, his method 10)
Benjamini & Hochberg 1995, J. R. Statist. Soc. B 57, 289, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gz2interp.statistics import Z, false_discovery_rates, wilson_interval

__all__ = [
    "DISCOVERY_RATE",
    "LEAST_EFFECT",
    "ComparedColumn",
    "compared",
    "flag_column",
    "matched_effects",
    "number_column",
    "with_rates",
    "word_columns",
]


Floats = NDArray[np.float64]

Source = Literal["catalogue", "votes", "network", "quality"]

MOST_WORDS: Final = 12
"""Values of a column of words that are compared, the most frequent first."""

SELDOM: Final = 0.01
"""A word that fewer galaxies have is not compared."""


@dataclass(frozen=True, eq=False)
class ComparedColumn:
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
) -> ComparedColumn:
    """A column of numbers; without words of its own it is higher or lower."""
    numbers = np.asarray(values, np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    more, less = more or f"higher in {name}", less or f"lower in {name}"
    return ComparedColumn(name, numbers, source, False, more, less, label, form)


def flag_column(name: str, values: ArrayLike, source: Source, words: str) -> ComparedColumn:
    """What is true of some galaxies: 1, 0, or NaN where unknown."""
    return ComparedColumn(name, np.asarray(values, np.float64), source, True, words)


def word_columns(
    name: str, values: pd.Series[Any], source: Source, words: str, shown: Callable[[str], str] = str
) -> Iterator[ComparedColumn]:
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
        yield ComparedColumn(f"{name} = {value}", has, source, True, words.format(shown(value)))


Ints = NDArray[np.int64]

DISCOVERY_RATE: Final = 0.01
"""The share of chance among what is called sure."""

LEAST_EFFECT: Final = 0.3
"""Of the rank-biserial correlation, or of a difference of shares: less is not told, however sure it is."""

LEAST_ODDS: Final = 4.0
"""Of a word that a tenth of the cluster has: so many times the odds elsewhere are told too."""

KNOWN: Final = 10
"""Galaxies on each side of which the column must be known, and of the cluster at least half."""


LIKE: Final = 5
"""Galaxies outside a cluster that a stratum holds at least, or its members count as unlike all others."""


def compared(column: ComparedColumn, labels: Ints, clusters: int, strata: Ints | None = None) -> pd.DataFrame:
    """Each cluster against all galaxies outside it.

    Parameters
    ----------
    column : ComparedColumn
        Of n galaxies.
    labels : int64 (n,)
        The cluster of each, below 0 for none.
    clusters : int
        How many there are.
    strata : int64 (n,), optional
        Groups of like galaxies: `matched` is then the effect within them.

    Returns
    -------
    DataFrame
        One row for each comparison that can be made: ``cluster``, ``column``, ``source``, ``known`` (members of whom it
        is known), ``inside`` and ``elsewhere`` (medians, or shares of a word), ``effect`` with ``low`` and ``high``
        (rank-biserial correlation, from -1 to 1; of a word the difference of shares), ``odds`` (ratio, of a word),
        ``matched``, ``p``.
    """
    known = np.isfinite(column.values)
    values, groups = column.values[known], labels[known]
    sizes = np.bincount(labels[labels >= 0], minlength=clusters)
    inside = np.bincount(groups[groups >= 0], minlength=clusters)
    asked = np.flatnonzero((inside >= KNOWN) & (2 * inside >= sizes) & (len(values) - inside >= KNOWN))
    if not len(asked) or values.min() == values.max():
        return pd.DataFrame()
    order = np.argsort(values, kind="stable")
    found = (_of_word if column.is_share else _of_numbers)(values[order], groups[order], clusters)
    found = found.iloc[asked].reset_index(drop=True)
    matched = np.full(clusters, np.nan) if strata is None else matched_effects(column.values, labels, clusters, strata)
    facts = {"cluster": asked, "column": column.name, "source": column.source, "known": inside[asked]}
    return pd.DataFrame(facts).join(found).assign(matched=matched[asked])


def with_rates(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with ``q``, the false discovery rate at which each would count, and whether it is ``sure``.

    Parameters
    ----------
    table : DataFrame
        Every comparison that was made, at all scales.
    """
    if table.empty:
        return table.assign(q=np.zeros(0), sure=np.zeros(0, np.bool_))
    q = false_discovery_rates(table["p"].to_numpy(np.float64))
    effect, odds = np.abs(table["effect"].to_numpy(np.float64)), table["odds"].to_numpy(np.float64)
    frequent = (odds >= LEAST_ODDS) & (table["inside"].to_numpy(np.float64) >= 0.1)
    return table.assign(q=q, sure=(q <= DISCOVERY_RATE) & ((effect >= LEAST_EFFECT) | frequent))


def matched_effects(values: Floats, labels: Ints, clusters: int, strata: Ints) -> Floats:
    """The rank-biserial correlation of each cluster within strata, by the pairs that each holds.

    NaN where less than half of the members have their like outside: then size and quality cannot be told apart.

    Ref. van Elteren 1960, Bull. Int. Statist. Inst. 37, 351.
    """
    wins, pairs, members, matched = (np.zeros(clusters) for _ in range(4))
    for stratum in np.unique(strata):
        here = (strata == stratum) & np.isfinite(values)
        order = np.argsort(values[here], kind="stable")
        above, inside = _wins(values[here][order], labels[here][order], clusters)
        outside = here.sum() - inside
        wins += above
        pairs += inside * outside
        members += inside
        matched += np.where(outside >= LIKE, inside, 0)
    return np.where((matched >= KNOWN) & (2 * matched >= members), 2 * wins / np.maximum(pairs, 1) - 1, np.nan)


def _of_numbers(values: Floats, labels: Ints, clusters: int) -> pd.DataFrame:
    """Of ascending values."""
    from scipy.special import ndtr

    n = len(values)
    wins, inside = _wins(values, labels, clusters)
    rest = n - inside
    pairs = np.maximum(inside * rest, 1.0)
    _, ties = np.unique(values, return_counts=True)
    tied = (ties.astype(np.float64) ** 3 - ties).sum() / (n * (n - 1.0))
    spread = np.sqrt(np.maximum(pairs / 12 * (n + 1 - tied), 1e-300))
    away = np.maximum(np.abs(wins - pairs / 2) - 0.5, 0) / spread
    share = wins / pairs
    low, high = _interval(share, inside, rest)
    middle, elsewhere = _medians(values, labels, clusters)
    return pd.DataFrame(
        {
            "inside": middle,
            "elsewhere": elsewhere,
            "effect": 2 * share - 1,
            "low": 2 * low - 1,
            "high": 2 * high - 1,
            "odds": np.nan,
            "p": np.minimum(2 * ndtr(-away), 1),
        }
    )


def _of_word(values: Floats, labels: Ints, clusters: int) -> pd.DataFrame:
    """Of zeros and ones: exact tails of the hypergeometric distribution, the smaller one doubled."""
    from scipy.stats import hypergeom

    n, total = len(values), float(values.sum())
    member = labels >= 0
    inside = np.bincount(labels[member], minlength=clusters)
    has = np.bincount(labels[member], weights=values[member], minlength=clusters)
    rest, others = n - inside, total - has
    here, there = has / np.maximum(inside, 1), others / np.maximum(rest, 1)
    (low, high), (lower, higher) = wilson_interval(has, inside), wilson_interval(others, rest)
    odds = (has + 0.5) * (rest - others + 0.5) / ((inside - has + 0.5) * (others + 0.5))
    tails = [hypergeom.cdf(has, n, int(total), inside), hypergeom.sf(has - 1, n, int(total), inside)]
    return pd.DataFrame(
        {
            "inside": here,
            "elsewhere": there,
            "effect": here - there,
            "low": here - there - np.hypot(here - low, higher - there),
            "high": here - there + np.hypot(high - here, there - lower),
            "odds": odds,
            "p": np.minimum(2 * np.minimum(*tails), 1),
        }
    )


def _wins(values: Floats, labels: Ints, clusters: int) -> tuple[Floats, Floats]:
    """Of ascending values: the pairs in which a member is above a galaxy outside, ties by half; and the members."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)
    counts = np.diff(np.append(starts, len(values)))
    ranks = np.repeat(starts + (counts + 1) / 2, counts)
    member = labels >= 0
    inside = np.bincount(labels[member], minlength=clusters).astype(np.float64)
    sums = np.bincount(labels[member], weights=ranks[member], minlength=clusters)
    return sums - inside * (inside + 1) / 2, inside


def _interval(share: Floats, inside: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """95 % of the probability that a member is above a galaxy outside, on the scale of its logarithmic odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.5 / np.maximum(np.maximum(inside, rest), 1)
        a = np.clip(share, least, 1 - least)
        both, either = a / (2 - a), 2 * a * a / (1 + a)
        variance = a * (1 - a) + (inside - 1) * (both - a * a) + (rest - 1) * (either - a * a)
        half = Z * np.sqrt(np.maximum(variance, 0) / (inside * rest)) / (a * (1 - a))
        middle = np.log(a / (1 - a))
        return 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))


def _medians(values: Floats, labels: Ints, clusters: int) -> tuple[Floats, Floats]:
    """Of ascending values: of each cluster, and of all galaxies outside it."""
    places: list[Any] = [np.flatnonzero(labels == number) for number in range(clusters)]
    inside = [_middle(values, at) for at in places]
    outside = [_middle(values, _PlacesExcept(at, len(values))) for at in places]
    return np.array(inside, np.float64), np.array(outside, np.float64)


def _middle(values: Floats, places: Any) -> float:
    half = len(places) // 2
    if not len(places):
        return float("nan")
    upper = float(values[places[half]])
    return upper if len(places) % 2 else (float(values[places[half - 1]]) + upper) / 2


class _PlacesExcept:
    """All places but some, in order, without writing them down: a list for each cluster would be long."""

    def __init__(self, places: Ints, n: int) -> None:
        self._before = places - np.arange(len(places))  # how many others stand before each
        self._n = n - len(places)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, at: int) -> int:
        return at + int(np.searchsorted(self._before, at, side="right"))
