"""How badly the network's probabilities explain what the volunteers said.

The Kullback-Leibler divergence of the volunteers' shares from the probabilities: the surprise at a vote beyond what the
volunteers' own disagreement makes of it. Nobody's votes are not votes of 0: where a galaxy has none, it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.schema import CLASS_VOTES, vote_column

__all__ = ["disagreement", "vote_columns_of", "vote_shares"]

Floats = NDArray[np.float64]

TITLE: Final = "the volunteers' votes disagree with the network's prediction"
LEAST: Final = 0.01
"""No network is surer than that: a probability of 0 would make one stray vote an infinite surprise."""

LEAST_VOTED: Final = 0.3
"""Share of votes that must have gone to the classes: few say little of a galaxy that most call an artefact."""

_KINDS: Final = ("debiased", "weighted_fraction", "fraction")


def vote_columns_of(class_names: Sequence[str]) -> list[str]:
    """All columns of a catalogue that may tell the votes for these classes."""
    paths = [step for name in class_names for step in CLASS_VOTES.get(name, ())]
    return list(dict.fromkeys(vote_column(*step, kind) for step in paths for kind in _KINDS))


def vote_shares(catalog: pd.DataFrame, class_names: Sequence[str]) -> Floats:
    """The volunteers' shares of a network's classes, float64 (n, class), rows that sum to 1; NaN where there are none.

    Answers that lead to a class are multiplied. Debiased fractions if the catalogue has them, else weighted, else plain
    ones. All is NaN if the classes are none that volunteers were asked for, and of galaxies for whose classes
    fewer than `LEAST_VOTED` have voted.

    Parameters
    ----------
    catalog : DataFrame
    class_names : sequence of str
    """
    unknown = np.full((len(catalog), len(class_names)), np.nan)
    if any(name not in CLASS_VOTES for name in class_names):
        return unknown
    for kind in _KINDS:
        paths = [[vote_column(*step, kind) for step in CLASS_VOTES[name]] for name in class_names]
        if all(column in catalog for path in paths for column in path):
            shares = np.stack([_product(catalog, path) for path in paths], axis=1)
            total = shares.sum(axis=1, keepdims=True)
            return np.asarray(np.divide(shares, total, out=unknown, where=total >= LEAST_VOTED))
    return unknown


def disagreement(shares: Floats, probabilities: NDArray[np.floating]) -> Floats:
    """The divergence of the votes from the probabilities [nats per vote], float64 (n,); NaN where there are no votes.

    Parameters
    ----------
    shares, probabilities : (n, class)
    """
    likely = np.maximum(np.asarray(probabilities, np.float64), LEAST)
    likely /= likely.sum(axis=1, keepdims=True)
    given = np.where(shares > 0, shares, 1.0)
    return np.where(
        np.isfinite(shares).all(axis=1), (np.nan_to_num(shares) * np.log(given / likely)).sum(axis=1), np.nan
    )


def _product(catalog: pd.DataFrame, path: Sequence[str]) -> Floats:
    """The share that goes all the way; a question that nobody reached is not missed where nobody came so far."""
    share = catalog[path[0]].to_numpy(np.float64).copy()
    for column in path[1:]:
        share = np.where(share == 0, 0.0, share * catalog[column].to_numpy(np.float64))
    return np.asarray(share)
