"""Samples of a network's predictions: over views, with Monte Carlo dropout, or over the members of an ensemble."""

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
"""Monte Carlo samples with dropout."""

Floats = NDArray[np.float32]
Sampler = Callable[[Floats], Floats]
"""From images (n, y, x, band) to probabilities (sample, n, class)."""


def prediction_samplers(model: Any, seed: int = 0) -> Mapping[str, Sampler]:
    """Samplers of the predictions of a network, by name.

    Parameters
    ----------
    seed : int
        Seed of dropout.

    Returns
    -------
    mapping
        ``"views"`` for any network; ``"dropout"`` for one with layers of dropout (Gal, Ghahramani 2016, Dropout as a
        Bayesian approximation, https://arxiv.org/abs/1506.02142); ``"members"`` for an ensemble.
    """
    samplers = {"views": _compile(lambda images: [model(view(images), training=False) for view, _ in VIEWS])}
    if any(isinstance(layer, keras.layers.Dropout) for layer in model.layers):  # not inside the members of an ensemble
        samplers["dropout"] = _dropout_sampler(model, seed)
    if len(members_of(model)) > 1:
        samplers["members"] = _member_sampler(model)
    return samplers


def _member_sampler(model: Any) -> Sampler:
    scaling, members = up_to_scaled(model), members_of(model)

    def samples(images: Any) -> list[Any]:
        scaled = scaling(images, training=False)
        return [member(scaled, training=False) for member in members]

    return _compile(samples)


def _dropout_sampler(model: Any, seed: int) -> Sampler:
    """Sampler with dropout as in training, and normalisation as in inference."""

    def clone(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Dropout):
            return AlwaysDropout(layer.rate, seed=seed, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    stochastic = keras.models.clone_model(model, clone_function=clone)
    stochastic.set_weights(model.get_weights())
    return _compile(lambda images: [stochastic(images, training=False) for _ in range(PASSES)])


class AlwaysDropout(keras.layers.Dropout):
    """Dropout that is also active in inference."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply dropout."""
        return super().call(inputs, training=True)


def _compile(samples: Callable[[Any], list[Any]]) -> Sampler:
    @tf.function(reduce_retracing=True)
    def stack(images: Any) -> Any:
        outputs = tf.stack([tf.convert_to_tensor(sample) for sample in samples(images)])
        return tf.concat([1 - outputs, outputs], axis=2) if outputs.shape[-1] == 1 else outputs

    return lambda images: np.asarray(stack(tf.constant(images)).numpy())
