"""One compiled training step: targets, class weights, mixup, loss and optimiser.

The sum of a galaxy's target is its weight.

Mixup trains on convex combinations of two galaxies, which makes predictions vary gradually between them and reduces
overconfidence where labels are contradictory. In nanomaggies such a sum is a chance alignment of two fainter galaxies.

Ref. Zhang, Cisse, Dauphin, Lopez-Paz 2018, mixup: beyond empirical risk minimization, https://arxiv.org/abs/1710.09412

Notes on differences: each galaxy of a batch has its own share, and its partner is the one at the same position in the
reversed batch, which is random because batches are shuffled.
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
    "MAX_CLASS_WEIGHT",
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


MAX_CLASS_WEIGHT = 4.0
"""Largest class weight, to prevent overfitting of very rare classes."""

Floats = NDArray[np.float32]


def class_weights(targets: Floats, balance: float) -> NDArray[np.float64]:
    """Weight of each class, float64 (class,).

    The inverse of the class share times the number of classes, to the power of `balance`, at most `MAX_CLASS_WEIGHT`.

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions, hard or soft.
    balance : float
        0 for no weights, 1 for balanced classes.
    """
    shares = targets.mean(axis=0, dtype=np.float64) * targets.shape[1]
    return np.asarray(np.minimum(np.maximum(shares, 1e-9) ** -balance, MAX_CLASS_WEIGHT))


def weighted_targets(targets: Floats, smoothing: float, balance: float) -> Floats:
    """Smoothed targets times the weights of the galaxies, float32 (n, class).

    Parameters
    ----------
    targets : float32 (n, class)
        Distributions.
    smoothing : float
        Fraction of each target distributed evenly over the classes. Ref. Szegedy et al. 2016, Rethinking the Inception
        architecture, https://arxiv.org/abs/1512.00567
    balance : float
        See `class_weights`.
    """
    weights = targets @ class_weights(targets, balance)
    soft = (1 - smoothing) * targets + smoothing / targets.shape[1]
    return np.asarray(soft * weights[:, None], np.float32)


def draw_shares(alpha: float, seed: int, epoch: int, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The share of each galaxy in its mixture, float32 (n,), drawn from Beta(alpha, alpha).

    Parameters
    ----------
    alpha : float
        Small values change most galaxies little; 0 for no mixing.
    rows : int (n,)
        Of the survey. The share of a galaxy does not depend on the other rows.
    """
    if alpha == 0:
        return np.ones(len(rows), np.float32)
    generator = np.random.default_rng([seed, epoch, 2])  # 2: a stream distinct from those of order and augmentation
    table = generator.beta(alpha, alpha, size=int(rows.max(initial=-1)) + 1)
    return np.asarray(table[rows], np.float32)


def mix(images: Any, targets: Any, shares: Any) -> tuple[Any, Any]:
    """Mix images and targets with those of the reversed batch.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    targets : float32 (n, class)
    shares : float32 (n,)
        As from `draw_shares`.
    """
    weight = shares[:, None, None, None]
    return (
        images * weight + tf.reverse(images, [0]) * (1 - weight),
        targets * shares[:, None] + tf.reverse(targets, [0]) * (1 - shares[:, None]),
    )


class Loss(Protocol):
    """A loss function, which may have trainable variables."""

    variables: Sequence[Any]

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Loss of each galaxy, float32 (n,)."""

    def parameters(self) -> dict[str, float]:
        """Values of its trainable variables, by name."""


class CrossEntropy:
    """Weighted cross entropy of targets (n, class) that sum to the weight of the galaxy.

    Targets are normalised first: Keras uses the logits of a softmax, with a gradient valid only for targets of sum one.
    """

    variables: Sequence[Any] = ()

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Loss of each galaxy, float32 (n,)."""
        both = tf.concat([1 - outputs, outputs], axis=1) if outputs.shape[-1] == 1 else outputs
        weight = tf.reduce_sum(targets, axis=1)
        return weight * keras.losses.categorical_crossentropy(targets / weight[:, None], both)

    def parameters(self) -> dict[str, float]:
        """Empty."""
        return {}


