"""Search for a network's logits, and conversion of its output to probabilities and logits of named classes."""

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
"""Keeps log p - log(1 - p) finite, and its gradient above 0 wherever float32 distinguishes the probability from 0."""

NORMALISED: Final = 1e-3
"""Tolerance within which a galaxy's probabilities sum to 1, so that the others' sum stands for 1 - p."""

PASSING: Final = frozenset(
    """
    Identity Cast Reshape Squeeze ExpandDims EnsureShape CheckNumerics IdentityN
    """.split()  # noqa: SIM905
)
"""Operations that change neither values nor their order."""

LOGARITHM: Final = "LogSoftmax"
"""The logarithm of probabilities: its inputs are the logits, and its outputs are no probabilities."""

ACTIVATIONS: Final = {"Softmax": "softmax", "Sigmoid": "sigmoid"}

DIVISIONS: Final = frozenset(("RealDiv", "Div", "DivNoNan"))
SUMS: Final = frozenset(("Sum", "Add", "AddV2", "AddN", "Maximum"))

AVERAGING: Final = frozenset(
    """
    Mean AvgPool MaxPool Max Min Maximum Minimum ClipByValue AddV2 Add AddN Sub Mul RealDiv ConcatV2 Pack Slice
    StridedSlice GatherV2 Transpose Select SelectV2
    """.split()  # noqa: SIM905
)
"""Operations after which probabilities are still probabilities, if no weights are involved."""


@dataclass(frozen=True, eq=False)
class Head:
    """Where a network's logits are, and how its output is converted.

    Attributes
    ----------
    rule : str
        How the logits were found, in words.
    classes : int
        A network with one output has two: negative and positive.
    uses : tuple of LayerUse
        The layers that the logits are computed from, including the layer that returns them.
    use : LayerUse or None
        The layer that returns the logits, or whose activation they enter; None where there is no such layer.
    inside : bool
        Whether they enter that layer's own activation.
    named : bool
        Whether they are the output of a layer named logits.
    activated : bool
        Whether they are the inputs of the last softmax or sigmoid.
    ends_in_logits : bool
        Whether the network's output is not probabilities but the logits or their log-softmax, so that the
        probabilities are computed from the logits.
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
        """A list that receives the output of a layer named logits, if any, when a pass is traced in the context."""
        logits: list[Tensor] = []
        if not self.named or self.use is None:
            yield logits
            return

        def record(tensor: Tensor) -> Tensor:
            logits.append(tensor)
            return tensor

        with output_hook(self.use.layer, record, self.use.number):
            yield logits

    def read(self, output: Tensor, recorded: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities and logits, float32 (n, class), from a network's output in its graph and recorded logits."""
        entering = _entering(output) if self.activated and not recorded else ()
        output = tf.cast(output, tf.float32)
        if recorded:
            logits = tf.cast(recorded[0], tf.float32)
        elif entering:
            logits = tf.concat([tf.cast(tensor, tf.float32) for tensor in entering], axis=-1)
            logits = tf.reshape(logits, tf.shape(output))
        else:
            logits = output if self.ends_in_logits else _log_odds(output)
        single = logits.shape[-1] == 1
        if self.ends_in_logits:
            output = tf.sigmoid(logits) if single else tf.nn.softmax(logits)
        if single:
            return tf.concat([1 - output, output], axis=-1), tf.concat([-logits, logits], axis=-1)
        return output, logits


def head_of(traced: Traced) -> Head:
    """Find the logits.

    They are the inputs of the last softmax or sigmoid; else the network's output, if no activation follows the last
    weights. For probabilities computed otherwise, by averaging several softmaxes for example, they are the output of a
    layer named `logits`, or log p - log(1 - p).
    """
    output = traced.answer
    outputs = int(output.shape[-1])
    classes, entering = max(outputs, 2), _entering(output)
    ends = not _activated(output)
    last = entering or ((output,) if ends else ())
    for use, tensor in reversed(list(traced)):
        linear = getattr(use.layer, "activation", None) in (None, keras.activations.linear)
        # Layers with weights after such a layer, or a division by a temperature, turn its output into other logits.
        same = not last or (len(last) == 1 and _bare(last[0]).name == _bare(tensor).name)
        if use.leaf == LOGITS and use.info.shape == (outputs,) and linear and same:
            rule = f"layer named {LOGITS}; no activation follows" if ends else f"layer named {LOGITS}"
            return Head(rule, classes, _before(traced, tensor), use, named=True, ends_in_logits=ends)
    if entering:
        layer, inside = _layer_of(traced, *entering)
        before = _before(traced, *entering)
        return Head(_rule(layer, inside), classes, before, layer, inside, activated=True, ends_in_logits=ends)
    if not ends:
        return Head("log p - log(1 - p)", classes, tuple(traced.uses))
    layer, _ = _layer_of(traced, output)
    where = "the network's answer" if layer is None else f"layer {layer.name}"
    if layer is not None and isinstance(layer.layer, keras.layers.Dense):
        where = _rule(layer, inside=False)
    return Head(f"{where}; no activation follows", classes, _before(traced, output), layer, ends_in_logits=True)


