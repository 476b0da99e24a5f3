"""Means over many looks at each image, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import Differentiable
from gz2interp.errors import InputError
from gz2interp.network.scores import Score

__all__ = ["Moments", "blocks", "moments", "whole_number"]

Floats = NDArray[np.float32]
Look = Callable[[Floats, int], Floats]
"""From values of some images (n, ...) and the number of the look to what is looked at instead, (n, ...)."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Over the looks at each image.

    Attributes
    ----------
    mean, variance : float32 (n, ...)
        The variance is that of the looks, not of their mean.
    """

    mean: Floats
    variance: Floats


def blocks(images: int, looks: int, size: int) -> Iterator[tuple[slice, tuple[range, ...]]]:
    """Some images at a time, and for them all looks in portions, at most about `size` pairs of image and look."""
    together = max(min(images, size), 1)
    for start in range(0, images, together):
        some = slice(start, min(start + together, images))
        each = max(size // (some.stop - some.start), 1)
        yield some, tuple(range(first, min(first + each, looks)) for first in range(0, looks, each))


def moments(
    probe: Differentiable,
    values: Floats,
    score: Score,
    at: str,
    looks: int,
    look: Look,
    counted: Callable[[Floats, Floats, int], Floats] | None = None,
) -> Moments:
    """Mean and variance of the gradient over looks at each image.

    Parameters
    ----------
    probe : Probe
    values : float32 (n, ...)
        What flows through the place `at`.
    score : Score
    at : str
    looks : int
    look : callable
        What is put in the place of the values.
    counted : callable, optional
        ``counted(gradients, values, k)`` makes of a look's gradients what is averaged; by default they themselves.
    """
    mean, variance = np.empty_like(values), np.empty_like(values)
    for some, portions in blocks(len(values), looks, probe.batch_size):
        chosen = values[some]
        total, squares = np.zeros(chosen.shape, np.float64), np.zeros(chosen.shape, np.float64)
        for numbers in portions:
            seen = np.concatenate([look(chosen, k) for k in numbers])
            slopes = probe.gradients_given(seen, score, at).gradients.reshape(len(numbers), *chosen.shape)
            for k, part in zip(numbers, slopes, strict=True):
                made = part if counted is None else counted(part, chosen, k)
                total += made
                squares += np.square(made)
        mean[some] = total / looks
        variance[some] = np.maximum(squares / looks - (total / looks) ** 2, 0)
    return Moments(mean, variance)


def whole_number(name: str, value: int, least: int = 1) -> int:
    """The number itself, if it is large enough.

    Raises
    ------
    InputError
        It is not.
    """
    if value < least:
        raise InputError(f"{name} = {value} was given", f"{least} or more")
    return value
