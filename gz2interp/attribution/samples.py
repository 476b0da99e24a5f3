"""Mean and variance of the gradient over noise or path samples of each image, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe, SampleFunction
from gz2interp.network.scores import Score

__all__ = ["Shared", "mean_and_variance", "mean_gradient", "sample_batches", "whole_number"]


def sample_batches(images: int, looks: int, size: int) -> Iterator[tuple[slice, tuple[range, ...]]]:
    """Some images at a time, and for them all looks in portions, at most about `size` pairs of image and look."""
    together = max(min(images, size), 1)
    for start in range(0, images, together):
        some = slice(start, min(start + together, images))
        each = max(size // (some.stop - some.start), 1)
        yield some, tuple(range(first, min(first + each, looks)) for first in range(0, looks, each))


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


Floats = NDArray[np.float32]

Shared = Callable[[range], Sequence[Floats]]

PORTION = 2**24
"""Bytes of what the looks need that are in memory at a time."""


def mean_gradient(
    probe: ModelProbe,
    look: SampleFunction,
    rows: Sequence[Floats],
    shared: Shared,
    looks: int,
    score: Score,
    at: str,
) -> Floats:
    """The mean over all looks, of which a portion is asked for at a time; float32, as the first of `rows`.

    Parameters
    ----------
    look, rows, score, at
        As for `gz2interp.network.probe.Probe.gradient_moments`.
    shared : callable
        What each of some looks needs, float32 (k, ...) for a range of k numbers.
    """
    mean = np.zeros(rows[0].shape)
    for numbers in _portions(shared, looks):
        (now,) = probe.gradient_moments(look, rows, shared(numbers), score, at, varies=False)
        mean += now * (len(numbers) / looks)
    return np.asarray(mean, np.float32)


def mean_and_variance(
    probe: ModelProbe,
    look: SampleFunction,
    rows: Sequence[Floats],
    shared: Shared,
    looks: int,
    score: Score,
    at: str,
) -> tuple[Floats, Floats]:
    """As `mean_gradient`, and the variance of the looks (not of their mean)."""
    mean, spread, done = np.zeros(rows[0].shape), np.zeros(rows[0].shape), 0
    for numbers in _portions(shared, looks):
        now, variance = probe.gradient_moments(look, rows, shared(numbers), score, at, varies=True)
        off, more, total = now - mean, len(numbers), done + len(numbers)
        spread += variance * float(more) + off**2 * (done * more / total)  # Chan, Golub & LeVeque 1983
        mean += off * (more / total)
        done = total
    return np.asarray(mean, np.float32), np.asarray(spread / looks, np.float32)


def _portions(shared: Shared, looks: int) -> list[range]:
    size = max(PORTION // max(sum(each[0].nbytes for each in shared(range(1))), 1), 1)
    return [range(first, min(first + size, looks)) for first in range(0, looks, size)]
