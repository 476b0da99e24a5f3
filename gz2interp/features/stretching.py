"""sinh and asinh out of exponentials and logarithms, which TensorFlow computes several at a time on a CPU.

Its own take four and six times as long, and are a third of what a step costs. These are off by 1e-7 near zero.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import tf

__all__ = ["asinh", "sinh"]

Tensor = Any


def sinh(values: Tensor) -> Tensor:
    """The hyperbolic sine."""
    grown = tf.exp(values)
    return 0.5 * (grown - 1 / grown)


def asinh(values: Tensor) -> Tensor:
    """Its inverse, of values that are not below 0."""
    return tf.math.log(values + tf.sqrt(values * values + 1))
