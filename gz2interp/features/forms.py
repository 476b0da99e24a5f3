"""Objectives of one form optimised together, and the diversity term between images of one objective.

``channel("block3", k)`` is the same function for every k, of a vector that is 1 at k. So a batch of images pursues as
many channels or directions as it has images, and TensorFlow traces one function.
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

SAME_OBJECTIVE: Final = "company"
"""Under which name images made together find their weights for one another, (n, n), among what was said."""

NORM_FLOOR = 1e-8


@dataclass(frozen=True)
class Diversity(PlaneScore):
    """Minus the mean cosine between an image's Gram matrix of channels and those of others with its objective."""

    layer: str

    @property
    def name(self) -> str:
        return f"diversity({self.layer})"

    def __call__(self, probabilities: Any, logits: Any, said: Mapping[str, Any] | None = None) -> Any:
        assert said is not None, "the Probe listens to the layers of a score"
        if SAME_OBJECTIVE not in said:
            raise InputError(
                f"The score {self.name} was asked of galaxies",
                "It is between feature images that are made together",
                "Leave it out of the score",
            )
        plane = said[plane_of(self.layer)]
        grams = tf.einsum("nyxa,nyxb->nab", plane, plane)
        flat = tf.reshape(grams, (tf.shape(grams)[0], -1))
        flat /= tf.sqrt(tf.reduce_sum(flat**2, axis=1, keepdims=True) + NORM_FLOOR)
        return -tf.reduce_sum(said[SAME_OBJECTIVE] * tf.matmul(flat, flat, transpose_b=True), axis=1)


def diversity(layer: str) -> Score:
    """How unlike one another images of the same objective are in a layer; give that objective several times.

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
    """What the network says of a batch: as `Probe.record` tells it."""

    probabilities: Tensor
    logits: Tensor
    said: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class ObjectiveForm:
    """An objective, taken apart.

    Attributes
    ----------
    key : hashable
        The same for objectives that differ in their numbers only.
    numbers : tuple of float32 arrays
    evaluate : callable
        ``evaluate(heard, numbers)``, where each of the numbers has one entry more, for the images (n, ...), to (n,).
    """

    key: Hashable
    numbers: tuple[Floats, ...]
    evaluate: Callable[[RecordedBatch, Sequence[Tensor]], Tensor]


def form_of(score: Score | float, probe: Probe) -> ObjectiveForm:
    """The form of a score that was resolved; one of a kind that is not known here has a form of its own."""
    match score:
        case int() | float():
            return ObjectiveForm("number", (np.float32(score),), lambda heard, numbers: numbers[0])  # type: ignore[arg-type]
        case Combination(sign=sign, left=left, right=right):
            return _joined(sign, form_of(left, probe), form_of(right, probe))
        case Output(kind=kind, of=of):
            one = np.eye(len(probe.class_names), dtype=np.float32)[of]  # type: ignore[index]
            return ObjectiveForm(
                kind, (one,), lambda heard, numbers: tf.reduce_sum(_output(heard, kind) * numbers[0], axis=-1)
            )
        case Channel(layer=layer, number=number):
            return _along(layer, np.eye(probe.layer(layer).shape[-1], dtype=np.float32)[number])
        case Direction(layer=layer, vector=vector, cosine=cosine):
            return _along(layer, np.asarray(vector, np.float32), cosine)
        case PlaneScore(layer=layer) if not isinstance(score, Diversity):
            return _of_plane(score, score.numbers(probe.layer(layer)))
    return ObjectiveForm(score, (), lambda heard, _: score(heard.probabilities, heard.logits, heard.said))


def _output(heard: RecordedBatch, kind: str) -> Tensor:
    return heard.logits if kind == "logit" else heard.probabilities


def _joined(sign: str, left: ObjectiveForm, right: ObjectiveForm) -> ObjectiveForm:
    count = len(left.numbers)

    def evaluate(heard: RecordedBatch, numbers: Sequence[Tensor]) -> Tensor:
        parts = left.evaluate(heard, numbers[:count]), right.evaluate(heard, numbers[count:])
        return OPERATORS[sign](*parts)

    return ObjectiveForm((sign, left.key, right.key), left.numbers + right.numbers, evaluate)


def _along(layer: str, vector: Floats, cosine: bool = False) -> ObjectiveForm:
    def evaluate(heard: RecordedBatch, numbers: Sequence[Tensor]) -> Tensor:
        said = heard.said[layer]
        along = tf.reduce_sum(said * numbers[0], axis=-1)
        return along / tf.sqrt(tf.reduce_sum(said**2, axis=-1) + TINY) if cosine else along

    return ObjectiveForm(("along", layer, cosine), (vector,), evaluate)


def _of_plane(score: PlaneScore, numbers: tuple[Floats, ...]) -> ObjectiveForm:
    return ObjectiveForm(
        score.form, numbers, lambda heard, numbers: score.measure(heard.said[plane_of(score.layer)], *numbers)
    )
