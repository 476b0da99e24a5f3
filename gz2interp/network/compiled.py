"""Compiled functions applied batch by batch in bounded memory, and moments of a gradient over samples of each image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.network.hooks import TRACING
from gz2interp.network.model_probe import SampleFunction
from gz2interp.network.quiet import tf

__all__ = ["CompiledFunctions", "check_rows", "moments_over"]

Floats = NDArray[np.float32]
Tensor = Any
BatchFunction = Callable[..., tuple[Tensor, ...]]

IN_FLIGHT: Final = 2
"""Batches computed concurrently: TensorFlow alone leaves cores idle between its operations."""

MOST: Final = 128
"""Compiled functions in the cache: each similarity to another galaxy's activations is a function of its own."""


def moments_over(
    sample: SampleFunction,
    derivative: Callable[[Tensor], Tensor],
    rows: Sequence[Tensor],
    shared: Sequence[Tensor],
    varies: bool,
) -> tuple[Tensor, ...]:
    """Mean, and with `varies` variance, of the gradient over samples (Welford's recurrence), as the first of `rows`.

    Parameters
    ----------
    derivative : callable
        From the values at a place to the score's derivative there.
    rows : sequence of tensors (batch, ...)
        Of each image.
    shared : sequence of tensors (k, ...)
        Of each sample.
    """

    def step(k: Tensor, mean: Tensor, *spread: Tensor) -> tuple[Tensor, ...]:
        values, factor = sample(*rows, *(array[k] for array in shared))
        gradient = derivative(values) * factor
        difference = gradient - mean
        mean += difference / tf.cast(k + 1, tf.float32)
        return k + 1, mean, *(before + difference * (gradient - mean) for before in spread)

    count, zeros = tf.shape(shared[0])[0], tf.zeros_like(rows[0])
    begin = (tf.constant(0), zeros, zeros) if varies else (tf.constant(0), zeros)
    _, mean, *spread = tf.while_loop(lambda k, *_: k < count, step, begin, parallel_iterations=1)
    return mean, *(squares / tf.cast(count, tf.float32) for squares in spread)


class CompiledFunctions:
    """A cache of functions of a batch, each compiled at its first call.

    Parameters
    ----------
    batch_size : int
        Rows processed at a time; they are computed in batches of half as many, two concurrently.
    """

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._compiled: dict[Hashable, BatchFunction] = {}

    def apply(
        self,
        key: Hashable,
        function: BatchFunction,
        rows: Sequence[Floats],
        shapes: Sequence[Sequence[int | None]],
        shared: Sequence[Floats] = (),
    ) -> tuple[Floats, ...]:
        """Apply a function to all rows.

        Parameters
        ----------
        key : hashable
            Identifies the function: the first function of a key is traced and used for all later calls.
        function : callable
            From a tensor of each array to a tuple of tensors (batch, ...).
        rows : sequence of float32 (n, ...)
            Arrays that are split into batches.
        shapes : sequence of sequences
            Of one row of each, None where it may vary.
        shared : sequence of float32 (k, ...)
            Arrays that every batch receives whole.
        """
        if not len(rows[0]):  # TensorFlow's convolutions refuse an empty batch
            one = [np.zeros((1, *array.shape[1:]), np.float32) for array in rows]
            return tuple(output[:0] for output in self.apply(key, function, one, shapes, shared))
        specs = [(None, *shape) for shape in shapes] + [(None, *array.shape[1:]) for array in shared]
        compiled, step = self._compile(key, function, specs), max(self.batch_size // IN_FLIGHT, 1)
        outputs, whole = BatchOutputs(len(rows[0])), [tf.constant(array, tf.float32) for array in shared]

        def compute(start: int) -> None:
            batch = [tf.constant(array[start : start + step]) for array in rows]
            outputs.write(start, compiled(*batch, *whole))

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(compute, range(0, len(rows[0]), step)))  # waits for all, and raises their errors
        return tuple(outputs.arrays)

    def _compile(self, key: Hashable, function: BatchFunction, specs: Sequence[Sequence[int | None]]) -> BatchFunction:
        # A concrete function is traced exactly once, here, while no other thread can touch the hooks it needs.
        with TRACING:
            if key not in self._compiled:
                tensors = [tf.TensorSpec(spec, tf.float32) for spec in specs]
                while len(self._compiled) >= MOST:
                    self._compiled.pop(next(iter(self._compiled)))  # the oldest
                self._compiled[key] = tf.function(function, autograph=False).get_concrete_function(*tensors)
            return self._compiled[key]


class BatchOutputs:
    """Arrays of `rows` rows that several threads fill; the first batch sets their shapes."""

    def __init__(self, rows: int) -> None:
        self.rows, self.arrays = rows, list[Floats]()
        self._lock = threading.Lock()

    def write(self, start: int, outputs: Sequence[Tensor]) -> None:
        """Write the outputs of the batch that begins at row `start`."""
        with self._lock:
            self.arrays = self.arrays or [np.empty((self.rows, *part.shape[1:]), np.float32) for part in outputs]
        for array, part in zip(self.arrays, outputs, strict=True):
            array[start : start + len(part)] = part.numpy()


def check_rows(values: ArrayLike, shape: Sequence[int | None], what: str) -> Floats:
    """The values as float32 (n, *shape).

    Raises
    ------
    InputError
        If they have another shape.
    """
    rows = np.asarray(values, np.float32)
    fits = rows.ndim == len(shape) + 1 and all(
        expected in (None, side) for expected, side in zip(shape, rows.shape[1:], strict=True)
    )
    if fits:
        return rows
    raise InputError(
        f"{what} of shape {rows.shape} were given",
        f"The network takes (n, {', '.join('any' if side is None else str(side) for side in shape)})",
        "Pass a batch, as in images[:1], with the bands and the size the network was trained with",
    )
