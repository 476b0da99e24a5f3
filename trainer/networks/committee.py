"""Ensemble of networks, averaged over members, views and scales, as a single network.

The probabilities of all members and views are averaged. Their logarithm divided by a temperature is the logit, which
calibrates the ensemble; a temperature of 1 leaves the average unchanged.

Ref. Lakshminarayanan, Pritzel, Blundell 2017, Simple and scalable predictive uncertainty estimation using deep
ensembles, https://arxiv.org/abs/1612.01474; Dieleman, Willett, Dambre 2015, https://arxiv.org/abs/1503.07077 (views).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gz2interp.network.quiet import keras
from trainer.networks.layers import VIEWS, rescale
from trainer.scaling import SCALED

layers, ops = keras.layers, keras.ops

__all__ = ["MANY_VIEWS", "ONE_SCALE", "ensemble", "members_of", "up_to_scaled"]

MANY_VIEWS = len(VIEWS)

ONE_SCALE = (1.0,)

MEMBER = "member"

MIN_PROBABILITY = 1e-7
"""Least probability, to keep its logarithm finite."""


def ensemble(members: Sequence[Any], views: int, temperature: float = 1.0, scales: Sequence[float] = ONE_SCALE) -> Any:
    """Build an ensemble.

    Parameters
    ----------
    members : sequence of keras.Model
        Networks with the same scaling of pixels, up to a layer ``scaled``. They are not changed.
    views : int
        1, or all 8, which make the prediction invariant to quarter turns and reflections, up to rounding.
    scales : sequence of float
        Magnifications of each view, see `trainer.networks.layers.rescale`.

    Returns
    -------
    keras.Model
        From nanomaggies (n, y, x, band) to probabilities (n, class), with one layer ``scaled`` and the bodies of the
        members as nested networks ``member1``, ``member2``, ...
    """
    first = members[0]
    pixels = keras.Input(first.input_shape[1:], name="nanomaggies")
    scaled = keras.models.clone_model(up_to_scaled(first), input_tensors=pixels).output  # keeps the layer names
    images = [rescale(scaled, scale) for scale in scales]
    outputs = []
    for number, member in enumerate(members, start=1):
        body = keras.Model(member.get_layer(SCALED).output, _two_columns(member.output), name=f"{MEMBER}{number}")
        outputs += [body(transform(image)) for image in images for transform, _ in VIEWS[:views]]
    mean = layers.Average(name="mean")(outputs) if len(outputs) > 1 else outputs[0]
    logits = layers.Rescaling(1.0 / temperature, name="logits")(ops.log(ops.maximum(mean, MIN_PROBABILITY)))
    return keras.Model(pixels, layers.Activation("softmax", name="probabilities")(logits), name="committee")


def members_of(model: Any) -> list[Any]:
    """The bodies of an ensemble's members, from the scaled pixels on; empty for other networks."""
    return [layer for layer in model.layers if layer.name.startswith(MEMBER) and isinstance(layer, keras.Model)]


def up_to_scaled(model: Any) -> Any:
    """The part of a network up to the layer ``scaled``."""
    return keras.Model(model.input, model.get_layer(SCALED).output)


def _two_columns(output: Any) -> Any:
    return ops.concatenate([1 - output, output], axis=1) if output.shape[-1] == 1 else output
