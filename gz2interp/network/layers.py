"""The layers of a network in the order of a forward pass, and the layers with trained weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from gz2interp.errors import InputError, LayerNotFound, choices, close_matches
from gz2interp.network.answers import LayerInfo
from gz2interp.network.hooks import TRACING, patch_method
from gz2interp.network.quiet import keras, tf
from gz2interp.schema import CUTOUT_SIZE

__all__ = [
    "LayerUse",
    "Traced",
    "WeightedLayer",
    "example_shape",
    "find_layer",
    "image_shape",
    "learned_layers",
    "trace_layers",
    "walk_layers",
]


_ALL: Final = 1000
_BLOCK: Final = re.compile(r"(block|stage)_?\d+(_(out|output|add|concat))?$")

Tensor = Any
Layer = Any
Model = Any
After = Callable[[Tensor, Tensor], Any]


@dataclass(frozen=True, eq=False)
class LayerUse:
    """One use of one layer in a forward pass.

    Attributes
    ----------
    number : int
        Which use of this layer, counted from 0.
    new : bool
        Whether the output is a tensor that no earlier layer returned. A nested network returns the tensor of its last
        layer, and an inactive dropout or augmentation returns its input.
    """

    info: LayerInfo
    layer: Layer
    number: int
    new: bool

    @property
    def name(self) -> str:
        """As in `info`."""
        return self.info.name

    @property
    def leaf(self) -> str:
        """The last part of the name, without the number of the use: ``"conv5"`` of ``"backbone/conv5#2"``."""
        return self.name.rsplit("/", 1)[-1].split("#")[0]


@dataclass(frozen=True, eq=False)
class Traced:
    """A forward pass as a graph.

    Attributes
    ----------
    uses : tuple of LayerUse
        Every use of a layer that returns one vector or one plane per galaxy, in the order of computation.
    outputs : tuple of tensors
        Output of each use.
    answer : tensor
        Output of the network.
    function : callable
        The traced function.
    """

    uses: tuple[LayerUse, ...]
    outputs: tuple[Tensor, ...]
    answer: Tensor
    function: Callable[[Tensor], Any]

    def __iter__(self) -> Iterator[tuple[LayerUse, Tensor]]:
        return iter(zip(self.uses, self.outputs, strict=True))


@dataclass(eq=False)
class LayerLog:
    """Log of all calls of layers while a forward pass is traced; an outer layer follows the layers inside it."""

    entries: list[tuple[str, Layer, int, Tensor, bool]] = field(default_factory=list)
    tensors: set[int] = field(default_factory=set)
    path: list[str] = field(default_factory=list)
    uses: Counter[int] = field(default_factory=Counter)

    def logged(self, layer: Layer) -> Callable[..., Tensor]:
        """A replacement of the layer's `call` that logs its output."""

        def call(original: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
            self.path.append(layer.name)
            output = original(*args, **kwargs)
            new = id(output) not in self.tensors
            self.entries.append(("/".join(self.path), layer, self.uses[id(layer)], output, new))
            self.tensors.add(id(output))
            self.uses[id(layer)] += 1
            self.path.pop()
            return output

        return call


def image_shape(model: Model) -> tuple[int | None, int | None, int]:
    """Shape (y, x, band) of the images that a network takes; None where any size will do.

    Raises
    ------
    InputError
        The network was never built, or its input is not one image.
    """
    shape = getattr(model, "input_shape", None) or (model.get_build_config() or {}).get("input_shape")
    if shape is None:
        raise InputError(
            f"The network {model.name!r} has no input shape yet",
            "A network that was called once, or has an Input",
            "Call it on a batch of images first",
        )
    if not isinstance(shape, tuple | list) or len(shape) != 4 or not isinstance(shape[-1], int):
        raise InputError(
            f"The network {model.name!r} takes inputs of shape {shape}",
            "One image per galaxy, (batch, y, x, band)",
        )
    return shape[1], shape[2], shape[3]


def example_shape(shape: Sequence[int | None]) -> tuple[int, ...]:
    """An image shape with the size of cutouts where the network leaves its size open."""
    return tuple(side or CUTOUT_SIZE for side in shape)


def trace_layers(model: Model, shape: Sequence[int | None] | None = None, after: After | None = None) -> Traced:
    """Trace a forward pass through a network as a graph.

    Parameters
    ----------
    shape : sequence of int, optional
        Of a batch, (n, y, x, band). By default of any number of images.
    after : callable, optional
        ``after(images, answer)``, called while the network is traced, whose result the traced function returns.
    """
    log, answer, function = _log_layers(model, shape, after)
    entries = [entry for entry in log.entries if _is_array(entry[3], answer.graph)]
    return Traced(_layer_uses(entries), tuple(entry[3] for entry in entries), answer, function)


def walk_layers(model: Model) -> tuple[list[tuple[str, Layer, Any]], Tensor]:
    """Every use of every layer, with its name and its output of any kind; and the network's output."""
    log, answer, _ = _log_layers(model)
    return [(name, layer, output) for name, layer, _, output, _ in log.entries], answer


def _log_layers(
    model: Model, shape: Sequence[int | None] | None = None, after: After | None = None
) -> tuple[LayerLog, Tensor, Callable[[Tensor], Any]]:
    """The log of a traced forward pass, the network's output in the graph, and the traced function."""
    log = LayerLog()
    ends: list[Tensor] = []

    def forward(images: Tensor) -> Any:
        log.tensors.add(id(images))
        ends.append(tf.identity(tf.nest.flatten(model(images, training=False))[0]))
        return after(images, ends[0]) if after else ends[0]

    with TRACING, ExitStack() as hooks:
        for layer in model._flatten_layers(include_self=False):
            hooks.enter_context(patch_method(layer, "call", log.logged(layer)))
        spec = tf.TensorSpec(shape or (None, *example_shape(image_shape(model))), tf.float32)
        function = tf.function(forward, autograph=False).get_concrete_function(spec)
    return log, ends[0], function


def find_layer(name: str, uses: Iterable[LayerUse]) -> LayerUse:
    """Look up the use of a layer by its full name, or by the last part of it where no other layer has that.

    Raises
    ------
    LayerNotFound
        There is none; the error lists those that exist.
    """
    uses = tuple(uses)
    exact = [use for use in uses if use.name == name]
    alike = exact or [use for use in uses if use.name.rsplit("/", 1)[-1] == name or use.leaf == name]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise LayerNotFound(
            f"The layer {name!r} occurs several times in this network",
            f"One of {choices((use.name for use in alike), most=_ALL)}",
            "Give its full name",
        )
    raise LayerNotFound(
        f"The layer {name!r} is not in this network",
        _describe_layers(name, [use for use in uses if use.new]),
        "Name one of them; gz2interp layers SURVEY lists them all",
    )


def _describe_layers(name: str, uses: Sequence[LayerUse]) -> str:
    """The layers with similar names, then all convolutions and ends of blocks, then some of the others."""
    names = [use.name for use in uses]
    convolutions = [use.name for use in uses if "Conv" in use.info.kind]
    blocks = [use.name for use in uses if use.info.spatial and _ends_a_block(use) and use.name not in convolutions]
    others = [other for other in names if other not in convolutions and other not in blocks]
    close = close_matches(name, names)
    parts = [f"Similar names: {choices(close)}"] if close else []
    if convolutions:
        its = "its" if parts else "Its"
        parts.append(f"{its} convolutions are {choices(convolutions, most=_ALL)} - the last is {convolutions[-1]}")
    if blocks:
        parts.append(f"{'its' if parts else 'Its'} blocks end in {choices(blocks, most=_ALL)}")
    if others:
        parts.append(
            f"it also has {choices(others)}" if convolutions or blocks else f"Its layers are {choices(others)}"
        )
    return "; ".join(parts)


def _ends_a_block(use: LayerUse) -> bool:
    return use.info.kind in ("Add", "Concatenate") or _BLOCK.search(use.leaf) is not None


def _is_array(output: Any, graph: Any) -> bool:
    """Whether an output is a plane or a vector per galaxy, and not inside a loop of the graph."""
    return (
        isinstance(output, tf.Tensor)
        and output.graph is graph
        and output.dtype.is_floating
        and output.shape.rank in (2, 4)
        and output.shape[1:].is_fully_defined()
    )


def _layer_uses(entries: Sequence[tuple[str, Layer, int, Tensor, bool]]) -> tuple[LayerUse, ...]:
    total, count = Counter(path for path, *_ in entries), Counter[str]()
    uses = []
    for path, layer, number, output, new in entries:
        count[path] += 1
        name = path if total[path] == 1 else f"{path}#{count[path]}"
        uses.append(LayerUse(LayerInfo(name, type(layer).__name__, tuple(output.shape[1:])), layer, number, new))
    return tuple(uses)


@dataclass(frozen=True, eq=False)
class WeightedLayer:
    """A layer with weights that belong to none of its sublayers.

    Attributes
    ----------
    name : str
        As in `LayerInfo`, without the number of the use.
    weights : tuple of variables
        Those that belong to none of its sublayers.
    """

    name: str
    weights: tuple[Any, ...]


def learned_layers(model: Model) -> tuple[WeightedLayer, ...]:
    """All layers with weights, frozen or not, from the output to the input.

    They are ordered by the number of other learned layers between them and the output, along the longest path; the
    members of an ensemble therefore alternate. A `Normalization` is left out: its numbers scale the pixels and do not
    depend on the classes.
    """
    entries, answer = walk_layers(model)
    learned = {id(layer): WeightedLayer(name, _direct_weights(layer)) for name, layer, _ in entries if _learns(layer)}
    ops = {
        id(layer): output.op for _, layer, output in entries if id(layer) in learned and isinstance(output, tf.Tensor)
    }
    heights = _heights(answer, {op.name for op in ops.values()})
    deepest = len(learned)  # of layers that the graph does not show, inside a loop for example
    order = sorted(learned, key=lambda key: heights.get(ops[key].name, deepest) if key in ops else deepest)
    return tuple(learned[key] for key in order)


def _learns(layer: Any) -> bool:
    return bool(_direct_weights(layer)) and not isinstance(layer, keras.layers.Normalization)


def _direct_weights(layer: Any) -> tuple[Any, ...]:
    inside = {id(weight) for part in layer._flatten_layers(include_self=False) for weight in part.weights}
    return tuple(weight for weight in layer.weights if id(weight) not in inside)


def _heights(answer: Any, marked: Sequence[str] | set[str]) -> Mapping[str, int]:
    """For each operation that the output depends on, the number of `marked` ones after it along the longest path."""
    heights = {answer.op.name: 0}
    for op in reversed(answer.graph.get_operations()):  # in reverse order of creation
        if op.name in heights:
            here = heights[op.name] + (op.name in marked)
            for tensor in op.inputs:
                heights[tensor.op.name] = max(heights.get(tensor.op.name, 0), here)
    return heights
