"""Guided backpropagation's one rule, put behind every ReLU of a network while it is traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from gz2interp.errors import InputError
from gz2interp.network.layers import Use
from gz2interp.network.quiet import keras, tf
from gz2interp.network.taps import heard_after

__all__ = ["guided"]

Tensor = Any

_RELUS = (keras.activations.relu, keras.activations.relu6, keras.activations.leaky_relu)


@contextmanager
def guided(uses: Sequence[Use]) -> Iterator[None]:
    """While a forward pass is traced inside, its gradient passes each ReLU only where it is positive.

    Raises
    ------
    InputError
        The network has no ReLU.
    """
    relus = [use for use in uses if _is_relu(use.layer)]
    if not relus:
        raise InputError(
            "The network has no ReLU, which guided backpropagation is about",
            "A network with ReLU layers or activations",
            "Take gradient, or integrated_gradients",
        )
    with ExitStack() as taps:
        for use in relus:
            taps.enter_context(heard_after(use.layer, _one_way, use.number))
        yield


def _is_relu(layer: Any) -> bool:
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) in _RELUS


@tf.custom_gradient
def _one_way(values: Tensor) -> tuple[Tensor, Any]:
    return tf.identity(values), tf.nn.relu
