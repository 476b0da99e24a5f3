"""Questions compiled once and answered batch by batch, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError
from gz2interp.network.quiet import tf
from gz2interp.network.taps import TRACING

__all__ = ["Questions", "rows_of"]

Floats = NDArray[np.float32]
Tensor = Any
Question = Callable[[Tensor], tuple[Tensor, ...]]


IN_FLIGHT: Final = 2
"""Batches looked at side by side: TensorFlow alone leaves cores idle between its operations."""


class Questions:
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
        if not len(rows):  # TensorFlow's convolutions refuse an empty batch
            one = np.zeros((1, *rows.shape[1:]), np.float32)
            return tuple(part[:0] for part in self.ask(key, question, one, shape))
        compiled, step = self._compile(key, question, shape), max(self.batch_size // IN_FLIGHT, 1)
        answers = Answers(len(rows))

        def answer(start: int) -> None:
            answers.write(start, compiled(tf.constant(rows[start : start + step])))

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(answer, range(0, len(rows), step)))  # the list waits for all, and raises what one has raised
        return tuple(answers.wholes)

    def _compile(self, key: Hashable, question: Question, shape: Sequence[int | None]) -> Question:
        # A concrete function is traced exactly once, here, while no other thread can touch the taps it needs.
        with TRACING:
            if key not in self._compiled:
                spec = tf.TensorSpec((None, *shape), tf.float32)
                self._compiled[key] = tf.function(question, autograph=False).get_concrete_function(spec)
            return self._compiled[key]


class Answers:
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


def rows_of(values: ArrayLike, shape: Sequence[int | None], what: str) -> Floats:
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
