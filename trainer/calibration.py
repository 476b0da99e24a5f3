"""Temperature scaling: one temperature for all classes, fitted to the validation sample.

Ref. Guo, Pleiss, Sun, Weinberger 2017, On calibration of modern neural networks, https://arxiv.org/abs/1706.04599

Notes on differences: the temperature is not stored separately. The weights of the last layer are divided by it, which
is equivalent, so that the saved network is calibrated wherever it is used. Soft targets are used as distributions, hard
ones as in the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from gz2interp.network.quiet import keras

__all__ = ["MIN_GALAXIES", "apply_temperature", "temperature"]

MIN_GALAXIES = 20
"""Least number of galaxies to fit a temperature; with fewer it stays 1."""

RANGE = (0.1, 10.0)

Floats = NDArray[np.floating[Any]]


def temperature(probabilities: Floats, targets: Floats) -> float:
    """The temperature that minimises the cross entropy.

    Parameters
    ----------
    probabilities : float (n, class)
        Before calibration.
    targets : float (n, class)
        Distributions; of galaxies the network was not trained on.

    Returns
    -------
    float
        Above 1 for an overconfident network; 1 with fewer than `MIN_GALAXIES` galaxies.
    """
    if len(targets) < MIN_GALAXIES:
        return 1.0
    logs = np.log(np.clip(np.asarray(probabilities, np.float64), 1e-12, 1.0))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        scaled -= np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        return float(-(targets * scaled).sum(axis=1).mean())

    low, high = np.log(RANGE)
    fit = minimize_scalar(cross_entropy, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(fit.x))


def apply_temperature(model: Any, degrees: float) -> None:
    """Divide the weights of the last Dense layer by a temperature, in place."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    last.set_weights([weights / degrees for weights in last.get_weights()])
