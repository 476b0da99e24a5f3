"""Metrics of a classification with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.statistics import Estimate, ReliabilityBin, proportion

__all__ = [
    "brier_estimate",
    "calibration_error",
    "calibration_estimate",
    "confusion_matrix",
    "ideal_calibration",
    "reliability",
]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]

DRAWS = 500


def confusion_matrix(truth: Ints, predicted: Ints, class_count: int) -> NDArray[np.int64]:
    """Counts (true class, predicted class)."""
    matrix = np.zeros((class_count, class_count), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def calibration_error(confidence: Floats, right: Bools, bins: int = 10) -> float:
    """Expected calibration error: mean absolute difference of confidence and accuracy over bins.

    Ref. Naeini, Cooper, Hauskrecht 2015, AAAI 29, https://doi.org/10.1609/aaai.v29i1.9602

    Parameters
    ----------
    confidence : float (n,)
    right : bool (n,)
    bins : int
        Number of bins of equal width between 0 and 1.
    """
    excess = np.bincount(_bin_of(confidence, bins), weights=confidence - right, minlength=bins)
    return float(np.abs(excess).sum() / len(confidence))


def calibration_estimate(
    confidence: Floats, right: Bools, generator: np.random.Generator, draws: int = DRAWS, bins: int = 10
) -> Estimate:
    """`calibration_error` with a bootstrap interval over galaxies."""
    count = len(confidence)
    if count == 0:
        return Estimate(None, None, None, 0)
    samples = (generator.integers(count, size=count) for _ in range(draws))
    errors = [calibration_error(confidence[sample], right[sample], bins) for sample in samples]
    return _with_interval(calibration_error(confidence, right, bins), errors, count)


def ideal_calibration(
    confidence: Floats, generator: np.random.Generator, draws: int = DRAWS, bins: int = 10
) -> Estimate:
    """The `calibration_error` of a perfectly calibrated network with the same confidences.

    It is above zero because of the finite number of galaxies; an error within this range is consistent with perfect
    calibration.

    Refs. Bröcker, Smith 2007, Weather and Forecasting 22, 651, https://doi.org/10.1175/WAF993.1; Vaicenavicius et al.
    2019, AISTATS 22, https://arxiv.org/abs/1902.06977. They also resample the forecasts; here they are fixed.

    Parameters
    ----------
    confidence : float (n,)
    generator : numpy Generator
        Draws correct predictions, with the confidence as the probability.

    Returns
    -------
    Estimate
        The mean, and the range of 95 % of the draws.
    """
    count = len(confidence)
    if count == 0:
        return Estimate(None, None, None, 0)
    samples = (generator.random(count) < confidence for _ in range(draws))
    errors = [calibration_error(confidence, right, bins) for right in samples]
    return _with_interval(float(np.mean(errors)), errors, count)


def brier_estimate(probabilities: Floats, truth: Ints, generator: np.random.Generator, draws: int = DRAWS) -> Estimate:
    """Brier score with a bootstrap interval over galaxies; 0 is perfect, 2 the worst.

    The score is the mean squared distance between the probabilities and the one-hot label.

    Ref. Brier 1950, Monthly Weather Review 78, 1, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Parameters
    ----------
    probabilities : float (n, class)
    truth : int (n,)
    """
    count = len(truth)
    if count == 0:
        return Estimate(None, None, None, 0)
    labels = np.eye(probabilities.shape[1])[truth]
    distances = ((probabilities - labels) ** 2).sum(axis=1)
    means = [float(distances[generator.integers(count, size=count)].mean()) for _ in range(draws)]
    return _with_interval(float(distances.mean()), means, count)


def reliability(confidence: Floats, right: Bools, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Accuracy by confidence in bins of equal width between 0 and 1, without empty bins."""
    where = _bin_of(confidence, bins)
    members = ((number / bins, where == number) for number in np.unique(where))
    return tuple(
        ReliabilityBin(float(low), float(confidence[inside].mean()), proportion(right[inside]))
        for low, inside in members
    )


def _bin_of(confidence: Floats, bins: int) -> Ints:
    return np.minimum((np.asarray(confidence) * bins).astype(np.int64), bins - 1)


def _with_interval(value: float, samples: Sequence[float], count: int) -> Estimate:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(value, float(low), float(high), count)
