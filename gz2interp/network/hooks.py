"""Taps: listening to a layer, or speaking in its place, while a network is traced.

A Keras layer looks its `call` up on itself. A tap puts another `call` on that one instance for as long as a
`tf.function` is being traced, and takes it away again. So the same few lines serve every kind of network - Functional,
Sequential, nested, with augmentation inside, subclassed - where cutting the network in two would need its graph of
Keras tensors, which only some of them have. What was traced keeps nothing of the tap but the operations it added.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gz2interp.network.quiet import tf

__all__ = ["TRACING", "ActivationRecorder", "activation_hook", "output_hook", "patch_method"]

Tensor = Any
Layer = Any

TRACING = threading.RLock()
"""Held while taps are in place: two threads (a dashboard has several) must not tap one layer at once."""

_ABSENT = object()


@contextmanager
def patch_method(owner: Any, attribute: str, by: Callable[..., Any]) -> Iterator[None]:
    """For a while, let ``owner.attribute(...)`` mean ``by(original, ...)``.

    The attribute is written into the instance's `vars` and not set, so that Keras does not begin to track it;
    afterwards the instance is as it was before.
    """
    original = getattr(owner, attribute)
    before = vars(owner).get(attribute, _ABSENT)
    vars(owner)[attribute] = functools.wraps(original)(functools.partial(by, original))
    try:
        yield
    finally:
        if before is _ABSENT:
            del vars(owner)[attribute]
        else:
            vars(owner)[attribute] = before


@contextmanager
def output_hook(layer: Layer, visit: Callable[[Tensor], Tensor], use: int = 0) -> Iterator[None]:
    """Pass what a layer gives through `visit`; the network goes on with what `visit` returns.

    Parameters
    ----------
    visit : callable
        Receives a tensor of its own: a dropout at rest, for example, hands on the very tensor it was given, and a skip
        connection that begins before it must not be taken for one that begins after it.
    use : int
        Which use of the layer, counted from 0, in a network that uses it several times.
    """
    uses = iter(range(use + 1))

    def call(original: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        output = original(*args, **kwargs)
        return visit(tf.identity(output)) if next(uses, None) == use else output

    with patch_method(layer, "call", call):
        yield


@contextmanager
def activation_hook(layer: Layer, visit: Callable[[Tensor], Tensor], use: int = 0) -> Iterator[None]:
    """Pass what goes into a layer's own activation through `visit`, as `output_hook` does with what comes out."""
    uses = iter(range(use + 1))

    def activation(original: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        return original(visit(tf.identity(inputs)) if next(uses, None) == use else inputs)

    with patch_method(layer, "activation", activation):
        yield


class ActivationRecorder:
    """Remembers the tensor that passes a tap.

    Parameters
    ----------
    tape : tf.GradientTape, optional
        Is told to watch the tensor, and so records what becomes of it from there on and nothing before.
    """

    def __init__(self, tape: Any = None) -> None:
        self.tape, self.tensor = tape, None

    def record(self, tensor: Tensor) -> Tensor:
        """Let the tensor pass."""
        if self.tape is not None:
            self.tape.watch(tensor)
        self.tensor = tensor
        return tensor

    @property
    def recorded(self) -> Tensor:
        """In float32, whatever the precision the network computes in."""
        return tf.cast(self.tensor, tf.float32)
