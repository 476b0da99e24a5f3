"""What a training makes small: the surprise at labels, or at every vote along the decision tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from gz2interp.network.quiet import keras, tf
from trainer.catalog.tree import LEAVES, TREE

__all__ = ["LOSSES", "CrossEntropy", "Loss", "VoteLikelihood"]


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
