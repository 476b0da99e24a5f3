"""As sure as it is right: one temperature for all classes, found on galaxies that the network did not learn from.

Ref. Guo, Pleiss, Sun, Weinberger 2017, On calibration of modern neural networks, https://arxiv.org/abs/1706.04599

Notes on differences: the temperature is not kept beside the network. The weights of the last layer are divided by it,
which is the same, so that the network says everywhere what it was calibrated to say: in a file opened elsewhere, in
attributions, in the dashboard. Soft targets are met as distributions, hard ones as in the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from gz2interp.network.quiet import keras

__all__ = ["LEAST", "apply_temperature", "temperature"]

LEAST = 20
"""Fewer galaxies than that say nothing about a temperature; it stays 1."""

RANGE = (0.1, 10.0)

Floats = NDArray[np.floating[Any]]


def temperature(probabilities: Floats, targets: Floats) -> float:
    """The temperature at which the targets are least surprising.

    Parameters
    ----------
    probabilities : float (n, class)
        Before calibration.
    targets : float (n, class)
        Distributions; of galaxies the network did not learn from.

    Returns
    -------
    float
        Above 1 for a network that was too sure; 1 where there are fewer than `LEAST` galaxies.
    """
    if len(targets) < LEAST:
        return 1.0
    logs = np.log(np.clip(np.asarray(probabilities, np.float64), 1e-12, 1.0))

    def surprise(log_temperature: float) -> float:
        said = logs / np.exp(log_temperature)
        said -= np.logaddexp.reduce(said, axis=1, keepdims=True)
        return float(-(targets * said).sum(axis=1).mean())

    low, high = np.log(RANGE)
    return float(np.exp(minimize_scalar(surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x))


def apply_temperature(model: Any, degrees: float) -> None:
    """Divide the logits by a temperature, in the last Dense layer's weights.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    degrees : float
    """
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    last.set_weights([weights / degrees for weights in last.get_weights()])