class VoteLikelihood:
    """Dirichlet-multinomial negative log-likelihood of the votes for a galaxy, of targets (n, class + answer).

    For each question, the vote shares are drawn from a Dirichlet distribution around the predicted shares, so that the
    number of votes and their scatter are taken into account. Its concentration is a trainable number per question.

    Ref. Walmsley et al. 2020, Galaxy Zoo: probabilistic morphology through Bayesian CNNs and active learning,
    https://arxiv.org/abs/1905.07424; Walmsley et al. 2022, Galaxy Zoo DECaLS, https://arxiv.org/abs/2102.08414

    Notes on differences: the network predicts one distribution over the final classes of the tree, which implies the
    answers to each question, and concentrations belong to questions, not to galaxies. The first columns of the targets
    are class shares, whose sum is the weight of the galaxy.
    """

    def __init__(self) -> None:
        self.log_precision = keras.Variable(np.full(len(TREE), np.log(10.0), np.float32), name="log_precision")
        self.variables: Sequence[Any] = (self.log_precision,)

    def parameters(self) -> dict[str, float]:
        """Concentration by question: the number of votes with the same information as the prediction."""
        return {
            f"precision_{step.question}": float(value)
            for step, value in zip(TREE, np.exp(self.log_precision.numpy()), strict=True)
        }

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """Negative log-likelihood per vote of each galaxy, float32 (n,)."""
        shares, votes = targets[:, : len(LEAVES)], targets[:, len(LEAVES) :]
        total, start = tf.zeros_like(votes[:, 0]), 0
        for number, step in enumerate(TREE):
            counts = votes[:, start : start + len(step.behind)]
            start += len(step.behind)
            total += _negative_log_likelihood(counts, self._concentrations(outputs, number))
        return tf.reduce_sum(shares, axis=1) * total / tf.maximum(tf.reduce_sum(votes, axis=1), 1.0)

    def _concentrations(self, outputs: Any, number: int) -> Any:
        behind = outputs @ tf.constant(TREE[number].membership(), tf.float32)
        answers = (behind + TINY) / tf.reduce_sum(behind + TINY, axis=1, keepdims=True)
        return tf.exp(self.log_precision[number]) * answers


TINY = 1e-5
"""Least relative probability of an answer."""


def _negative_log_likelihood(counts: Any, concentrations: Any) -> Any:
    """Without the multinomial coefficient, which is constant."""
    total, precision = tf.reduce_sum(counts, axis=1), tf.reduce_sum(concentrations, axis=1)
    terms = tf.math.lgamma(counts + concentrations) - tf.math.lgamma(concentrations)
    return tf.math.lgamma(precision + total) - tf.math.lgamma(precision) - tf.reduce_sum(terms, axis=1)


LOSSES: dict[str, Callable[[], Loss]] = {"cross_entropy": CrossEntropy, "votes": VoteLikelihood}


def learning_rate(config: Config, epochs_done: float) -> float:
    """The learning rate after a (fractional) number of epochs.

    It rises linearly during the warm-up, then decays to zero as half a cosine, or is constant.
    """
    if epochs_done < config.warm_up:
        return config.learning_rate * epochs_done / config.warm_up
    if config.schedule == "constant":
        return config.learning_rate
    left = max(config.epochs - config.warm_up, 1e-9)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (epochs_done - config.warm_up) / left)))


def optimizer_of(config: Config) -> Any:
    """Create the configured optimiser."""
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
    """Compile a training step: a function of (images, targets, learning rate) that returns (loss, accuracy).

    The batch is divided among the devices of the strategy of the network.
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
        optimizer.apply(gradients, variables)  # sums the gradients of all devices
        return loss, tf.reduce_sum(tf.cast(_right(targets, outputs), tf.float32)) / whole

    @tf.function(reduce_retracing=True)
    def step(images: Any, targets: Any) -> tuple[Any, ...]:
        return tuple(strategy.reduce("SUM", result, axis=None) for result in strategy.run(part, (images, targets)))

    def train_step(images: Any, targets: Any, rate: float) -> tuple[Any, Any]:
        optimizer.learning_rate = rate
        loss, accuracy = step(images, targets)
        return loss, accuracy

    return train_step


def _finite_together(gradients: list[Any]) -> list[Any]:
    """Set all gradients to NaN if those of any device overflowed, since Keras checks only the first device."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    nothing = tf.where(finite, 0.0, math.nan)
    nothing = tf.distribute.get_replica_context().all_reduce("SUM", nothing)
    return [gradient + nothing for gradient in gradients]


def _right(targets: Any, outputs: Any) -> Any:
    """Whether the predicted class is that of the largest target."""
    classes = max(outputs.shape[-1], 2)
    predicted = outputs[:, 0] > 0.5 if outputs.shape[-1] == 1 else tf.argmax(outputs, axis=1)
    return tf.cast(predicted, tf.int64) == tf.argmax(targets[:, :classes], axis=1)
