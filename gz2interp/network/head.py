"""Where a network's logits are, and how its answer is read as probabilities and logits of named classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.network.hooks import TRACING, output_hook
from gz2interp.network.layers import LayerUse, Traced, example_shape, image_shape
from gz2interp.network.quiet import keras, tf

__all__ = ["Head", "check_outputs", "class_names_of", "head_of"]

Floats = NDArray[np.float32]
Tensor = Any
Model = Any
Operation = Any

LOGITS: Final = "logits"

TINY: Final = 1e-30
"""Keeps log p - log(1 - p) finite, and its gradient alive wherever float32 still tells the probability from 0."""

NORMALISED: Final = 1e-3
"""How far the probabilities of a galaxy may be from 1 in sum for the others' sum to be taken for 1 - p."""

PASSING: Final = frozenset(
    (
        "Identity",
        "Cast",
        "Reshape",
        "Squeeze",
        "ExpandDims",
        "EnsureShape",
        "CheckNumerics",
        "IdentityN",
    )
)
"""Operations that change neither values nor their order."""

LOGARITHM: Final = "LogSoftmax"
"""The logarithm of probabilities: what enters it is the logits, and what it gives is no probabilities."""

ACTIVATIONS: Final = {"Softmax": "softmax", "Sigmoid": "sigmoid"}

DIVISIONS: Final = frozenset(("RealDiv", "Div", "DivNoNan"))
SUMS: Final = frozenset(("Sum", "Add", "AddV2", "AddN", "Maximum"))

AVERAGING: Final = frozenset(
    (
        "Mean",
        "AvgPool",
        "MaxPool",
        "Max",
        "Min",
        "Maximum",
        "Minimum",
        "ClipByValue",
        "AddV2",
        "Add",
        "AddN",
        "Sub",
        "Mul",
        "RealDiv",
        "ConcatV2",
        "Pack",
        "Slice",
        "StridedSlice",
        "GatherV2",
        "Transpose",
        "Select",
        "SelectV2",
    )
)
"""Operations after which probabilities are probabilities still, if no weights take part."""


