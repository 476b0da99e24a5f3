"""One step of training, compiled: the loss, the optimiser, and how large a step is when."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gz2interp.network.quiet import keras, tf
from trainer.config import Config
from trainer.devices import part_of
from trainer.losses import Loss

__all__ = ["compiled_step", "learning_rate", "optimizer_of"]


def learning_rate(config: Config, epochs_done: float) -> float:
    """The learning rate after some epochs, fractions of one included.

    It rises linearly during the warm-up, then follows half a cosine down to zero, or stays.

    Parameters
    ----------
    config : Config
    epochs_done : float
    """
    if epochs_done < config.warm_up:
        return config.learning_rate * epochs_done / config.warm_up
    if config.schedule == "constant":
        return config.learning_rate
    left = max(config.epochs - config.warm_up, 1e-9)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (epochs_done - config.warm_up) / left)))


def optimizer_of(config: Config) -> Any:
    """The optimiser that the settings name."""
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            config.learning_rate, momentum=config.momentum, nesterov=True, weight_decay=config.weight_decay
        )
    else:
        optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return keras.optimizers.LossScaleOptimizer(optimizer) if config.precision == "mixed_float16" else optimizer


def compiled_step(model: Any, optimizer: Any, loss_of: Loss) -> Callable[[Any, Any, float], tuple[Any, Any]]:
    """One step of training: a function of (images, targets, learning rate) that returns (loss, accuracy).

    Each device of the strategy in whose scope the network was made takes its part of the batch, and the same step.
    """
    strategy = model.distribute_strategy

    def part(images: Any, targets: Any) -> tuple[Any, Any]:
        whole = tf.cast(tf.shape(images)[0], tf.float32)
        images, targets = part_of((images, targets))
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            loss = tf.reduce_sum(loss_of(targets, outputs)) / whole
            scaled = optimizer.scale_loss(loss)
        variables = [*model.trainable_variables, *loss_of.variables]
        gradients = tape.gradient(scaled, variables)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = _finite_together(gradients)
        optimizer.apply(gradients, variables)  # it sums the gradients of all devices
        return loss, tf.reduce_sum(tf.cast(_right(targets, outputs), tf.float32)) / whole

    @tf.function(reduce_retracing=True)
    def step(images: Any, targets: Any) -> tuple[Any, ...]:
        return tuple(strategy.reduce("SUM", result, axis=None) for result in strategy.run(part, (images, targets)))

    def teach(images: Any, targets: Any, rate: float) -> tuple[Any, Any]:
        optimizer.learning_rate = rate
        loss, accuracy = step(images, targets)
        return loss, accuracy

    return teach


def _finite_together(gradients: list[Any]) -> list[Any]:
    """The gradients, or NaN on all devices where one device's overflowed: Keras looks at the first device's only."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    nothing = tf.where(finite, 0.0, math.nan)
    nothing = tf.distribute.get_replica_context().all_reduce("SUM", nothing)
    return [gradient + nothing for gradient in gradients]


def _right(targets: Any, outputs: Any) -> Any:
    """Whether the class with most of the target is the one that the network says."""
    classes = max(outputs.shape[-1], 2)
    said = outputs[:, 0] > 0.5 if outputs.shape[-1] == 1 else tf.argmax(outputs, axis=1)
    return tf.cast(said, tf.int64) == tf.argmax(targets[:, :classes], axis=1)
