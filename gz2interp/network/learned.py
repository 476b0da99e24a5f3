"""What a network learned, layer by layer, those nearest to its answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gz2interp.network.layers import walked
from gz2interp.network.quiet import keras, tf

__all__ = ["Learned", "learned_layers"]

Model = Any


@dataclass(frozen=True, eq=False)
class Learned:
    """A layer that has weights of its own.

    Attributes
    ----------
    name : str
        As in `LayerInfo`, without the number of the use.
    weights : tuple of variables
        Those that no layer inside it has.
    """

    name: str
    weights: tuple[Any, ...]


def learned_layers(model: Model) -> tuple[Learned, ...]:
    """Every layer with weights, frozen or not; side by side, as the members of a committee are, they come in turns.

    They are ordered by how many other learned layers lie between them and the answer, by the longest way. What scales
    the pixels knows numbers too, but learned nothing of the classes: a `Normalization` is left out.
    """
    entries, answer = walked(model)
    own = {id(layer): Learned(name, _own_weights(layer)) for name, layer, _ in entries if _learns(layer)}
    ops = {id(layer): output.op for _, layer, output in entries if id(layer) in own and isinstance(output, tf.Tensor)}
    heights = _heights(answer, {op.name for op in ops.values()})
    far = len(own)  # what the walk has lost sight of, inside a loop for example, counts as deepest
    order = sorted(own, key=lambda key: heights.get(ops[key].name, far) if key in ops else far)
    return tuple(own[key] for key in order)


def _learns(layer: Any) -> bool:
    return bool(_own_weights(layer)) and not isinstance(layer, keras.layers.Normalization)


def _own_weights(layer: Any) -> tuple[Any, ...]:
    inside = {id(weight) for part in layer._flatten_layers(include_self=False) for weight in part.weights}
    return tuple(weight for weight in layer.weights if id(weight) not in inside)


def _heights(answer: Any, marked: Sequence[str] | set[str]) -> Mapping[str, int]:
    """Of each operation that the answer is made of: how many marked ones lie behind it, by the longest way."""
    heights = {answer.op.name: 0}
    for op in reversed(answer.graph.get_operations()):  # they stand in the order in which they were made
        if op.name in heights:
            here = heights[op.name] + (op.name in marked)
            for tensor in op.inputs:
                heights[tensor.op.name] = max(heights.get(tensor.op.name, 0), here)
    return heights
