"""Rank correlations of channels with columns of numbers, corrected for the number of tests.

References
----------
Spearman 1904, Am. J. Psychol. 15, 72. Bonett & Wright 2000, Psychometrika 65, 23 (intervals)
Benjamini & Hochberg 1995, J. R. Statist. Soc. B 57, 289
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from gz2interp.statistics import Z, false_discovery_rates

__all__ = ["DISCOVERY_RATE", "FEWEST", "LEAST", "correlates", "strongest_correlates"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

DISCOVERY_RATE: Final = 0.01
"""False discovery rate of the significant correlations."""

LEAST: Final = 0.3
"""Least |rho| that is reported, however significant."""

FEWEST: Final = 20
"""Least number of galaxies with finite values in a column."""

NAMES: Final = ("channel", "column", "known", "rho", "low", "high", "p", "q", "sure")


def correlates(activations: Floats, columns: Iterable[tuple[str, Doubles]]) -> pd.DataFrame:
    """Rank correlation of every channel with every column.

    Parameters
    ----------
    activations : float32 (n, channel)
        Pooled.
    columns : iterable of (str, float64 (n,))
        NaN where unknown; read one by one.

    Returns
    -------
    DataFrame
        One row per test: ``channel``, ``column``, ``known`` (number of galaxies), ``rho`` with its 95 % interval
        ``low`` and ``high``, ``p``, ``q`` (false discovery rate over all tests) and ``sure`` (significant).
    """
    parts = [_of_column(activations, name, np.asarray(values, np.float64)) for name, values in columns]
    table = pd.concat([part for part in parts if part is not None] or [_empty()], ignore_index=True)
    q = false_discovery_rates(table["p"].to_numpy(np.float64))
    return table.assign(q=q, sure=(q <= DISCOVERY_RATE) & (table["rho"].abs() >= LEAST))


def strongest_correlates(table: pd.DataFrame, channel: int, most: int = 5) -> pd.DataFrame:
    """The significant correlations of one channel, by decreasing |rho|."""
    rows = table[(table["channel"] == channel) & table["sure"]]
    return rows.iloc[np.argsort(-rows["rho"].abs().to_numpy(), kind="stable")[:most]]


def _of_column(activations: Floats, name: str, values: Doubles) -> pd.DataFrame | None:
    finite = np.isfinite(values)
    n = int(finite.sum())
    if n < FEWEST or values[finite].min() == values[finite].max():
        return None
    ranks = _centred_ranks(values[finite][:, None])
    channel_ranks = _centred_ranks(np.asarray(activations[finite], np.float64))
    lengths = np.linalg.norm(channel_ranks, axis=0) * np.linalg.norm(ranks)
    channels = np.flatnonzero(lengths > 0)  # a constant channel has no correlation
    rho = np.clip((channel_ranks[:, channels].T @ ranks)[:, 0] / lengths[channels], -1, 1)
    low, high = _interval(rho, n)
    facts = {"channel": channels, "column": name, "known": n, "rho": rho, "low": low, "high": high}
    return pd.DataFrame({**facts, "p": _p_value(rho, n)})


def _centred_ranks(values: Doubles) -> Doubles:
    ranks = rankdata(values, axis=0)
    return np.asarray(ranks - ranks.mean(axis=0))


def _p_value(rho: Doubles, n: int) -> Doubles:
    """Two-sided p-value of a rank correlation of n galaxies (t distribution)."""
    from scipy.special import stdtr

    away = np.abs(rho) * np.sqrt((n - 2) / np.maximum(1 - rho**2, 1e-15))
    return np.asarray(np.minimum(2 * stdtr(n - 2, -away), 1))


def _interval(rho: Doubles, n: int) -> tuple[Doubles, Doubles]:
    middle = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    half = Z * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return np.tanh(middle - half), np.tanh(middle + half)


def _empty() -> pd.DataFrame:
    whole = np.zeros(0, np.int64)
    return pd.DataFrame({name: whole if name in ("channel", "known") else np.zeros(0) for name in NAMES[:-2]})
