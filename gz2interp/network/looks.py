"""Many looks at each image inside one compiled loop, which keeps no more than their mean and their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gz2interp.network.quiet import tf

__all__ = ["Look", "moments_over"]

Tensor = Any

Look = Callable[..., tuple[Tensor, Tensor | float]]
"""From an image's tensors and those of one look to what is seen, and to the factor of the gradient there."""


def moments_over(
    look: Look, derivative: Callable[[Tensor], Tensor], rows: Sequence[Tensor], shared: Sequence[Tensor], varies: bool
) -> tuple[Tensor, ...]:
    """Mean over the looks, and variance if asked for (Welford's recurrence), as the first of `rows`.

    Parameters
    ----------
    look : callable
    derivative : callable
        From what is seen to the score's derivative there.
    rows : sequence of tensors (batch, ...)
    shared : sequence of tensors (k, ...)
    varies : bool
        Whether the variance is asked for.
    """

    def step(k: Tensor, mean: Tensor, *spread: Tensor) -> tuple[Tensor, ...]:
        seen, factor = look(*rows, *(each[k] for each in shared))
        part = derivative(seen) * factor
        off = part - mean
        mean += off / tf.cast(k + 1, tf.float32)
        return k + 1, mean, *(before + off * (part - mean) for before in spread)

    count, nothing = tf.shape(shared[0])[0], tf.zeros_like(rows[0])
    begin = (tf.constant(0), nothing, nothing) if varies else (tf.constant(0), nothing)
    _, mean, *spread = tf.while_loop(lambda k, *_: k < count, step, begin, parallel_iterations=1)
    return mean, *(each / tf.cast(count, tf.float32) for each in spread)
