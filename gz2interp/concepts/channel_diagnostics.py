"""Channels with zero activations, redundant channels, and channels that respond to observational artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.concepts.channel_statistics import RunningMoments
from gz2interp.statistics import false_discovery_rates

__all__ = [
    "REDUNDANT",
    "TAIL",
    "ChannelArtefact",
    "artefact_channels",
    "flag_images",
    "inactive_channels",
    "redundant_channels",
]


Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

REDUNDANT: Final = 0.98
"""|r| over all positions above which two channels are redundant."""

SILENT: Final = 1e-6
"""A channel with less scatter than this share of the layer's median scatter is inactive."""

DISCOVERY_RATE: Final = 0.01
"""False discovery rate of the channels that respond to artefacts."""

MOSTLY: Final = 0.5
"""Least share of flagged galaxies among the most activating galaxies of such a channel."""

TAIL: Final = 0.95
"""Quantile of a column of image quality above which an image is flagged."""

TWICE: Final = 2.0
"""Least ratio of that share to the share among galaxies of similar size."""

LIKE: Final = 50
"""Galaxies of similar size that each is compared with, at most a tenth of all: the images of large galaxies reach the
edge without being of bad quality."""


FACTS: Final = ("share", "expected", "q")


@dataclass(frozen=True)
class ChannelArtefact:
    """An observational artefact to which a channel responds.

    Attributes
    ----------
    column : str
        Of image quality.
    share : float
        Share of flagged galaxies among the channel's most activating galaxies.
    expected : float
        Share of flagged galaxies among galaxies of similar size.
    q : float
        False discovery rate over all channels and columns.
    """

    channel: int
    column: str
    share: float
    expected: float
    q: float


def inactive_channels(moments: RunningMoments) -> Ints:
    """The channels with constant activations at all positions of all galaxies, int64."""
    scatter = moments.scatter
    varying = scatter[scatter > 0]
    least = SILENT * float(np.median(varying)) if len(varying) else np.inf
    return np.flatnonzero(scatter <= least)


def redundant_channels(correlation: Doubles, least: float = REDUNDANT) -> list[tuple[int, int, float]]:
    """Pairs of correlated or anticorrelated channels: (first, second, r), by decreasing |r|."""
    first, second = np.triu_indices(len(correlation), 1)
    r = correlation[first, second]
    pairs = np.flatnonzero(np.abs(r) > least)
    order = pairs[np.argsort(-np.abs(r[pairs]), kind="stable")]
    return [(int(first[k]), int(second[k]), float(r[k])) for k in order]


def flag_images(columns: Mapping[str, Doubles]) -> dict[str, NDArray[np.bool_]]:
    """Flag the images in the upper tail of each column of image quality, if it has one.

    Parameters
    ----------
    columns : mapping
        Name -> float64 (n,), higher being worse; NaN where unknown, which is not flagged.

    Returns
    -------
    dict
        Name -> bool (n,).
    """
    flags = {}
    for name, values in columns.items():
        finite = values[np.isfinite(values)]
        if len(finite) and finite.max() > np.median(finite):
            limit = max(float(np.quantile(finite, TAIL)), float(np.median(finite)))
            flags[name] = np.nan_to_num(values, nan=-np.inf) > limit
    return flags


def artefact_channels(
    tops: Ints, flags: Mapping[str, NDArray[np.bool_]], sizes: Doubles
) -> tuple[list[ChannelArtefact], pd.DataFrame]:
    """The channels whose most activating galaxies are flagged far more often than other galaxies of similar size.

    Parameters
    ----------
    tops : int64 (channel, k)
        Indices of each channel's most activating galaxies; below 0 for none.
    flags : mapping
        Column -> bool (n,), see `flag_images`.
    sizes : float64 (n, size)
        Galaxies of similar ranks in all columns are compared; NaN ranks lowest. The sizes should not depend on the
        image quality: a galaxy appears smaller where the sky is noisy.

    Returns
    -------
    artefacts : list of ChannelArtefact
        By increasing q.
    tests : DataFrame
        Every test: channel, column, share, expected, p, q.
    """
    galaxies = np.unique(tops[tops >= 0])
    similar = _similar(sizes, galaxies)
    rows: list[dict[str, Any]] = []
    for column, flag in flags.items():
        # Half a galaxy is added, so that no rate is 0 or 1.
        rates = (flag[similar].sum(axis=1) + 0.5) / (similar.shape[1] + 1)
        for channel, indices in enumerate(tops):
            top = indices[indices >= 0]
            expected, hits = rates[np.searchsorted(galaxies, top)], int(flag[top].sum())
            facts = {"share": hits / max(len(top), 1), "expected": float(expected.mean()) if len(top) else np.nan}
            rows.append({"channel": channel, "column": column, **facts, "p": _at_least(hits, expected)})
    tests = pd.DataFrame(rows, columns=["channel", "column", "share", "expected", "p"])
    tests = tests.assign(q=false_discovery_rates(tests["p"].to_numpy(np.float64)))
    often = (tests["share"] >= MOSTLY) & (tests["share"] >= TWICE * tests["expected"])
    sure = tests[often & (tests["q"] <= DISCOVERY_RATE)].sort_values(["q", "channel"])
    artefacts = [
        ChannelArtefact(
            int(sure["channel"].iloc[k]), str(sure["column"].iloc[k]), *(float(sure[name].iloc[k]) for name in FACTS)
        )
        for k in range(len(sure))
    ]
    return artefacts, tests


def _similar(sizes: Doubles, galaxies: Ints) -> Ints:
    """The galaxies nearest in rank to each of some galaxies, including itself, int64 (m, neighbour)."""
    from scipy.spatial import cKDTree
    from scipy.stats import rankdata

    ranks = rankdata(np.where(np.isfinite(sizes), sizes, -np.inf), axis=0) / max(len(sizes), 1)
    neighbours = cKDTree(ranks).query(ranks[galaxies], k=range(1, min(LIKE, max(len(sizes) // 10, 1)) + 1))[1]
    return np.asarray(neighbours, np.int64)


def _at_least(hits: int, rates: Doubles) -> float:
    """The probability of at least `hits` successes of independent trials with these rates (Poisson binomial)."""
    chances = np.ones(1)
    for rate in rates:
        chances = np.append(chances * (1 - rate), 0) + np.append(0, chances * rate)
    return float(min(chances[hits:].sum(), 1.0))
