"""Objectives of one form optimised together, and the diversity term between images of one objective.

``channel("block3", k)`` is for every k the same function of a vector that is 1 at k. So the images of a batch can have
different channels or directions as objectives, and TensorFlow traces one function.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.features.objectives import PlaneScore
from gz2interp.network.layer_scores import Channel, Direction
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import tf
from gz2interp.network.scores import OPERATORS, Combination, Output, Score, plane_of

__all__ = ["SAME_OBJECTIVE", "ObjectiveForm", "RecordedBatch", "diversity", "form_of"]


Tensor = Any

SAME_OBJECTIVE: Final = "same objective"
"""Key of the weights (n, n) between images of the same objective in the mapping of activations."""

NORM_FLOOR = 1e-8


@dataclass(frozen=True)
class Diversity(PlaneScore):
    """Minus the mean cosine between an image's Gram matrix of channels and those of others with its objective."""

    layer: str

    @property
    def name(self) -> str:
        return f"diversity({self.layer})"

    def __call__(self, probabilities: Any, logits: Any, activations: Mapping[str, Any] | None = None) -> Any:
        assert activations is not None, "the Probe records the layers of a score"
        if SAME_OBJECTIVE not in activations:
            raise InputError(
                f"The score {self.name} was requested of galaxies",
                "It is defined between feature images of one batch",
                "Leave it out of the score",
            )
        plane = activations[plane_of(self.layer)]
        grams = tf.einsum("nyxa,nyxb->nab", plane, plane)
        flat = tf.reshape(grams, (tf.shape(grams)[0], -1))
        flat /= tf.sqrt(tf.reduce_sum(flat**2, axis=1, keepdims=True) + NORM_FLOOR)
        return -tf.reduce_sum(activations[SAME_OBJECTIVE] * tf.matmul(flat, flat, transpose_b=True), axis=1)


def diversity(layer: str) -> Score:
    """Dissimilarity of images of the same objective in a layer; repeat the objective to get several images of it.

    >>> objectives = [channel("block3", 12) + 0.5 * diversity("block3")] * 4  # doctest: +SKIP

    References
    ----------
    Olah et al. 2017, Feature Visualization, https://distill.pub/2017/feature-visualization
    """
    return Diversity(layer)


Floats = NDArray[np.float32]

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class RecordedBatch:
    """Outputs and activations of a batch, from `Probe.record`."""

    probabilities: Tensor
    logits: Tensor
    activations: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class ObjectiveForm:
    """An objective as a function of numbers.

    Attributes
    ----------
    key : hashable
        The same for objectives that differ in their numbers only.
    numbers : tuple of float32 arrays
    evaluate : callable
        ``evaluate(recorded, numbers) -> (n,)``, where each of the numbers has a first axis for the images, (n, ...).
    """

    key: Hashable
    numbers: tuple[Floats, ...]
    evaluate: Callable[[RecordedBatch, Sequence[Tensor]], Tensor]


def form_of(score: Score | float, probe: Probe) -> ObjectiveForm:
    """The form of a resolved score; a score of any other kind has its own form."""
    match score:
        case int() | float():
            return ObjectiveForm("number", (np.float32(score),), lambda recorded, numbers: numbers[0])  # type: ignore[arg-type]
        case Combination(sign=sign, left=left, right=right):
            return _joined(sign, form_of(left, probe), form_of(right, probe))
        case Output(kind=kind, of=of):
            one = np.eye(len(probe.class_names), dtype=np.float32)[of]  # type: ignore[index]
            return ObjectiveForm(
                kind, (one,), lambda recorded, numbers: tf.reduce_sum(_output(recorded, kind) * numbers[0], axis=-1)
            )
        case Channel(layer=layer, number=number):
            return _along(layer, np.eye(probe.layer(layer).shape[-1], dtype=np.float32)[number])
        case Direction(layer=layer, vector=vector, cosine=cosine):
            return _along(layer, np.asarray(vector, np.float32), cosine)
        case PlaneScore(layer=layer) if not isinstance(score, Diversity):
            return _of_plane(score, score.numbers(probe.layer(layer)))
    return ObjectiveForm(
        score, (), lambda recorded, _: score(recorded.probabilities, recorded.logits, recorded.activations)
    )


def _output(recorded: RecordedBatch, kind: str) -> Tensor:
    return recorded.logits if kind == "logit" else recorded.probabilities


def _joined(sign: str, left: ObjectiveForm, right: ObjectiveForm) -> ObjectiveForm:
    count = len(left.numbers)

    def evaluate(recorded: RecordedBatch, numbers: Sequence[Tensor]) -> Tensor:
        parts = left.evaluate(recorded, numbers[:count]), right.evaluate(recorded, numbers[count:])
        return OPERATORS[sign](*parts)

    return ObjectiveForm((sign, left.key, right.key), left.numbers + right.numbers, evaluate)


def _along(layer: str, vector: Floats, cosine: bool = False) -> ObjectiveForm:
    def evaluate(recorded: RecordedBatch, numbers: Sequence[Tensor]) -> Tensor:
        activations = recorded.activations[layer]
        along = tf.reduce_sum(activations * numbers[0], axis=-1)
        return along / tf.sqrt(tf.reduce_sum(activations**2, axis=-1) + TINY) if cosine else along

    return ObjectiveForm(("along", layer, cosine), (vector,), evaluate)


def _of_plane(score: PlaneScore, numbers: tuple[Floats, ...]) -> ObjectiveForm:
    return ObjectiveForm(
        score.form,
        numbers,
        lambda recorded, numbers: score.measure(recorded.activations[plane_of(score.layer)], *numbers),
    )
