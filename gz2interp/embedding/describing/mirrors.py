"""Columns that mirror one another: redness in two colours is one thing, and is told once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.describing.columns import Column

__all__ = ["Mirrors"]

SAMPLE: Final = 4000
"""Galaxies among whom columns are compared."""

ALIKE: Final = 0.7
"""Rank correlation from which on two columns tell the same."""


class Mirrors:
    """Remembers a sample of each column, to say which of them tell the same.

    Parameters
    ----------
    n : int
        Galaxies.
    seed : int
        Of the sample.
    """

    def __init__(self, n: int, seed: int = 0) -> None:
        chosen = np.random.default_rng(seed).permutation(n)[:SAMPLE]
        self._rows = np.sort(chosen)
        self._seen: dict[str, NDArray[np.float32]] = {}

    def add(self, column: Column) -> None:
        """Remember a column."""
        self._seen[column.name] = column.values[self._rows].astype(np.float32)

    def alike(self, one: str, two: str) -> bool:
        """Whether the ranks of two columns go together, or against one another, where both are known."""
        a, b = self._seen[one], self._seen[two]
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < 10:
            return False
        ranks = [_ranks(values[known]) for values in (a, b)]
        if not all(np.ptp(each) for each in ranks):
            return False
        return bool(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) >= ALIKE)


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])
