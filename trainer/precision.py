"""Copies of a network in another precision or for other devices.

Ref. Micikevicius et al. 2018, Mixed precision training, https://arxiv.org/abs/1710.03740

Notes on differences: layers up to `SCALED`, and from the last Dense layer on, stay float32, because the range of pixel
values exceeds that of float16, and half-precision probabilities have three digits. Weights are always float32, so that
the saved float32 network is exactly the trained one.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras
from trainer.scaling import SCALED

__all__ = ["recast"]


def recast(model: Any, precision: str, synchronized: bool = False) -> Any:
    """Copy a network with its weights, in the scope of the current strategy.

    Parameters
    ----------
    precision : str
        ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``: of the body.
    synchronized : bool
        Whether the moments of batch normalisation are computed over all devices.
    """
    names = [layer.name for layer in model.layers]
    last = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    body = set(names[names.index(SCALED) + 1 : names.index(last)])

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.Layer):  # operations compute in the precision of their inputs
            config["dtype"] = precision if layer.name in body else "float32"
        if isinstance(layer, keras.layers.BatchNormalization):
            config["synchronized"] = synchronized
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy
