"""One step of the one loop, compiled: transform, listen, differentiate, and follow the gradient (Adam)."""

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
"""Of Adam: of the gradient, and of its square."""

TINY = 1e-12

LEAST_RATE = 0.05
"""What is left of the rate of learning in the last step, which falls as a cosine."""

KICK, KEPT = 0.25, 0.95
"""Of what is free: by how much it is moved at random until a gradient says where to go, and what is kept of it before.
So it wanders between images about as rich in contrast as the survey's."""


@dataclass(frozen=True, eq=False)
class OptimiserState:
    """What changes from step to step: what is free, Adam's two memories, and what became of each image.

    Attributes
    ----------
    free, first, second : tensor (n, ...)
    moved, failed : tensor int32 (n,)
        Steps that followed a gradient, and that met numbers that are not finite.
    """

    free: Tensor
    first: Tensor
    second: Tensor
    moved: Tensor
    failed: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """In order."""
        return self.free, self.first, self.second, self.moved, self.failed

    @classmethod
    def at(cls, free: Any) -> OptimiserState:
        """The beginning."""
        free = tf.constant(free, tf.float32)
        none = tf.zeros(len(free), tf.int32)
        return cls(free, tf.zeros_like(free), tf.zeros_like(free), none, none)


class ObjectiveOptimiser:
    """Steps and looks for objectives of one form.

    Parameters
    ----------
    layers : sequence of str
        That it listens to.
    rate : float
        Of learning.
    own_colours : bool
        As for `fluxes_within`.
    thrift : float
        How strongly light fades that nothing asks for: length of that gradient, where the objective's has length 1.
    title : str
        What one of the objectives is called.
    """

    def __init__(
        self,
        probe: Probe,
        form: ObjectiveForm,
        layers: Sequence[str],
        light: ImagePrior,
        parametrisation: Parametrisation,
        transformations: Transformations,
        rate: float,
        seed: int,
        own_colours: bool,
        thrift: float,
        title: str,
    ) -> None:
        self.probe, self.form, self.layers, self.light = probe, form, layers, light
        self.parametrisation, self.transformations = parametrisation, transformations
        self.rate, self.seed, self.title = rate, seed, title
        self.own_colours, self.thrift = own_colours, thrift
        free = tf.TensorSpec((None, *parametrisation.shape(light)), tf.float32)
        count, number, share = (tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32), tf.TensorSpec(()))
        company = tf.TensorSpec((None, None), tf.float32)
        given = [tf.TensorSpec((None, *each.shape), tf.float32) for each in form.numbers]
        self._step = _traced(self._stepped, [free, free, free, count, count, number, share, company, *given])
        self._look = _traced(self._looked, [free, company, *given])
        self._transformed_look = _traced(self._transformed, [free, number, company, *given])

    def step(
        self, state: OptimiserState, number: int, share: float, company: Any, numbers: Sequence[Any]
    ) -> OptimiserState:
        """One step on; `share` of all steps lies behind."""
        return OptimiserState(*self._step(*state.tensors, *_constants(number, share), company, *numbers))

    def look(self, state: OptimiserState, company: Any, numbers: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """Images in nanomaggies (n, y, x, band), and the objectives of each, (n,)."""
        images, values = self._look(state.free, company, *numbers)
        return images, values

    def transformed_look(self, state: OptimiserState, number: int, company: Any, numbers: Sequence[Any]) -> Tensor:
        """The objectives of the images, (n,), under the transformations of a step."""
        return self._transformed_look(state.free, tf.constant(number), company, *numbers)

    def _looked(self, free: Tensor, company: Tensor, *numbers: Tensor) -> tuple[Tensor, Tensor]:
        images = images_of(self._planes(self._lit(free)))
        return images, self._value(images, company, numbers)

    def _transformed(self, free: Tensor, number: Tensor, company: Tensor, *numbers: Tensor) -> Tensor:
        return self._under(self._lit(free), number, company, numbers)

    def _under(self, lit: Tensor, number: Tensor, company: Tensor, numbers: Sequence[Tensor]) -> Tensor:
        seed = tf.stack([tf.constant(self.seed), number])
        return self._value(self.transformations(self._planes(lit), self.light, seed), company, numbers)

    def _lit(self, free: Tensor) -> Tensor:
        return above_sky(self.parametrisation.raw(free, self.light))[0]

    def _planes(self, lit: Tensor) -> Tensor:
        return fluxes_within(lit, self.light, self.own_colours)

    def _value(self, images: Tensor, company: Tensor, numbers: Sequence[Tensor]) -> Tensor:
        probabilities, logits, said = self.probe.record(images, self.layers)
        return self.form.evaluate(RecordedBatch(probabilities, logits, {**said, SAME_OBJECTIVE: company}), numbers)

    def _stepped(
        self,
        free: Tensor,
        first: Tensor,
        second: Tensor,
        moved: Tensor,
        failed: Tensor,
        number: Tensor,
        share: Tensor,
        company: Tensor,
        *numbers: Tensor,
    ) -> tuple[Tensor, ...]:
        gradient, follows, sound = self._gradient(free, number, company, numbers)
        lost = ~follows & (_each(moved, free) == 0)
        moved += tf.cast(tf.reshape(follows, (-1,)), tf.int32)
        failed += tf.cast(tf.reshape(~sound, (-1,)), tf.int32)
        following = tf.cast(follows, tf.float32)
        first += following * (1 - MEMORY[0]) * (gradient - first)
        second += following * (1 - MEMORY[1]) * (gradient**2 - second)
        age = tf.cast(_each(tf.maximum(moved, 1), free), tf.float32)
        ahead = first / (1 - MEMORY[0] ** age) / (tf.sqrt(second / (1 - MEMORY[1] ** age)) + TINY**0.5)
        rate = self.rate * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + tf.cos(np.pi * share)))
        kick = KICK * tf.random.stateless_normal(free.shape[1:], tf.stack([number, tf.constant(self.seed)]))
        free = tf.where(lost, KEPT * free + kick, free + following * rate * ahead)
        return free, first, second, moved, failed

    def _gradient(
        self, free: Tensor, number: Tensor, company: Tensor, numbers: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Which way to go, of length 1; whether there is a way, and whether all numbers are finite, for each image."""
        with tf.GradientTape(watch_accessed_variables=False) as making:
            making.watch(free)
            raw = self.parametrisation.raw(free, self.light)
        lit, slope = above_sky(raw)
        with tf.GradientTape(watch_accessed_variables=False) as seeing:
            seeing.watch(lit)
            value = self._under(lit, number, company, numbers)
        wanted = seeing.gradient(value, lit)
        if wanted is None:
            raise InputError(
                f"The objective {self.title} does not depend on the image",
                "A score of the network's outputs, or of a layer that the image passes through",
            )
        towards, fading = wanted * slope, lit * slope
        size = _size(towards)
        sound = tf.math.is_finite(size)
        follows = sound & (size > 0)
        towards = tf.where(follows, towards / tf.where(follows, size, 1.0), 0.0)
        along = towards - self.thrift * fading / (_size(fading) + TINY)
        gradient = making.gradient(raw, free, output_gradients=along)
        return gradient / (_size(gradient) + TINY), _each(follows, free), _each(sound, free)


def _each(values: Tensor, like: Tensor) -> Tensor:
    """One value an image, shaped so that it meets all numbers of that image."""
    return tf.reshape(values, (-1, *(1 for _ in like.shape[1:])))


def _size(values: Tensor) -> Tensor:
    """Root mean square of each image's values, with axes of length 1."""
    return tf.sqrt(tf.reduce_mean(values**2, axis=list(range(1, values.shape.rank)), keepdims=True))


def _traced(function: Callable[..., Any], specs: Sequence[Any]) -> Any:
    with TRACING:
        return tf.function(function, autograph=False).get_concrete_function(*specs)


def _constants(number: int, share: float) -> tuple[Tensor, Tensor]:
    return tf.constant(number, tf.int32), tf.constant(share, tf.float32)
