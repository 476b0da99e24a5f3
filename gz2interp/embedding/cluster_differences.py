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
    "add_discovery_rates",
    "compare_column",
    "flag_column",
    "matched_effects",
    "number_column",
    "word_columns",
]


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Source = Literal["catalogue", "votes", "network", "quality"]

MOST_WORDS: Final = 12
"""Values of a categorical column that are compared, the most frequent first."""

SELDOM: Final = 0.01
"""A value that a smaller share of the galaxies has is not compared."""


@dataclass(frozen=True, eq=False)
class ComparedColumn:
    """One property of all galaxies.

    Attributes
    ----------
    name : str
        Unique: ``"g-r"``, ``"prediction = spiral"``.
    values : float64 (n,)
        NaN where unknown. Of a categorical value: 1 for the galaxies that have it, 0 for the others.
    source : str
        ``"catalogue"``, ``"votes"``, ``"network"`` or ``"quality"``.
    is_share : bool
        Whether it is a categorical value, reported as a share of galaxies instead of a median.
    more, less : str
        Words for a cluster with a higher or lower value: ``"redder"``, ``"bluer"``; of a categorical value, words for
        the galaxies that have it: ``"taken for spiral"``.
    label, form : str
        Name and format of a median: ``"g-r"`` and ``"{:.2f}"``.
    """

    name: str
    values: Floats
    source: Source
    is_share: bool = False
    more: str = ""
    less: str = ""
    label: str = ""
    form: str = "{:.3g}"

    def format_value(self, value: float) -> str:
        """A value in the column's format, with typographic minus and per cent signs."""
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
    """A column of numbers; by default described as higher or lower in its name."""
    numbers = np.asarray(values, np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    more, less = more or f"higher in {name}", less or f"lower in {name}"
    return ComparedColumn(name, numbers, source, False, more, less, label, form)


def flag_column(name: str, values: ArrayLike, source: Source, words: str) -> ComparedColumn:
    """A property that galaxies have or lack: 1, 0, or NaN where unknown."""
    return ComparedColumn(name, np.asarray(values, np.float64), source, True, words)


def word_columns(
    name: str, values: pd.Series[Any], source: Source, words: str, to_words: Callable[[str], str] = str
) -> Iterator[ComparedColumn]:
    """A column for each frequent value of a categorical column.

    Parameters
    ----------
    name : str
    values : Series
        Missing or empty where unknown.
    source : str
    words : str
        A template for galaxies with the value: ``"taken for {}"``.
    to_words : callable, optional
        Turns a value into words.
    """
    texts = values.astype(object).where(values.notna().to_numpy(np.bool_), "").astype(str).str.strip()
    counts = texts[texts != ""].value_counts()
    least = max(SELDOM * float(counts.sum()), 10)
    for value in sorted(counts.index[counts >= least], key=lambda text: (-counts[text], text))[:MOST_WORDS]:
        has = np.where(texts == "", np.nan, (texts == value).astype(np.float64))
        yield ComparedColumn(f"{name} = {value}", has, source, True, words.format(to_words(value)))


DISCOVERY_RATE: Final = 0.01
"""The false discovery rate at which a difference counts as significant."""

LEAST_EFFECT: Final = 0.3
"""Of the rank-biserial correlation, or of a difference of shares: smaller effects are not reported."""

LEAST_ODDS: Final = 4.0
"""Ratio of odds from which on a value that 10 % of the cluster have is reported whatever its effect."""

LEAST_KNOWN: Final = 10
"""Galaxies with a value that are needed inside and outside the cluster; of the cluster also at least half."""

LEAST_OUTSIDE: Final = 5
"""Galaxies outside a cluster that a stratum needs for its members to count as matched."""


def compare_column(column: ComparedColumn, labels: Ints, clusters: int, strata: Ints | None = None) -> pd.DataFrame:
    """Compare each cluster with all galaxies outside it.

    Parameters
    ----------
    column : ComparedColumn
        Of n galaxies.
    labels : int64 (n,)
        Cluster numbers, below 0 for none.
    clusters : int
        The number of clusters.
    strata : int64 (n,), optional
        Groups of similar galaxies: `matched` is then the effect within them.

    Returns
    -------
    DataFrame
        One row for each possible comparison: ``cluster``, ``column``, ``source``, ``known`` (members with a value),
        ``inside`` and ``elsewhere`` (medians, or shares), ``effect`` with ``low`` and ``high`` (rank-biserial
        correlation, from -1 to 1; of a categorical value the difference of shares), ``odds`` (ratio, of a categorical
        value), ``matched``, ``p``.
    """
    has_value = np.isfinite(column.values)
    values, groups = column.values[has_value], labels[has_value]
    sizes = np.bincount(labels[labels >= 0], minlength=clusters)
    inside = np.bincount(groups[groups >= 0], minlength=clusters)
    numbers = np.flatnonzero((inside >= LEAST_KNOWN) & (2 * inside >= sizes) & (len(values) - inside >= LEAST_KNOWN))
    if not len(numbers) or values.min() == values.max():
        return pd.DataFrame()
    order = np.argsort(values, kind="stable")
    effects = (_compare_shares if column.is_share else _compare_ranks)(values[order], groups[order], clusters)
    effects = effects.iloc[numbers].reset_index(drop=True)
    matched = np.full(clusters, np.nan) if strata is None else matched_effects(column.values, labels, clusters, strata)
    facts = {"cluster": numbers, "column": column.name, "source": column.source, "known": inside[numbers]}
    return pd.DataFrame(facts).join(effects).assign(matched=matched[numbers])


def add_discovery_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Comparisons of all scales with the columns ``q``, the false discovery rate, and ``sure``, whether it counts."""
    if table.empty:
        return table.assign(q=np.zeros(0), sure=np.zeros(0, np.bool_))
    q = false_discovery_rates(table["p"].to_numpy(np.float64))
    effect, odds = np.abs(table["effect"].to_numpy(np.float64)), table["odds"].to_numpy(np.float64)
    frequent = (odds >= LEAST_ODDS) & (table["inside"].to_numpy(np.float64) >= 0.1)
    return table.assign(q=q, sure=(q <= DISCOVERY_RATE) & ((effect >= LEAST_EFFECT) | frequent))


def matched_effects(values: Floats, labels: Ints, clusters: int, strata: Ints) -> Floats:
    """The rank-biserial correlation of each cluster within strata, weighted by the number of pairs.

    NaN where less than half of the members have similar galaxies outside: size and quality are then confounded.

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
        matched += np.where(outside >= LEAST_OUTSIDE, inside, 0)
    return np.where((matched >= LEAST_KNOWN) & (2 * matched >= members), 2 * wins / np.maximum(pairs, 1) - 1, np.nan)


def _compare_ranks(values: Floats, labels: Ints, clusters: int) -> pd.DataFrame:
    """Mann-Whitney tests on ascending values."""
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


def _compare_shares(values: Floats, labels: Ints, clusters: int) -> pd.DataFrame:
    """Tests on zeros and ones: exact tails of the hypergeometric distribution, the smaller one doubled."""
    from scipy.stats import hypergeom

    n, total = len(values), float(values.sum())
    member = labels >= 0
    inside = np.bincount(labels[member], minlength=clusters)
    has = np.bincount(labels[member], weights=values[member], minlength=clusters)
    rest, others = n - inside, total - has
    share, elsewhere = has / np.maximum(inside, 1), others / np.maximum(rest, 1)
    (low, high), (lower, higher) = wilson_interval(has, inside), wilson_interval(others, rest)
    odds = (has + 0.5) * (rest - others + 0.5) / ((inside - has + 0.5) * (others + 0.5))
    tails = [hypergeom.cdf(has, n, int(total), inside), hypergeom.sf(has - 1, n, int(total), inside)]
    return pd.DataFrame(
        {
            "inside": share,
            "elsewhere": elsewhere,
            "effect": share - elsewhere,
            "low": share - elsewhere - np.hypot(share - low, higher - elsewhere),
            "high": share - elsewhere + np.hypot(high - share, elsewhere - lower),
            "odds": odds,
            "p": np.minimum(2 * np.minimum(*tails), 1),
        }
    )


def _wins(values: Floats, labels: Ints, clusters: int) -> tuple[Floats, Floats]:
    """Of ascending values: pairs in which a member exceeds a galaxy outside, ties by half; and the members."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)
    counts = np.diff(np.append(starts, len(values)))
    ranks = np.repeat(starts + (counts + 1) / 2, counts)
    member = labels >= 0
    inside = np.bincount(labels[member], minlength=clusters).astype(np.float64)
    sums = np.bincount(labels[member], weights=ranks[member], minlength=clusters)
    return sums - inside * (inside + 1) / 2, inside


def _interval(share: Floats, inside: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """95 % interval of the probability that a member exceeds a galaxy outside, on the scale of its log-odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.5 / np.maximum(np.maximum(inside, rest), 1)
        a = np.clip(share, least, 1 - least)
        both, either = a / (2 - a), 2 * a * a / (1 + a)
        variance = a * (1 - a) + (inside - 1) * (both - a * a) + (rest - 1) * (either - a * a)
        half = Z * np.sqrt(np.maximum(variance, 0) / (inside * rest)) / (a * (1 - a))
        middle = np.log(a / (1 - a))
        return 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))


def _medians(values: Floats, labels: Ints, clusters: int) -> tuple[Floats, Floats]:
    """Medians of each cluster, and of all galaxies outside it, from ascending values."""
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
    """All positions below n but some, in order, without storing them."""

    def __init__(self, places: Ints, n: int) -> None:
        self._before = places - np.arange(len(places))  # number of other positions before each
        self._n = n - len(places)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, at: int) -> int:
        return at + int(np.searchsorted(self._before, at, side="right"))
