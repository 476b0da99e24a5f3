"""Mean and variance of the gradient over noise or path samples of each image, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe, SampleFunction
from gz2interp.network.scores import Score

__all__ = ["Shared", "mean_and_variance", "mean_gradient", "sample_batches", "whole_number"]


def sample_batches(images: int, samples: int, size: int) -> Iterator[tuple[slice, tuple[range, ...]]]:
    """Batches of images, each with batches of all samples, so that about `size` pairs are computed at a time."""
    rows = max(min(images, size), 1)
    for start in range(0, images, rows):
        some = slice(start, min(start + rows, images))
        step = max(size // (some.stop - some.start), 1)
        yield some, tuple(range(first, min(first + step, samples)) for first in range(0, samples, step))


def whole_number(name: str, value: int, least: int = 1) -> int:
    """The value itself, if it is at least `least`.

    Raises
    ------
    InputError
        It is smaller.
    """
    if value < least:
        raise InputError(f"{name} = {value} was given", f"{least} or more")
    return value


Floats = NDArray[np.float32]

Shared = Callable[[range], Sequence[Floats]]

PORTION = 2**24
"""Bytes of samples in memory at a time."""


def mean_gradient(
    probe: ModelProbe,
    sample: SampleFunction,
    rows: Sequence[Floats],
    shared: Shared,
    count: int,
    score: Score,
    at: str,
) -> Floats:
    """The mean gradient over all samples, computed in portions; float32, as the first of `rows`.

    Parameters
    ----------
    sample, rows, score, at
        As for `gz2interp.network.probe.Probe.gradient_moments`.
    shared : callable
        Arrays of some samples, float32 (k, ...), for a range of k numbers.
    count : int
        Number of samples.
    """
    mean = np.zeros(rows[0].shape)
    for numbers in _portions(shared, count):
        (part,) = probe.gradient_moments(sample, rows, shared(numbers), score, at, varies=False)
        mean += part * (len(numbers) / count)
    return np.asarray(mean, np.float32)


def mean_and_variance(
    probe: ModelProbe,
    sample: SampleFunction,
    rows: Sequence[Floats],
    shared: Shared,
    count: int,
    score: Score,
    at: str,
) -> tuple[Floats, Floats]:
    """As `mean_gradient`, and the variance of the samples (not of their mean)."""
    mean, spread, done = np.zeros(rows[0].shape), np.zeros(rows[0].shape), 0
    for numbers in _portions(shared, count):
        part, variance = probe.gradient_moments(sample, rows, shared(numbers), score, at, varies=True)
        difference, more, total = part - mean, len(numbers), done + len(numbers)
        spread += variance * float(more) + difference**2 * (done * more / total)  # Chan, Golub & LeVeque 1983
        mean += difference * (more / total)
        done = total
    return np.asarray(mean, np.float32), np.asarray(spread / count, np.float32)


def _portions(shared: Shared, count: int) -> list[range]:
    size = max(PORTION // max(sum(array[0].nbytes for array in shared(range(1))), 1), 1)
    return [range(first, min(first + size, count)) for first in range(0, count, size)]
