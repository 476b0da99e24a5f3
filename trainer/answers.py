"""Several answers of one network to one galaxy: in other views, with channels forgotten, or by its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import keras, tf
from trainer.networks.committee import members_of, up_to_scaled
from trainer.networks.layers import VIEWS

__all__ = ["PASSES", "Sampler", "prediction_samplers"]

PASSES = 16
"""Answers with other channels forgotten."""

Floats = NDArray[np.float32]
Sampler = Callable[[Floats], Floats]
"""From images (n, y, x, band) to probabilities (answer, n, class)."""


def prediction_samplers(model: Any, seed: int = 0) -> Mapping[str, Sampler]:
    """The ways in which a network can be asked more than once, by name.

    Parameters
    ----------
    model : keras.Model
    seed : int
        Of what is forgotten.

    Returns
    -------
    mapping
        ``"views"`` for any network; ``"dropout"`` for one with layers of dropout (Gal, Ghahramani 2016, Dropout as a
        Bayesian approximation, https://arxiv.org/abs/1506.02142); ``"members"`` for a committee.
    """
    ways = {"views": _in_views(model)}
    if any(isinstance(layer, keras.layers.Dropout) for layer in model.layers):  # not inside a committee's members
        ways["dropout"] = _forgetting(model, seed)
    if len(members_of(model)) > 1:
        ways["members"] = _by_members(model)
    return ways


def _in_views(model: Any) -> Sampler:
    return _traced(lambda images: [model(there(images), training=False) for there, _ in VIEWS])


def _by_members(model: Any) -> Sampler:
    scaling, members = up_to_scaled(model), members_of(model)

    def each(images: Any) -> list[Any]:
        scaled = scaling(images, training=False)
        return [member(scaled, training=False) for member in members]

    return _traced(each)


def _forgetting(model: Any, seed: int) -> Sampler:
    """Only dropout is at work, as in training; normalisation stays what it is."""
    forgetful = keras.models.clone_model(model, clone_function=_always(seed))
    forgetful.set_weights(model.get_weights())
    return _traced(lambda images: [forgetful(images, training=False) for _ in range(PASSES)])


def _always(seed: int) -> Callable[[Any], Any]:
    def copied(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Dropout):
            return AlwaysDropout(layer.rate, seed=seed, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    return copied


class AlwaysDropout(keras.layers.Dropout):
    """Dropout that is at work whenever the network is asked."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """As in training."""
        return super().call(inputs, training=True)


def _traced(answers: Callable[[Any], list[Any]]) -> Sampler:
    @tf.function(reduce_retracing=True)
    def stacked(images: Any) -> Any:
        said = tf.stack([tf.convert_to_tensor(answer) for answer in answers(images)])
        return tf.concat([1 - said, said], axis=2) if said.shape[-1] == 1 else said

    return lambda images: np.asarray(stacked(tf.constant(images)).numpy())
