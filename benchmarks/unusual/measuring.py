"""AUROC and precision with 95 % intervals: seeds and galaxies are drawn again, a thousand times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["in_words", "interval", "places_of", "top_hits"]

Doubles = NDArray[np.float64]

DRAWS: Final = 1000


def places_of(scores: NDArray[np.floating], rare: NDArray[np.bool_], ordinary: NDArray[np.bool_]) -> Doubles:
    """For each rare galaxy the share of ordinary ones that score less, ties half: their mean is the AUROC."""
    among = np.sort(scores[ordinary])
    below, upto = (np.searchsorted(among, scores[rare], side) for side in ("left", "right"))
    return np.asarray((below + upto) / 2 / len(among))


def top_hits(scores: NDArray[np.floating], rare: NDArray[np.bool_], known: NDArray[np.int64]) -> Doubles:
    """1 for each rare galaxy among the first 1 % of the survey that is not rated yet, else 0."""
    left = np.setdiff1d(np.arange(len(scores)), known)
    order = left[np.argsort(-scores[left], kind="stable")]
    return rare[order[: max(len(scores) // 100, 1)]].astype(np.float64)


def interval(samples: Sequence[Doubles]) -> tuple[float, float, float]:
    """Mean over seeds of the means, and its interval; one array per seed."""
    rng = np.random.default_rng(0)
    value = float(np.mean([sample.mean() for sample in samples]))
    draws = np.empty(DRAWS)
    for draw in range(DRAWS):
        seeds = rng.integers(len(samples), size=len(samples))
        draws[draw] = np.mean([rng.choice(samples[seed], len(samples[seed])).mean() for seed in seeds])
    low, high = np.percentile(draws, [2.5, 97.5])
    return value, float(low), float(high)


def in_words(samples: Sequence[Doubles]) -> str:
    """As in 0.912 (0.890-0.931)."""
    value, low, high = interval(samples)
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
