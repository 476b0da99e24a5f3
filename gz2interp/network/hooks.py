"""Hooks that record or replace a layer's output while a network is traced.

Keras looks up a layer's `call` on the instance. A hook puts another `call` on that instance while a `tf.function` is
traced and removes it afterwards; the traced graph keeps only the operations that were added. This works for every kind
of network (Functional, Sequential, nested, with augmentation inside, subclassed), whereas cutting a network in two
needs its graph of Keras tensors, which subclassed networks do not have.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gz2interp.network.quiet import tf

__all__ = ["TRACING", "ActivationRecorder", "output_hook", "patch_method"]

Tensor = Any
Layer = Any

TRACING = threading.RLock()
"""Held while hooks are in place, so that two threads (of a dashboard, for example) never hook one layer at once."""

_ABSENT = object()


@contextmanager
def patch_method(owner: Any, attribute: str, by: Callable[..., Any]) -> Iterator[None]:
    """Replace ``owner.attribute(...)`` by ``by(original, ...)`` inside the context.

    The attribute is written into `vars` of the instance rather than set, so that Keras does not track it.
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
    """Replace a layer's output by ``visit(output)``.

    Parameters
    ----------
    visit : callable
        Receives a copy of the tensor: an inactive dropout, for example, returns its input itself, and a skip connection
        that starts before it must not be confused with one that starts after it.
    use : int
        Which call of the layer, counted from 0, in a network that calls it several times.
    """
    uses = iter(range(use + 1))

    def call(original: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        output = original(*args, **kwargs)
        return visit(tf.identity(output)) if next(uses, None) == use else output

    with patch_method(layer, "call", call):
        yield


class ActivationRecorder:
    """Records the tensor that passes a hook.

    Parameters
    ----------
    tape : tf.GradientTape, optional
        Watches the tensor, and so records the operations after it and none before.
    """

    def __init__(self, tape: Any = None) -> None:
        self.tape, self.tensor = tape, None

    def record(self, tensor: Tensor) -> Tensor:
        """Record a tensor and return it unchanged."""
        if self.tape is not None:
            self.tape.watch(tensor)
        self.tensor = tensor
        return tensor

    @property
    def recorded(self) -> Tensor:
        """The tensor in float32, whatever the precision of the network."""
        return tf.cast(self.tensor, tf.float32)
