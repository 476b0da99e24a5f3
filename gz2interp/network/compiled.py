"""Compiled functions applied batch by batch in bounded memory, with the mean and spread over samples of each image."""

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


Tensor = Any


def moments_over(
    look: SampleFunction,
    derivative: Callable[[Tensor], Tensor],
    rows: Sequence[Tensor],
    shared: Sequence[Tensor],
    varies: bool,
) -> tuple[Tensor, ...]:
    """Mean over the looks, and variance if asked for (Welford's recurrence), as the first of `rows`.

    Parameters
    ----------
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


Floats = NDArray[np.float32]
Question = Callable[..., tuple[Tensor, ...]]


IN_FLIGHT: Final = 2
"""Batches looked at side by side: TensorFlow alone leaves cores idle between its operations."""


MOST: Final = 128
"""Questions kept: a score of another galaxy's activations is another question."""


class CompiledFunctions:
    """Functions of a batch, compiled when first asked.

    Parameters
    ----------
    batch_size : int
        Rows in the works at a time; they are looked at in batches of half as many, two side by side.
    """

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self._compiled: dict[Hashable, Question] = {}

    def ask(self, key: Hashable, question: Question, rows: Floats, shape: Sequence[int | None]) -> tuple[Floats, ...]:
        """Answer for all rows.

        Parameters
        ----------
        key : hashable
            Names the question: the function is traced for the first of that key only.
        question : callable
            From a tensor (batch, ...) to a tuple of tensors (batch, ...).
        rows : float32 (n, ...)
        shape : sequence
            Of one row, None where it may vary.
        """
        return self.ask_of_several(key, question, (rows,), (shape,))

    def ask_of_several(
        self,
        key: Hashable,
        question: Question,
        rows: Sequence[Floats],
        shapes: Sequence[Sequence[int | None]],
        shared: Sequence[Floats] = (),
    ) -> tuple[Floats, ...]:
        """As `ask`, of several arrays that belong together row by row, and of some that every batch sees whole.

        Parameters
        ----------
        key, question
            As for `ask`; the question takes a tensor of each array.
        rows : sequence of float32 (n, ...)
        shapes : sequence of sequences
            Of one row of each.
        shared : sequence of float32 (k, ...)
        """
        if not len(rows[0]):  # TensorFlow's convolutions refuse an empty batch
            one = [np.zeros((1, *each.shape[1:]), np.float32) for each in rows]
            return tuple(part[:0] for part in self.ask_of_several(key, question, one, shapes, shared))
        specs = [(None, *shape) for shape in shapes] + [(None, *each.shape[1:]) for each in shared]
        compiled, step = self._compile(key, question, specs), max(self.batch_size // IN_FLIGHT, 1)
        answers, whole = BatchOutputs(len(rows[0])), [tf.constant(each, tf.float32) for each in shared]

        def answer(start: int) -> None:
            batch = [tf.constant(each[start : start + step]) for each in rows]
            answers.write(start, compiled(*batch, *whole))

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(
                pool.map(answer, range(0, len(rows[0]), step))
            )  # the list waits for all; what one has raised is raised
        return tuple(answers.wholes)

    def _compile(self, key: Hashable, question: Question, specs: Sequence[Sequence[int | None]]) -> Question:
        # A concrete function is traced exactly once, here, while no other thread can touch the taps it needs.
        with TRACING:
            if key not in self._compiled:
                tensors = [tf.TensorSpec(spec, tf.float32) for spec in specs]
                while len(self._compiled) >= MOST:
                    self._compiled.pop(next(iter(self._compiled)))  # the oldest: whoever asks it again waits
                self._compiled[key] = tf.function(question, autograph=False).get_concrete_function(*tensors)
            return self._compiled[key]


class BatchOutputs:
    """Arrays that several threads fill, each its own rows; the first to come learns the shapes."""

    def __init__(self, rows: int) -> None:
        self.rows, self.wholes = rows, list[Floats]()
        self._lock = threading.Lock()

    def write(self, at: int, parts: Sequence[Tensor]) -> None:
        """Put the parts of one batch where they belong."""
        with self._lock:
            self.wholes = self.wholes or [np.empty((self.rows, *part.shape[1:]), np.float32) for part in parts]
        for whole, part in zip(self.wholes, parts, strict=True):
            whole[at : at + len(part)] = part.numpy()


def check_rows(values: ArrayLike, shape: Sequence[int | None], what: str) -> Floats:
    """The values as float32 (n, *shape).

    Raises
    ------
    InputError
        If they have another shape.
    """
    rows = np.asarray(values, np.float32)
    fits = rows.ndim == len(shape) + 1 and all(
        side in (None, given) for side, given in zip(shape, rows.shape[1:], strict=True)
    )
    if fits:
        return rows
    raise InputError(
        f"{what} of shape {rows.shape} were given",
        f"The network takes (n, {', '.join('any' if side is None else str(side) for side in shape)})",
        "Hand over a batch, as in images[:1], with the bands and the size the network was trained with",
    )
