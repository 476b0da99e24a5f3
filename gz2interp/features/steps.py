"""One compiled step of the optimisation of feature images: transform, evaluate, differentiate, update (Adam)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gz2interp.errors import InputError
from gz2interp.features.forms import SAME_OBJECTIVE, ObjectiveForm, RecordedBatch
from gz2interp.features.image_prior import ImagePrior
from gz2interp.features.limits import above_sky, fluxes_within
from gz2interp.features.parametrisations import Parametrisation
from gz2interp.features.transformations import Transformations, images_of
from gz2interp.network.hooks import TRACING
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import tf

__all__ = ["ObjectiveOptimiser", "OptimiserState"]

Tensor = Any

MEMORY = (0.9, 0.99)
"""Adam's decay rates of the moments: of the gradient, and of its square."""

TINY = 1e-12

LEAST_RATE = 0.05
"""Learning rate of the last step relative to the first (cosine decay)."""

KICK, KEPT = 0.25, 0.95
"""Random walk of the parameters while there is no gradient: standard deviation of a step, and factor before it. It
varies between images with about the survey's contrast."""


@dataclass(frozen=True, eq=False)
class OptimiserState:
    """State between steps: free parameters, Adam's two moments, and counts for each image.

    Attributes
    ----------
    free, first, second : tensor (n, ...)
    moved, failed : tensor int32 (n,)
        Steps with a gradient, and steps with numbers that were not finite.
    """

    free: Tensor
    first: Tensor
    second: Tensor
    moved: Tensor
    failed: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All fields, in order."""
        return self.free, self.first, self.second, self.moved, self.failed

    @classmethod
    def at(cls, free: Any) -> OptimiserState:
        """The initial state."""
        free = tf.constant(free, tf.float32)
        none = tf.zeros(len(free), tf.int32)
        return cls(free, tf.zeros_like(free), tf.zeros_like(free), none, none)


class ObjectiveOptimiser:
    """Optimisation of images for objectives of one form.

    Parameters
    ----------
    layers : sequence of str
        Layers that the objectives use.
    rate : float
        Learning rate.
    own_colours : bool
        As for `fluxes_within`.
    weight_decay : float
        Length of the gradient of weight decay, where the objective's has length 1.
    title : str
        Name of one of the objectives.
    """

    def __init__(
        self,
        probe: Probe,
        form: ObjectiveForm,
        layers: Sequence[str],
        prior: ImagePrior,
        parametrisation: Parametrisation,
        transformations: Transformations,
        rate: float,
        seed: int,
        own_colours: bool,
        weight_decay: float,
        title: str,
    ) -> None:
        self.probe, self.form, self.layers, self.prior = probe, form, layers, prior
        self.parametrisation, self.transformations = parametrisation, transformations
        self.rate, self.seed, self.title = rate, seed, title
        self.own_colours, self.weight_decay = own_colours, weight_decay
        free = tf.TensorSpec((None, *parametrisation.shape(prior)), tf.float32)
        count, number, share = (tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32), tf.TensorSpec(()))
        same_objective = tf.TensorSpec((None, None), tf.float32)
        numbers = [tf.TensorSpec((None, *array.shape), tf.float32) for array in form.numbers]
        self._step = _traced(self._stepped, [free, free, free, count, count, number, share, same_objective, *numbers])
        self._evaluate = _traced(self._images_and_values, [free, same_objective, *numbers])
        self._evaluate_transformed = _traced(self._transformed, [free, number, same_objective, *numbers])

    def step(
        self, state: OptimiserState, number: int, share: float, same_objective: Any, numbers: Sequence[Any]
    ) -> OptimiserState:
        """Take a step; `share` of all steps have been taken."""
        return OptimiserState(*self._step(*state.tensors, *_constants(number, share), same_objective, *numbers))

    def evaluate(self, state: OptimiserState, same_objective: Any, numbers: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """Images in nanomaggies (n, y, x, band), and the objectives of each, (n,)."""
        images, values = self._evaluate(state.free, same_objective, *numbers)
        return images, values

    def evaluate_transformed(
        self, state: OptimiserState, number: int, same_objective: Any, numbers: Sequence[Any]
    ) -> Tensor:
        """The objectives of the images, (n,), under the transformations of a step."""
        return self._evaluate_transformed(state.free, tf.constant(number), same_objective, *numbers)

    def _images_and_values(self, free: Tensor, same_objective: Tensor, *numbers: Tensor) -> tuple[Tensor, Tensor]:
        images = images_of(self._planes(self._lit(free)))
        return images, self._value(images, same_objective, numbers)

    def _transformed(self, free: Tensor, number: Tensor, same_objective: Tensor, *numbers: Tensor) -> Tensor:
        return self._under(self._lit(free), number, same_objective, numbers)

    def _under(self, lit: Tensor, number: Tensor, same_objective: Tensor, numbers: Sequence[Tensor]) -> Tensor:
        seed = tf.stack([tf.constant(self.seed), number])
        return self._value(self.transformations(self._planes(lit), self.prior, seed), same_objective, numbers)

    def _lit(self, free: Tensor) -> Tensor:
        return above_sky(self.parametrisation.raw(free, self.prior))[0]

    def _planes(self, lit: Tensor) -> Tensor:
        return fluxes_within(lit, self.prior, self.own_colours)

    def _value(self, images: Tensor, same_objective: Tensor, numbers: Sequence[Tensor]) -> Tensor:
        probabilities, logits, activations = self.probe.record(images, self.layers)
        return self.form.evaluate(
            RecordedBatch(probabilities, logits, {**activations, SAME_OBJECTIVE: same_objective}), numbers
        )

    def _stepped(
        self,
        free: Tensor,
        first: Tensor,
        second: Tensor,
        moved: Tensor,
        failed: Tensor,
        number: Tensor,
        share: Tensor,
        same_objective: Tensor,
        *numbers: Tensor,
    ) -> tuple[Tensor, ...]:
        gradient, follows, sound = self._gradient(free, number, same_objective, numbers)
        lost = ~follows & (_per_image(moved, free) == 0)
        moved += tf.cast(tf.reshape(follows, (-1,)), tf.int32)
        failed += tf.cast(tf.reshape(~sound, (-1,)), tf.int32)
        following = tf.cast(follows, tf.float32)
        first += following * (1 - MEMORY[0]) * (gradient - first)
        second += following * (1 - MEMORY[1]) * (gradient**2 - second)
        age = tf.cast(_per_image(tf.maximum(moved, 1), free), tf.float32)
        ahead = first / (1 - MEMORY[0] ** age) / (tf.sqrt(second / (1 - MEMORY[1] ** age)) + TINY**0.5)
        rate = self.rate * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + tf.cos(np.pi * share)))
        kick = KICK * tf.random.stateless_normal(free.shape[1:], tf.stack([number, tf.constant(self.seed)]))
        free = tf.where(lost, KEPT * free + kick, free + following * rate * ahead)
        return free, first, second, moved, failed

    def _gradient(
        self, free: Tensor, number: Tensor, same_objective: Tensor, numbers: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient, of length 1; whether it is nonzero, and whether all numbers are finite, for each image."""
        with tf.GradientTape(watch_accessed_variables=False) as image_tape:
            image_tape.watch(free)
            raw = self.parametrisation.raw(free, self.prior)
        lit, slope = above_sky(raw)
        with tf.GradientTape(watch_accessed_variables=False) as objective_tape:
            objective_tape.watch(lit)
            value = self._under(lit, number, same_objective, numbers)
        ascent = objective_tape.gradient(value, lit)
        if ascent is None:
            raise InputError(
                f"The objective {self.title} does not depend on the image",
                "A score of the network's outputs, or of a layer that the image passes through",
            )
        towards, decay = ascent * slope, lit * slope
        size = _size(towards)
        sound = tf.math.is_finite(size)
        follows = sound & (size > 0)
        towards = tf.where(follows, towards / tf.where(follows, size, 1.0), 0.0)
        along = towards - self.weight_decay * decay / (_size(decay) + TINY)
        gradient = image_tape.gradient(raw, free, output_gradients=along)
        return gradient / (_size(gradient) + TINY), _per_image(follows, free), _per_image(sound, free)


def _per_image(values: Tensor, like: Tensor) -> Tensor:
    """One value per image, reshaped to broadcast with all numbers of the image."""
    return tf.reshape(values, (-1, *(1 for _ in like.shape[1:])))


def _size(values: Tensor) -> Tensor:
    """Root mean square of each image's values, with axes of length 1."""
    return tf.sqrt(tf.reduce_mean(values**2, axis=list(range(1, values.shape.rank)), keepdims=True))


def _traced(function: Callable[..., Any], specs: Sequence[Any]) -> Any:
    with TRACING:
        return tf.function(function, autograph=False).get_concrete_function(*specs)


def _constants(number: int, share: float) -> tuple[Tensor, Tensor]:
    return tf.constant(number, tf.int32), tf.constant(share, tf.float32)
