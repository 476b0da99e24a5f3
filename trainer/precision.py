"""The same network in another precision, or made for other devices: layers anew, weights kept.

Ref. Micikevicius et al. 2018, Mixed precision training, https://arxiv.org/abs/1710.03740

Notes on differences: what comes before the layer `SCALED`, the last Dense layer and what follows stay float32. Pixels
span more decades than float16 has, and probabilities of half precision have three digits. Weights are float32 in any
precision, so that a network that was trained in one is exactly the float32 network that is saved.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras
from trainer.scaling import SCALED

__all__ = ["recast"]


def recast(model: Any, precision: str, synchronized: bool = False) -> Any:
    """A copy of a network with the same weights, made in the scope of the strategy that is current.

    Parameters
    ----------
    model : keras.Model
    precision : str
        ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``: how the body computes.
    synchronized : bool
        Whether batch normalisation takes its moments over all devices.
    """
    names = [layer.name for layer in model.layers]
    last = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    body = set(names[names.index(SCALED) + 1 : names.index(last)])

    def anew(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.Layer):  # a bare operation computes in the precision that it is given
            config["dtype"] = precision if layer.name in body else "float32"
        if isinstance(layer, keras.layers.BatchNormalization):
            config["synchronized"] = synchronized
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=anew)
    copy.set_weights(model.get_weights())
    return copy
