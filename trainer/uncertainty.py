"""How unsure a network is of a galaxy, and how well that tells its mistakes: pure functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["disagreement", "doubt", "entropy", "error_auroc", "risk_coverage"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

TINY = 1e-12


def doubt(probabilities: Floats) -> NDArray[np.float64]:
    """One minus the largest probability, (n,) of (n, class)."""
    return np.asarray(1.0 - np.asarray(probabilities, np.float64).max(axis=-1))


def entropy(probabilities: Floats) -> NDArray[np.float64]:
    """How spread a distribution is [nat], (..., n) of (..., n, class)."""
    given = np.asarray(probabilities, np.float64)
    return np.asarray(-(given * np.log(np.maximum(given, TINY))).sum(axis=-1))


def disagreement(answers: Floats) -> NDArray[np.float64]:
    """How far several answers differ beyond what each leaves open: their mutual information [nat], (n,).

    Ref. Houlsby, Huszar, Ghahramani, Lengyel 2011, Bayesian active learning, https://arxiv.org/abs/1112.5745

    Parameters
    ----------
    answers : float (answer, n, class)
    """
    return np.asarray(entropy(np.mean(answers, axis=0)) - entropy(answers).mean(axis=0))


def error_auroc(uncertainty: Floats, right: Bools) -> float | None:
    """How often a mistake is held less sure than something right (1/2 by chance); None where all or none are mistakes.

    Parameters
    ----------
    uncertainty : float (n,)
    right : bool (n,)
    """
    wrong = ~right
    if wrong.all() or right.all():
        return None
    ranks = rankdata(uncertainty)
    beaten = ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2
    return float(beaten / (wrong.sum() * right.sum()))


def risk_coverage(uncertainty: Floats, right: Bools) -> float:
    """The share of mistakes among the surest galaxies, on average over how many of them one takes: small is good.

    Ref. Geifman, Uziel, El-Yaniv 2019, Bias-reduced uncertainty estimation, https://arxiv.org/abs/1805.08206

    Parameters
    ----------
    uncertainty : float (n,)
    right : bool (n,)
    """
    surest_first = np.argsort(uncertainty, kind="stable")
    return float((np.cumsum(~right[surest_first]) / np.arange(1, len(right) + 1)).mean())
