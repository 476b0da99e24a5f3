"""One compiled training step: targets, class weights, mixup, loss and optimiser.

A galaxy that counts twice has twice its target; `trainer.step` takes the sum of a target for its galaxy's weight.

Between the galaxies that it knows the network then has to change its mind gradually, so that it is less sure of itself
where labels contradict each other. In nanomaggies such a sum is what a chance alignment of two fainter galaxies shows.

Ref. Zhang, Cisse, Dauphin, Lopez-Paz 2018, mixup: beyond empirical risk minimization, https://arxiv.org/abs/1710.09412

Notes on differences: each galaxy of a batch has a share of its own, and its partner is the one that stands in its place
in the reversed batch. Batches are shuffled, so that is as random as any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import keras, tf
from trainer.catalog.tree import LEAVES, TREE
from trainer.config import Config
from trainer.devices import local_batch

__all__ = [
    "LOSSES",
    "MOST",
    "CrossEntropy",
    "Loss",
    "VoteLikelihood",
    "class_weights",
    "compiled_step",
    "draw_shares",
    "learning_rate",
    "mix",
    "optimizer_of",
    "weighted_targets",
]


MOST = 4.0
"""A galaxy counts for at most so many: a class of ten galaxies would be learnt by heart."""

Floats = NDArray[np.float32]


def class_weights(targets: Floats, balance: float) -> NDArray[np.float64]:
    """How much a galaxy of each class counts, float64 (class,).

    The inverse of the class's share times the number of classes, to the power of `balance`, and at most `MOST`.

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions; those of one class need not be sure.
    balance : float
        0 leaves classes as frequent as they are, 1 makes them count alike.
    """
    shares = targets.mean(axis=0, dtype=np.float64) * targets.shape[1]
    return np.asarray(np.minimum(np.maximum(shares, 1e-9) ** -balance, MOST))


def weighted_targets(targets: Floats, smoothing: float, balance: float) -> Floats:
    """Targets as the loss is to see them, float32 (n, class); each sums to the weight of its galaxy.

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions.
    smoothing : float
        Share of each that is spread evenly over the classes. Ref. Szegedy et al. 2016, Rethinking the Inception
        architecture, https://arxiv.org/abs/1512.00567
    balance : float
        See `class_weights`.
    """
    weights = targets @ class_weights(targets, balance)
    soft = (1 - smoothing) * targets + smoothing / targets.shape[1]
    return np.asarray(soft * weights[:, None], np.float32)


def draw_shares(alpha: float, seed: int, epoch: int, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The share that each galaxy keeps in its mixture, float32 (n,), drawn from Beta(alpha, alpha).

    Parameters
    ----------
    alpha : float
        Small ones leave most galaxies nearly alone; 0 leaves all of them alone.
    seed, epoch : int
    rows : int (n,)
        Of the survey. A galaxy's share does not depend on which others are asked for.
    """
    if alpha == 0:
        return np.ones(len(rows), np.float32)
    generator = np.random.default_rng([seed, epoch, 2])  # 2: neither the numbers of the order nor of the augmentation
    table = generator.beta(alpha, alpha, size=int(rows.max(initial=-1)) + 1)
    return np.asarray(table[rows], np.float32)


def mix(images: Any, targets: Any, shares: Any) -> tuple[Any, Any]:
    """Images and targets after mixing.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    targets : float32 (n, class)
    shares : float32 (n,)
        As from `draw_shares`.
    """
    kept = shares[:, None, None, None]
    return (
        images * kept + tf.reverse(images, [0]) * (1 - kept),
        targets * shares[:, None] + tf.reverse(targets, [0]) * (1 - shares[:, None]),
    )


class Loss(Protocol):
    """A function of targets and outputs, with what it has to learn itself."""

    variables: Sequence[Any]

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Surprise at each galaxy, float32 (n,)."""

    def learnt(self) -> dict[str, float]:
        """What it has learnt itself, by name."""


class CrossEntropy:
    """Of targets (n, class) whose sum is a galaxy's weight.

    Keras finds the logits behind a softmax, and their derivative is right only for targets that sum to one.
    """

    variables: Sequence[Any] = ()

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Surprise at each galaxy, float32 (n,)."""
        both = tf.concat([1 - outputs, outputs], axis=1) if outputs.shape[-1] == 1 else outputs
        weight = tf.reduce_sum(targets, axis=1)
        return weight * keras.losses.categorical_crossentropy(targets / weight[:, None], both)

    def learnt(self) -> dict[str, float]:
        """Nothing."""
        return {}


class VoteLikelihood:
    """Dirichlet-multinomial surprise at all votes for a galaxy, of targets (n, class + answer).

    For each question, the volunteers who reached it answer with shares drawn around the network's: more votes say more,
    and forty that disagree teach that people disagree. How closely they follow the network is learnt, one number a
    question.

    Ref. Walmsley et al. 2020, Galaxy Zoo: probabilistic morphology through Bayesian CNNs and active learning,
    https://arxiv.org/abs/1905.07424; Walmsley et al. 2022, Galaxy Zoo DECaLS, https://arxiv.org/abs/2102.08414

    Notes on differences: the network says one distribution over the classes at the tree's ends, from which the answer
    to each question follows, and concentrations are a question's, not a galaxy's. The first columns of the targets are
    shares of classes; their sum is the galaxy's weight.
    """

    def __init__(self) -> None:
        self.log_precision = keras.Variable(np.full(len(TREE), np.log(10.0), np.float32), name="log_precision")
        self.variables: Sequence[Any] = (self.log_precision,)

    def learnt(self) -> dict[str, float]:
        """By question: how many volunteers' answers would tell as much as the network does."""
        return {
            f"precision_{step.question}": float(value)
            for step, value in zip(TREE, np.exp(self.log_precision.numpy()), strict=True)
        }

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Surprise at each galaxy, float32 (n,), a vote."""
        shares, votes = targets[:, : len(LEAVES)], targets[:, len(LEAVES) :]
        total, start = tf.zeros_like(votes[:, 0]), 0
        for number, step in enumerate(TREE):
            counts = votes[:, start : start + len(step.behind)]
            start += len(step.behind)
            total += _surprise(counts, self._concentrations(outputs, number))
        return tf.reduce_sum(shares, axis=1) * total / tf.maximum(tf.reduce_sum(votes, axis=1), 1.0)

    def _concentrations(self, outputs: Any, number: int) -> Any:
        behind = outputs @ tf.constant(TREE[number].membership(), tf.float32)
        answers = (behind + TINY) / tf.reduce_sum(behind + TINY, axis=1, keepdims=True)
        return tf.exp(self.log_precision[number]) * answers


TINY = 1e-5
"""No answer is impossible."""


def _surprise(counts: Any, concentrations: Any) -> Any:
    """Without the multinomial coefficient, which no network changes."""
    total, sure = tf.reduce_sum(counts, axis=1), tf.reduce_sum(concentrations, axis=1)
    each = tf.math.lgamma(counts + concentrations) - tf.math.lgamma(concentrations)
    return tf.math.lgamma(sure + total) - tf.math.lgamma(sure) - tf.reduce_sum(each, axis=1)


LOSSES: dict[str, Callable[[], Loss]] = {"cross_entropy": CrossEntropy, "votes": VoteLikelihood}


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
        images, targets = local_batch((images, targets))
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