@dataclass(frozen=True, eq=False)
class Head:
    """How to read the network's answer.

    Attributes
    ----------
    rule : str
        Where the logits come from, for the reader.
    classes : int
        A network with one output has two: negative and positive.
    uses : tuple of LayerUse
        The layers that the logits are computed from, the one that gives them included.
    use : LayerUse or None
        The layer that gives the logits, or whose activation they enter; None where there is no such layer.
    inside : bool
        Whether they enter that layer's own activation.
    named : bool
        Whether they are the output of a layer named logits.
    activated : bool
        Whether they are what enters the last softmax or sigmoid.
    ends_in_logits : bool
        Whether the network's answer is no probabilities, but the logits or their log-softmax, and these follow from
        the logits.
    """

    rule: str
    classes: int
    uses: tuple[LayerUse, ...]
    use: LayerUse | None = None
    inside: bool = False
    named: bool = False
    activated: bool = False
    ends_in_logits: bool = False

    @contextmanager
    def record_logits(self) -> Iterator[list[Tensor]]:
        """While a forward pass is traced inside, the list receives the logits where a layer named logits gives them."""
        logits: list[Tensor] = []
        if not self.named or self.use is None:
            yield logits
            return

        def record(tensor: Tensor) -> Tensor:
            logits.append(tensor)
            return tensor

        with output_hook(self.use.layer, record, self.use.number):
            yield logits

    def read(self, answer: Tensor, recorded: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities and logits, float32 (n, class); the answer is one in a graph where it was computed."""
        entering = _entering(answer) if self.activated and not recorded else ()
        answer = tf.cast(answer, tf.float32)
        if recorded:
            logits = tf.cast(recorded[0], tf.float32)
        elif entering:
            logits = tf.concat([tf.cast(each, tf.float32) for each in entering], axis=-1)
            logits = tf.reshape(logits, tf.shape(answer))
        else:
            logits = answer if self.ends_in_logits else _log_odds(answer)
        return self.classed(answer, logits)

    def classed(self, answer: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and logits of all classes, float32 (n, class), from an answer and its logits (n, output)."""
        single = logits.shape[-1] == 1
        if self.ends_in_logits:
            answer = tf.sigmoid(logits) if single else tf.nn.softmax(logits)
        if single:
            return tf.concat([1 - answer, answer], axis=-1), tf.concat([-logits, logits], axis=-1)
        return answer, logits


def head_of(traced: Traced) -> Head:
    """Find the logits.

    They are whatever enters the last softmax or sigmoid, which is told by its name where a layer named `logits` gives
    it; else the answer, if none follows the last weights. Of probabilities that come about otherwise, by averaging
    several softmaxes for example, they are the output of a layer named `logits`, or log p - log(1 - p).
    """
    answer = traced.answer
    outputs = int(answer.shape[-1])
    classes, entering = max(outputs, 2), _entering(answer)
    ends = not _activated(answer)
    last = entering or ((answer,) if ends else ())
    for use, tensor in reversed(list(traced)):
        linear = getattr(use.layer, "activation", None) in (None, keras.activations.linear)
        # What follows such a layer with weights, or divides by a temperature, makes other logits of them.
        same = not last or (len(last) == 1 and _bare(last[0]).name == _bare(tensor).name)
        if use.leaf == LOGITS and use.info.shape == (outputs,) and linear and same:
            rule = f"layer named {LOGITS}; no activation follows" if ends else f"layer named {LOGITS}"
            return Head(rule, classes, _before(traced, tensor), use, named=True, ends_in_logits=ends)
    if entering:
        giving, inside = _layer_of(traced, *entering)
        before = _before(traced, *entering)
        return Head(_words(giving, inside), classes, before, giving, inside, activated=True, ends_in_logits=ends)
    if not ends:
        return Head("log p - log(1 - p)", classes, tuple(traced.uses))
    giving, _ = _layer_of(traced, answer)
    where = "the network's answer" if giving is None else f"layer {giving.name}"
    if giving is not None and isinstance(giving.layer, keras.layers.Dense):
        where = _words(giving, inside=False)
    return Head(f"{where}; no activation follows", classes, _before(traced, answer), giving, ends_in_logits=True)


def check_outputs(model: Model) -> None:
    """Whether a network answers with one finite number per class, and all its weights are finite.

    Raises
    ------
    InputError
        It does not, or they are not; the error names the first weight that is not.
    """
    for weight in model.weights:
        values = np.asarray(weight)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(
                f"The network {model.name!r} has weights that are not finite, first in {weight.path!r}: its training "
                "diverged",
                "A network whose weights are all numbers",
                "Take a checkpoint from before it diverged, or train again with a smaller learning rate",
            )
    noise = _noise(model)
    answers = [_answer(model, images) for images in (noise, np.abs(noise))]  # some scalings take light only
    if not any(np.isfinite(answer).all() for answer in answers):
        raise InputError(
            f"The network {model.name!r} gives answers that are not finite to images of noise: a number in it is too "
            "large, or its scaling divides by zero",
            "A network that answers with finite numbers",
            "Take a checkpoint from before its training diverged, or look at its scaling",
        )


def _answer(model: Model, images: Floats) -> Floats:
    with TRACING:  # another thread's taps in this network are not meant for this call
        answer = model(tf.constant(images), training=False)
    if not isinstance(answer, tf.Tensor) or answer.shape.rank != 2:
        given = f"shape {tuple(answer.shape)}" if isinstance(answer, tf.Tensor) else f"{len(answer)} parts"
        raise InputError(
            f"The network {model.name!r} answers with {given}",
            "One number per class, (batch, class)",
            "Cut the answer about the class out with keras.Model(network.inputs, network.outputs[k])",
        )
    return np.asarray(tf.cast(answer, tf.float32))


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


def _log_odds(answer: Tensor) -> Tensor:
    """The logarithms' difference; where classes sum to 1, the others' sum stands for 1 - p, which rounds to 0 later."""
    others = tf.linalg.matmul(answer, 1 - tf.eye(answer.shape[-1]))
    normalised = tf.abs(tf.reduce_sum(answer, axis=-1, keepdims=True) - 1) < NORMALISED
    rest = tf.where(normalised & (answer.shape[-1] > 1), others, 1 - answer)
    return tf.math.log(tf.maximum(answer, 0) + TINY) - tf.math.log(tf.maximum(rest, 0) + TINY)


def _entering(tensor: Tensor) -> tuple[Tensor, ...]:
    """What enters the last softmax or sigmoid of a tensor in a graph, of each where several are joined; or nothing."""
    operation = tensor.op
    if operation.type in ACTIVATIONS or operation.type == LOGARITHM:
        return (operation.inputs[0],)
    if operation.type in PASSING:
        return _entering(operation.inputs[tensor.value_index if operation.type == "IdentityN" else 0])
    if operation.type == "ConcatV2" and int(tf.get_static_value(operation.inputs[-1])) in (-1, tensor.shape.rank - 1):
        parts = [_entering(each) for each in operation.inputs[:-1]]
        same = all(part and part[0].shape.rank == tensor.shape.rank for part in parts)
        return tuple(each for part in parts for each in part) if same else ()
    return ()


def _activated(tensor: Tensor) -> bool:
    """Whether a tensor holds probabilities: after the last softmax or sigmoid come no weights, only means and such."""
    operation = tensor.op
    if operation.type in ACTIVATIONS:
        return True
    if operation.type in PASSING:
        return _activated(operation.inputs[tensor.value_index if operation.type == "IdentityN" else 0])
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        inner = operation.graph._get_function(operation.get_attr("f").name).graph
        return _activated(inner.outputs[tensor.value_index])
    if operation.type in DIVISIONS and _is_share(*operation.inputs):
        return True
    if operation.type == "RealDiv" and operation.inputs[0].op.type == "Relu6":
        return True  # the hard sigmoid
    if operation.type not in AVERAGING:
        return False
    moving = [each for each in operation.inputs if each.dtype.is_floating and tf.get_static_value(each) is None]
    return bool(moving) and all(_activated(each) for each in moving)


def _is_share(part: Tensor, whole: Tensor) -> bool:
    """Whether a tensor is divided by a sum that it is part of, or 1 by a sum; not by a temperature or a length."""
    wanted, queue = _bare(part).name, [whole]
    if tf.get_static_value(part) is not None:
        return tf.get_static_value(whole) is None
    while queue:
        bare = _bare(queue.pop())
        if bare.name == wanted:
            return True
        if bare.op.type in SUMS:
            queue += [each for each in bare.op.inputs if each.dtype.is_floating]
    return False


def _bare(tensor: Tensor) -> Tensor:
    """The tensor that was handed on as this one."""
    while tensor.op.type in PASSING - {"IdentityN"}:
        tensor = tensor.op.inputs[0]
    return tensor


def _layer_of(traced: Traced, *logits: Tensor) -> tuple[LayerUse | None, bool]:
    """The layer that gives the logits; or the one whose own activation they enter, and True."""
    if len(logits) > 1:
        return None, False
    bare = _bare(logits[0]).name
    for use, tensor in reversed(list(traced)):
        if _bare(tensor).name == bare:
            return use, False
    for use, tensor in reversed(list(traced)):
        entering = _entering(tensor) if hasattr(use.layer, "activation") else ()
        if len(entering) == 1 and _bare(entering[0]).name == bare:
            return use, True
    return None, False


def _words(use: LayerUse | None, inside: bool) -> str:
    if use is None:
        return "what enters the last softmax or sigmoid"
    if isinstance(use.layer, keras.layers.Dense):
        return f"last Dense layer, {use.name}, before its activation"
    return f"what enters the last softmax or sigmoid, {'in' if inside else 'from'} layer {use.name}"


def _before(traced: Traced, *logits: Tensor) -> tuple[LayerUse, ...]:
    """The layers that tensors are computed from, and those that give them."""
    ancestors, queue = set[str](), [_bare(each).op for each in logits]
    while queue:
        operation = queue.pop()
        if operation.name not in ancestors:
            ancestors.add(operation.name)
            queue += [each.op for each in operation.inputs]
    return tuple(use for use, tensor in traced if _bare(tensor).op.name in ancestors)


def _noise(model: Model) -> Floats:
    shape = (4, *example_shape(image_shape(model)))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)
