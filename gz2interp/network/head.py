"""Where a network's logits are, and how its answer is read as probabilities and logits of named classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.network.layers import Use, example_shape, image_shape
from gz2interp.network.quiet import keras, tf
from gz2interp.network.taps import TRACING, heard_after, heard_before

__all__ = ["Head", "class_names_of", "head_of", "up_to_logits"]

Floats = NDArray[np.float32]
Tensor = Any
Model = Any

LOGITS: Final = "logits"
TOLERANCE: Final = {"float16": 2e-3, "bfloat16": 2e-2}
"""How far a probability may be from the activation of its logit, by the type computed in: two steps of it below 1."""

TOLERANCE_SINGLE: Final = 1e-5
"""The same in float32, where what is done between the two rounds more than the steps are wide."""

TINY: Final = 1e-7
"""Keeps log p - log(1 - p) finite; about the spacing of float32 below 1."""


@dataclass(frozen=True, eq=False)
class Head:
    """How to read the network's answer.

    Attributes
    ----------
    rule : str
        Where the logits come from, for the reader.
    classes : int
        A network with one output has two: negative and positive.
    use : Use or None
        The layer that gives the logits; None where they follow from the probabilities.
    inside : bool
        Whether they are what goes into that layer's own activation, and not what comes out of it.
    ends_in_logits : bool
        Whether the network's answer is the logits themselves, and probabilities follow from them.
    """

    rule: str
    classes: int
    use: Use | None = None
    inside: bool = False
    ends_in_logits: bool = False

    @contextmanager
    def heard(self) -> Iterator[list[Tensor]]:
        """While a forward pass is traced inside, the list receives the logits where a layer gives them."""
        logits: list[Tensor] = []
        if self.use is None:
            yield logits
            return

        def listen(tensor: Tensor) -> Tensor:
            logits.append(tensor)
            return tensor

        tap = heard_before if self.inside else heard_after
        with tap(self.use.layer, listen, self.use.number):
            yield logits

    def read(self, answer: Tensor, heard: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities and logits, float32 (n, class)."""
        answer = tf.cast(answer, tf.float32)
        logits = tf.cast(heard[0], tf.float32) if heard else tf.math.log(answer + TINY) - tf.math.log(1 - answer + TINY)
        single = logits.shape[-1] == 1
        if self.ends_in_logits:
            answer = tf.sigmoid(logits) if single else tf.nn.softmax(logits)
        if single:
            return tf.concat([1 - answer, answer], axis=-1), tf.concat([-logits, logits], axis=-1)
        return answer, logits


def head_of(model: Model, uses: Sequence[Use]) -> Head:
    """Find the logits: the layer named `logits`, else the last Dense before its activation, else log p - log(1 - p).

    The second rule is tried out on a few images of noise, since a network may do more after its last Dense than
    activate it: the network's answer must be the softmax or the sigmoid of what the Dense gives, or that itself.

    Raises
    ------
    InputError
        If the network gives something else than one number per class.
    """
    answer = _answer(model)
    outputs = answer.shape[-1]
    for use in reversed([use for use in uses if use.leaf == LOGITS and use.info.shape == (outputs,)]):
        return _listening(model, use, f"layer named {LOGITS}")
    dense = [use for use in uses if isinstance(use.layer, keras.layers.Dense)]
    if dense and dense[-1].info.shape == (outputs,):
        head = _listening(model, dense[-1], f"last Dense layer, {dense[-1].name}, before its activation")
        tolerance = TOLERANCE.get(dense[-1].layer.compute_dtype, TOLERANCE_SINGLE)
        if head.ends_in_logits or _is_activation_of(*_try_out(model, head), tolerance):
            return head
    if answer.min() < 0 or answer.max() > 1:
        raise InputError(
            f"The network {model.name!r} gives numbers from {answer.min():.3g} to {answer.max():.3g}",
            "Probabilities, or logits from a Dense layer",
            f"Name the layer that gives one logit per class '{LOGITS}'",
        )
    return Head("log p - log(1 - p)", max(outputs, 2))


def up_to_logits(uses: Sequence[Use], head: Head) -> Sequence[Use]:
    """The uses that logits are computed from, the logits themselves included where a layer gives them."""
    if head.use is None:
        return uses
    end = list(uses).index(head.use)
    return uses[:end] if head.inside else uses[: end + 1]


def class_names_of(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    """The names given, or "class 0", "class 1", ...

    Raises
    ------
    InputError
        If there are more or fewer of them than classes.
    """
    if names is None:
        return tuple(f"class {k}" for k in range(classes))
    if len(names) == classes:
        return tuple(names)
    raise InputError(
        f"{len(names)} class names were given: {choices(names)}",
        f"The network tells {classes} classes apart",
        "A network with a single output has two: [negative, positive]",
    )


def _listening(model: Model, use: Use, rule: str) -> Head:
    activation = getattr(use.layer, "activation", None)
    inside = isinstance(use.layer, keras.layers.Dense) and activation is not keras.activations.linear
    head = Head(rule, max(use.info.shape[0], 2), use, inside)
    if not np.allclose(*_try_out(model, head), rtol=1e-5, atol=1e-5):
        return head
    return Head(f"{rule}; no activation follows", head.classes, use, inside, ends_in_logits=True)


def _try_out(model: Model, head: Head) -> tuple[Floats, Floats]:
    """The network's answer to a few images of noise, and the logits heard meanwhile, float32 (n, output)."""
    with TRACING, head.heard() as logits:
        answer = model(tf.constant(_noise(model)), training=False)
    return tf.cast(answer, tf.float32).numpy(), tf.cast(logits[0], tf.float32).numpy()


def _answer(model: Model) -> Floats:
    with TRACING:  # another thread's taps in this network are not meant for this call
        answer = model(tf.constant(_noise(model)), training=False)
    if not isinstance(answer, tf.Tensor) or answer.shape.rank != 2:
        given = f"shape {tuple(answer.shape)}" if isinstance(answer, tf.Tensor) else f"{len(answer)} parts"
        raise InputError(
            f"The network {model.name!r} answers with {given}",
            "One number per class, (batch, class)",
            "Cut the answer about the class out with keras.Model(network.inputs, network.outputs[k])",
        )
    return np.asarray(tf.cast(answer, tf.float32))


def _noise(model: Model) -> Floats:
    shape = (4, *example_shape(image_shape(model)))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _is_activation_of(answer: Floats, logits: Floats, tolerance: float) -> bool:
    return any(
        np.allclose(answer, activate(logits), rtol=0, atol=tolerance) for activate in (tf.nn.softmax, tf.sigmoid)
    )