def check_outputs(model: Model) -> None:
    """Check that a network's weights are finite, and that it returns one finite number per class.

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
    shape = (4, *example_shape(image_shape(model)))
    noise = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    outputs = [_output(model, images) for images in (noise, np.abs(noise))]  # some scalings need positive fluxes
    if not any(np.isfinite(output).all() for output in outputs):
        raise InputError(
            f"The outputs of the network {model.name!r} are not finite for images of noise: a number in it is too "
            "large, or its scaling divides by zero",
            "A network with finite outputs",
            "Take a checkpoint from before its training diverged, or look at its scaling",
        )


def _output(model: Model, images: Floats) -> Floats:
    with TRACING:  # so that no hook of another thread is in place
        output = model(tf.constant(images), training=False)
    if not isinstance(output, tf.Tensor) or output.shape.rank != 2:
        form = f"shape {tuple(output.shape)}" if isinstance(output, tf.Tensor) else f"{len(output)} parts"
        raise InputError(
            f"The output of the network {model.name!r} has {form}",
            "One number per class, (batch, class)",
            "Select the output with the classes by keras.Model(network.inputs, network.outputs[k])",
        )
    return np.asarray(tf.cast(output, tf.float32))


def class_names_of(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    """The class names as a tuple, by default "class 0", "class 1", ...

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
        f"The network has {classes} classes",
        "A network with a single output has two: [negative, positive]",
    )


def _log_odds(probabilities: Tensor) -> Tensor:
    """Log p - log(1 - p); where classes sum to 1, the others' sum stands for 1 - p, which would round to 0 earlier."""
    others = tf.linalg.matmul(probabilities, 1 - tf.eye(probabilities.shape[-1]))
    normalised = tf.abs(tf.reduce_sum(probabilities, axis=-1, keepdims=True) - 1) < NORMALISED
    rest = tf.where(normalised & (probabilities.shape[-1] > 1), others, 1 - probabilities)
    return tf.math.log(tf.maximum(probabilities, 0) + TINY) - tf.math.log(tf.maximum(rest, 0) + TINY)


def _entering(tensor: Tensor) -> tuple[Tensor, ...]:
    """The inputs of the last softmax or sigmoid of a tensor in a graph, of each where several are concatenated."""
    operation = tensor.op
    if operation.type in ACTIVATIONS or operation.type == LOGARITHM:
        return (operation.inputs[0],)
    if operation.type in PASSING:
        return _entering(operation.inputs[tensor.value_index if operation.type == "IdentityN" else 0])
    if operation.type == "ConcatV2" and int(tf.get_static_value(operation.inputs[-1])) in (-1, tensor.shape.rank - 1):
        parts = [_entering(branch) for branch in operation.inputs[:-1]]
        same = all(part and part[0].shape.rank == tensor.shape.rank for part in parts)
        return tuple(entering for part in parts for entering in part) if same else ()
    return ()


def _activated(tensor: Tensor) -> bool:
    """Whether a tensor holds probabilities: only means and the like follow the last softmax or sigmoid, no weights."""
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
    varying = [
        branch for branch in operation.inputs if branch.dtype.is_floating and tf.get_static_value(branch) is None
    ]
    return bool(varying) and all(_activated(branch) for branch in varying)


def _is_share(part: Tensor, whole: Tensor) -> bool:
    """Whether a tensor is divided by a sum that it is part of, or 1 by a sum; not by a temperature or a norm."""
    name, queue = _bare(part).name, [whole]
    if tf.get_static_value(part) is not None:
        return tf.get_static_value(whole) is None
    while queue:
        bare = _bare(queue.pop())
        if bare.name == name:
            return True
        if bare.op.type in SUMS:
            queue += [term for term in bare.op.inputs if term.dtype.is_floating]
    return False


def _bare(tensor: Tensor) -> Tensor:
    """The tensor before all operations that change neither values nor their order."""
    while tensor.op.type in PASSING - {"IdentityN"}:
        tensor = tensor.op.inputs[0]
    return tensor


def _layer_of(traced: Traced, *logits: Tensor) -> tuple[LayerUse | None, bool]:
    """The layer that returns the logits and False, or the layer whose own activation they enter and True."""
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


def _rule(use: LayerUse | None, inside: bool) -> str:
    if use is None:
        return "what enters the last softmax or sigmoid"
    if isinstance(use.layer, keras.layers.Dense):
        return f"last Dense layer, {use.name}, before its activation"
    return f"what enters the last softmax or sigmoid, {'in' if inside else 'from'} layer {use.name}"


def _before(traced: Traced, *logits: Tensor) -> tuple[LayerUse, ...]:
    """The layers that tensors are computed from, and those that return them."""
    ancestors, queue = set[str](), [_bare(tensor).op for tensor in logits]
    while queue:
        operation = queue.pop()
        if operation.name not in ancestors:
            ancestors.add(operation.name)
            queue += [tensor.op for tensor in operation.inputs]
    return tuple(use for use, tensor in traced if _bare(tensor).op.name in ancestors)
