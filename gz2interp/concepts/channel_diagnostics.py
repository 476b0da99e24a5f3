"""Channels with zero activations, redundant channels, and channels that respond to observational artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.concepts.channel_statistics import RunningMoments
from gz2interp.statistics import discovery_rates

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
"""|r| over all places from which on two channels say the same."""

SILENT: Final = 1e-6
"""Of the layer's median scatter: a channel that varies less does nothing."""

DISCOVERY_RATE: Final = 0.01
"""The share of chance among the channels that are said to see artefacts."""

MOSTLY: Final = 0.5
"""Of its top galaxies, that an artefact's channel has flagged at least."""

TAIL: Final = 0.95
"""The quantile of a column of image quality beyond which an image is flagged."""

TWICE: Final = 2.0
"""How many times as often they are flagged as galaxies of like size."""

LIKE: Final = 50
"""Galaxies of like size that each is compared with, or a tenth of few: large ones reach the edge without being badly
imaged."""


FACTS: Final = ("share", "expected", "q")


@dataclass(frozen=True)
class ChannelArtefact:
    """What a channel sees that is no galaxy.

    Attributes
    ----------
    column : str
        Of image quality.
    share : float
        Of its top galaxies, that are flagged.
    expected : float
        The share that is flagged among galaxies of like size.
    q : float
        The false discovery rate at which it would count, among all channels and columns.
    """

    channel: int
    column: str
    share: float
    expected: float
    q: float


def inactive_channels(tally: RunningMoments) -> Ints:
    """The channels that do nothing: the same everywhere, in all galaxies."""
    scatter = tally.scatter
    speaking = scatter[scatter > 0]
    least = SILENT * float(np.median(speaking)) if len(speaking) else np.inf
    return np.flatnonzero(scatter <= least)


def redundant_channels(correlation: Doubles, least: float = REDUNDANT) -> list[tuple[int, int, float]]:
    """Pairs of channels that say the same, or the opposite: (first, second, r), the closest first."""
    first, second = np.triu_indices(len(correlation), 1)
    r = correlation[first, second]
    here = np.flatnonzero(np.abs(r) > least)
    order = here[np.argsort(-np.abs(r[here]), kind="stable")]
    return [(int(first[k]), int(second[k]), float(r[k])) for k in order]


def flag_images(columns: Mapping[str, Doubles]) -> dict[str, NDArray[np.bool_]]:
    """Which images each column of image quality flags: those in its upper tail, if that stands out at all.

    Parameters
    ----------
    columns : mapping
        Name -> float64 (n,), more being worse; NaN where unknown, which is not flagged.
    """
    found = {}
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        if len(known) and known.max() > np.median(known):
            limit = max(float(np.quantile(known, TAIL)), float(np.median(known)))
            found[name] = np.nan_to_num(values, nan=-np.inf) > limit
    return found


def artefact_channels(
    tops: Ints, flags: Mapping[str, NDArray[np.bool_]], sizes: Doubles
) -> tuple[list[ChannelArtefact], pd.DataFrame]:
    """The channels whose top galaxies are flagged, far more often than other galaxies of like size.

    Parameters
    ----------
    tops : int64 (channel, k)
        Positions of each channel's loudest galaxies; below 0 for none.
    flags : mapping
        Column -> bool (n,), see `flag_images`.
    sizes : float64 (n, size)
        Galaxies are compared that rank alike in all of them; NaN ranks lowest. They should not follow from how good
        the image is: a galaxy seems smaller where the sky is noisy.

    Returns
    -------
    artefacts : list of ChannelArtefact
        The surest first.
    tests : DataFrame
        Every test: channel, column, share, expected, p, q.
    """
    asked = np.unique(tops[tops >= 0])
    like = _like(sizes, asked)
    rows: list[dict[str, Any]] = []
    for column, flag in flags.items():
        # Half a galaxy is added, so that no rate is 0 or 1.
        rates = (flag[like].sum(axis=1) + 0.5) / (like.shape[1] + 1)
        for channel, positions in enumerate(tops):
            there = positions[positions >= 0]
            own, hits = rates[np.searchsorted(asked, there)], int(flag[there].sum())
            facts = {"share": hits / max(len(there), 1), "expected": float(own.mean()) if len(there) else np.nan}
            rows.append({"channel": channel, "column": column, **facts, "p": _at_least(hits, own)})
    tests = pd.DataFrame(rows, columns=["channel", "column", "share", "expected", "p"])
    tests = tests.assign(q=discovery_rates(tests["p"].to_numpy(np.float64)))
    often = (tests["share"] >= MOSTLY) & (tests["share"] >= TWICE * tests["expected"])
    sure = tests[often & (tests["q"] <= DISCOVERY_RATE)].sort_values(["q", "channel"])
    found = [
        ChannelArtefact(
            int(sure["channel"].iloc[k]), str(sure["column"].iloc[k]), *(float(sure[name].iloc[k]) for name in FACTS)
        )
        for k in range(len(sure))
    ]
    return found, tests


def _like(sizes: Doubles, asked: Ints) -> Ints:
    """The galaxies nearest in rank to each that is asked about, itself among them, int64 (m, like)."""
    from scipy.spatial import cKDTree
    from scipy.stats import rankdata

    ranks = rankdata(np.where(np.isfinite(sizes), sizes, -np.inf), axis=0) / max(len(sizes), 1)
    near = cKDTree(ranks).query(ranks[asked], k=range(1, min(LIKE, max(len(sizes) // 10, 1)) + 1))[1]
    return np.asarray(near, np.int64)


def _at_least(hits: int, rates: Doubles) -> float:
    """The probability of so many or more, each with a probability of its own."""
    chances = np.ones(1)
    for rate in rates:
        chances = np.append(chances * (1 - rate), 0) + np.append(0, chances * rate)
    return float(min(chances[hits:].sum(), 1.0))
