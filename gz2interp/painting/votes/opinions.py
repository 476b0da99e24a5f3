"""Curves by which what is seen becomes the share of volunteers who say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting.votes.visibility import Seen

__all__ = ["either", "ordered", "rising", "with_mistakes"]

Doubles = NDArray[np.float64]

MISTAKES = 0.01
"""Share of answers that were not meant."""


def either(seen: Seen, shares: Mapping[str, float]) -> Doubles:
    """Share who notice one at least, of what each of those who see it minds with a share of its own."""
    return np.asarray(1 - np.prod([1 - share * seen[name] for name, share in shares.items()], axis=0))


def rising(value: Doubles, at: float | Doubles, width: float) -> Doubles:
    """From 0 to 1, a half at `at`: volunteers put the edge there, give or take `width`."""
    return np.asarray(special.expit((value - at) / width))


def ordered(value: Doubles, edges: Sequence[float], width: float) -> list[Doubles]:
    """Answers in a row: a volunteer puts each edge where others do, give or take `width`."""
    below = [np.zeros_like(value), *(1 - rising(value, edge, width) for edge in edges), np.ones_like(value)]
    return [high - low for low, high in pairwise(below)]


def with_mistakes(share: Doubles) -> Doubles:
    """Chances (n, answer) that sum to 1, of shares of any sum."""
    return np.asarray((1 - MISTAKES) * share / share.sum(axis=1, keepdims=True) + MISTAKES / share.shape[1])
