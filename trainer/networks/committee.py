"""Several networks that speak as one, each asked about a galaxy in several views and scales: a network like any other.

The probabilities of all members and views are averaged. Their logarithm is the logit, so that dividing it by a
temperature calibrates the whole, and a temperature of 1 leaves the average as it is.

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

LEAST = 1e-7
"""The logarithm of nothing is no number."""


def ensemble(members: Sequence[Any], views: int, temperature: float = 1.0, scales: Sequence[float] = ONE_SCALE) -> Any:
    """A network of networks.

    Parameters
    ----------
    members : sequence of keras.Model
        Networks that scale pixels alike, up to a layer ``scaled``. They are not changed.
    views : int
        1, or all 8: with them the answer does not depend on how a galaxy lies on the sky, but for rounding.
    temperature : float
    scales : sequence of float
        Every view is asked at each of them, see `trainer.networks.layers`.

    Returns
    -------
    keras.Model
        From nanomaggies (n, y, x, band) to probabilities (n, class). It holds one layer ``scaled`` and the members'
        bodies as nested networks ``member1``, ``member2``, ...
    """
    first = members[0]
    pixels = keras.Input(first.input_shape[1:], name="nanomaggies")
    scaled = _through(up_to_scaled(first), pixels)
    seen = [rescale(scaled, scale) for scale in scales]
    said = []
    for number, member in enumerate(members, start=1):
        body = keras.Model(member.get_layer(SCALED).output, _two_columns(member.output), name=f"{MEMBER}{number}")
        said += [body(there(image)) for image in seen for there, _ in VIEWS[:views]]
    mean = layers.Average(name="mean")(said) if len(said) > 1 else said[0]
    logits = layers.Rescaling(1.0 / temperature, name="logits")(ops.log(ops.maximum(mean, LEAST)))
    return keras.Model(pixels, layers.Activation("softmax", name="probabilities")(logits), name="committee")


def members_of(model: Any) -> list[Any]:
    """The bodies of a committee's members, from scaled pixels on; none for another network."""
    return [layer for layer in model.layers if layer.name.startswith(MEMBER) and isinstance(layer, keras.Model)]


def up_to_scaled(model: Any) -> Any:
    """What a network does up to the layer ``scaled``, as a network."""
    return keras.Model(model.input, model.get_layer(SCALED).output)


def _through(scaling: Any, pixels: Any) -> Any:
    """The scaling's own layers applied to other pixels, so that they stand in the committee under their names."""
    return keras.models.clone_model(scaling, input_tensors=pixels).output


def _two_columns(output: Any) -> Any:
    return ops.concatenate([1 - output, output], axis=1) if output.shape[-1] == 1 else output
