"""Why a galaxy is unusual, in words: the score in which it stands out most, and what of it shows that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.embedding.unusual.judge import TITLES

__all__ = ["reason_of", "strongest_features"]

TOLD: Final = 2
"""Features that are named."""


def strongest_features(deviations: NDArray[np.floating], most: int = TOLD) -> NDArray[np.int64]:
    """The features farthest from the survey's mean in its scatters (n, most), the farthest first."""
    return np.argsort(-np.abs(deviations), axis=1, kind="stable")[:, :most].astype(np.int64)


def reason_of(
    normal: Mapping[str, float],
    features: Sequence[tuple[str, float]] = (),
    measured: Mapping[str, Sequence[tuple[str, float]]] | None = None,
) -> str:
    """A sentence.

    Parameters
    ----------
    normal : mapping
        Score to its normal score; NaN where it is not known.
    features : sequence of (str, float)
        Names of features of the network, and by how many scatters of the survey they deviate.
    measured : mapping of sequences of (str, float), optional
        Score to what was measured on the pixels, where a score is of such: it is told instead.
    """
    known = {name: value for name, value in normal.items() if np.isfinite(value)}
    if not known:
        return "Nothing is known of it"
    first = max(known, key=lambda name: known[name])
    title = TITLES.get(first, first)
    told = f"{title[0].upper()}{title[1:]}: more so than {_percent(known[first])} of the survey"
    parts = [f"{name} {value:+.1f} scatters" for name, value in (measured or {}).get(first, features)]
    return f"{told}. Most of all {' and '.join(parts)}" if parts else told


def _percent(normal: float) -> str:
    share = 100 * float(special.ndtr(normal))
    return f"{share:.0f} %" if share < 99 else f"{share:.1f} %" if share < 99.9 else f"{min(share, 99.99):.2f} %"
