"""Estimates with 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BinnedShare",
    "Estimate",
    "ReliabilityBin",
    "bootstrap_mean",
    "bootstrap_ratio",
    "false_discovery_rates",
    "proportion",
    "shares_in_bins",
    "wilson_interval",
]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

Z = 1.959964
"""Standard deviations on each side of a 95 % interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes
    ----------
    value, low, high : float or None
        None where nothing was counted.
    count : int
        Number of galaxies.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"

    @property
    def plain(self) -> str:
        """As numbers, for quantities that are no share."""
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class ReliabilityBin:
    """Galaxies with predictions of about equal confidence.

    Attributes
    ----------
    low : float
        Lower edge of the bin.
    confidence : float
        Mean confidence of the predictions.
    right : Estimate
        Share of correct predictions.
    """

    low: float
    confidence: float
    right: Estimate


@dataclass(frozen=True)
class BinnedShare:
    """Galaxies of about equal brightness or size, for example, and the share of them that has a property.

    Attributes
    ----------
    low, high : float
        The smallest and the largest value in the bin.
    """

    low: float
    high: float
    share: Estimate


def wilson_interval(successes: ArrayLike, trials: ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Wilson interval of a proportion, which stays in [0, 1] and is valid for small counts.

    Ref. Wilson 1927, J. Am. Stat. Assoc. 22, 209, https://doi.org/10.1080/01621459.1927.10502953

    Parameters
    ----------
    successes, trials : int arrays
        Trials of zero give NaN.

    Returns
    -------
    low, high : float arrays
    """
    n = np.asarray(trials, float)
    n = np.where(n > 0, n, np.nan)
    share = np.asarray(successes, float) / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def false_discovery_rates(p: Floats) -> Floats:
    """False discovery rate of each of many tests (Benjamini and Hochberg's q).

    Ref. Benjamini & Hochberg 1995, J. R. Statist. Soc. B 57, 289, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Parameters
    ----------
    p : float (n,)
        p values of all tests.

    Returns
    -------
    float64 (n,)
    """
    order = np.argsort(p, kind="stable")
    rates = np.asarray(p, np.float64)[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(rates[::-1])[::-1].clip(max=1)
    return q


def proportion(right: Bools) -> Estimate:
    """The share of True, with its Wilson interval."""
    if len(right) == 0:
        return Estimate(None, None, None, 0)
    low, high = wilson_interval(right.sum(), len(right))
    return Estimate(float(right.mean()), float(low), float(high), len(right))


def bootstrap_mean(values: Floats, generator: np.random.Generator, draws: int = 2000) -> Estimate:
    """Mean over galaxies, with its bootstrap interval.

    Ref. Efron 1979, Ann. Statist. 7, 1, https://doi.org/10.1214/aos/1176344552

    Parameters
    ----------
    values : float (n,)
        NaN where unknown; such galaxies are left out.
    draws : int
        Bootstrap samples.
    """
    finite = np.asarray(values, float)[np.isfinite(values)]
    return bootstrap_ratio(finite, np.ones_like(finite), generator, draws)


def bootstrap_ratio(above: Floats, below: Floats, generator: np.random.Generator, draws: int = 2000) -> Estimate:
    """Ratio of the sums of two quantities, with its bootstrap interval over galaxies.

    Parameters
    ----------
    above, below : float (n,)
    """
    if not len(above) or not np.sum(below):
        return Estimate(None, None, None, len(above))
    counts = generator.multinomial(len(above), np.full(len(above), 1 / len(above)), size=draws)
    sums = counts @ np.asarray(below, float)
    drawn = (counts @ np.asarray(above, float))[sums != 0] / sums[sums != 0]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Estimate(float(np.sum(above) / np.sum(below)), float(low), float(high), len(above))


def shares_in_bins(values: Floats, true: Bools, bins: int = 6, least: int = 10) -> tuple[BinnedShare, ...]:
    """Share of True in bins of `values` with about equally many galaxies.

    Parameters
    ----------
    values : float (n,)
        NaN where unknown; such galaxies are left out.
    true : bool (n,)
    bins : int
        At most; equal values are never split.
    least : int
        Least number of galaxies in a bin on average; where there are fewer, there are fewer bins.
    """
    finite = np.isfinite(values)
    values, true = values[finite], true[finite]
    count = min(bins, len(values) // least)
    if count < 1:
        return ()
    edges = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    where = np.searchsorted(edges, values, side="right")
    members = (where == number for number in np.unique(where))
    return tuple(
        BinnedShare(float(values[inside].min()), float(values[inside].max()), proportion(true[inside]))
        for inside in members
    )
