"""How good a classification is, and how sure one can be of that: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Estimate",
    "ReliabilityBin",
    "calibration_error",
    "calibration_estimate",
    "confusion_matrix",
    "proportion",
    "reliability",
    "wilson",
]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]

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
        Of how many galaxies.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class ReliabilityBin:
    """Galaxies of which the network was about equally sure.

    Attributes
    ----------
    low : float
        Where the bin begins.
    confidence : float
        Its mean confidence in what it said.
    right : Estimate
        The share of which it was right.
    """

    low: float
    confidence: float
    right: Estimate


def wilson(successes: ArrayLike, trials: ArrayLike, z: float = Z) -> tuple[Floats, Floats]:
    """Interval of a proportion that stays in [0, 1] and makes sense for small counts.

    Ref. Wilson 1927, J. Am. Stat. Assoc. 22, 209, https://doi.org/10.1080/01621459.1927.10502953

    Parameters
    ----------
    successes, trials : int arrays
        Trials of zero give NaN.
    z : float

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


def proportion(right: Bools) -> Estimate:
    """The share of True, with its Wilson interval."""
    if len(right) == 0:
        return Estimate(None, None, None, 0)
    low, high = wilson(right.sum(), len(right))
    return Estimate(float(right.mean()), float(low), float(high), len(right))


def confusion_matrix(truth: Ints, said: Ints, class_count: int) -> NDArray[np.int64]:
    """Counts (true class, said class)."""
    matrix = np.zeros((class_count, class_count), np.int64)
    np.add.at(matrix, (truth, said), 1)
    return matrix


def calibration_error(confidence: Floats, right: Bools, bins: int = 10) -> float:
    """Expected calibration error: how far confidence and success differ, on average over galaxies.

    Ref. Naeini, Cooper, Hauskrecht 2015, AAAI 29, https://doi.org/10.1609/aaai.v29i1.9602

    Parameters
    ----------
    confidence : float (n,)
    right : bool (n,)
    bins : int
        Of equal width between 0 and 1.
    """
    excess = np.bincount(_bin_of(confidence, bins), weights=confidence - right, minlength=bins)
    return float(np.abs(excess).sum() / len(confidence))


def calibration_estimate(
    confidence: Floats, right: Bools, generator: np.random.Generator, draws: int = 500, bins: int = 10
) -> Estimate:
    """`calibration_error` with an interval from galaxies drawn again with replacement.

    Parameters
    ----------
    confidence : float (n,)
    right : bool (n,)
    generator : numpy Generator
    draws, bins : int
    """
    count = len(confidence)
    if count == 0:
        return Estimate(None, None, None, 0)
    again = (generator.integers(count, size=count) for _ in range(draws))
    errors = [calibration_error(confidence[chosen], right[chosen], bins) for chosen in again]
    low, high = np.quantile(errors, [0.025, 0.975])
    return Estimate(calibration_error(confidence, right, bins), float(low), float(high), count)


def reliability(confidence: Floats, right: Bools, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Success against confidence in bins of equal width between 0 and 1; empty bins are left out."""
    where = _bin_of(confidence, bins)
    members = ((number / bins, where == number) for number in np.unique(where))
    return tuple(
        ReliabilityBin(float(low), float(confidence[inside].mean()), proportion(right[inside]))
        for low, inside in members
    )


def _bin_of(confidence: Floats, bins: int) -> Ints:
    return np.minimum((np.asarray(confidence) * bins).astype(np.int64), bins - 1)
