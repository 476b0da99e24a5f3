"""Training batches: read in windows, shuffled and augmented, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import tf
from trainer.augment import AugmentationDraws, augment, draw, policy_named
from trainer.step import draw_shares, mix

__all__ = [
    "MEMORY_BYTES",
    "RUN_ROWS",
    "Examples",
    "PixelSource",
    "PixelsInMemory",
    "epoch_windows",
    "in_memory",
    "training_batches",
]

MEMORY_BYTES = 2**30
"""Pixels up to this size are kept in memory; larger data sets are streamed from disk in each epoch."""

RUN_ROWS = 256
"""Consecutive galaxies that are read together: one shard on disk."""

WINDOW_ROWS = 2048
"""Galaxies that are shuffled together, from `RUN_ROWS`s all over the survey: 170 MB of 64 x 64 pixels in five bands.
Two windows are in memory at a time."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class PixelSource(Protocol):
    """Images by row: a `Survey`, or pixels in memory."""

    def images(self, rows: Ints, /) -> Floats:
        """Float32 (n, y, x, band), nanomaggies."""

    def valid(self, rows: Ints, /) -> Bools:
        """Bool (n, y, x)."""


@dataclass(frozen=True, eq=False)
class PixelsInMemory:
    """Pixels in memory.

    Attributes
    ----------
    rows : int64 (n,), increasing
        Rows of the survey.
    pixels : float32 (n, y, x, band)
    mask : bool (n, y, x)
    """

    rows: Ints
    pixels: Floats
    mask: Bools

    def images(self, rows: Ints, /) -> Floats:
        """Images of rows in memory."""
        return self.pixels[np.searchsorted(self.rows, rows)]

    def valid(self, rows: Ints, /) -> Bools:
        """Masks of rows in memory."""
        return self.mask[np.searchsorted(self.rows, rows)]


@dataclass(frozen=True, eq=False)
class Examples:
    """Galaxies and their targets.

    Attributes
    ----------
    rows : int64 (n,), increasing
    targets : float32 (n, class)
        Distributions over the classes, soft (vote shares) or hard.
    """

    pixels: PixelSource
    rows: Ints
    targets: Floats

    def __len__(self) -> int:
        return len(self.rows)


def in_memory(pixels: PixelSource, rows: Ints, limit: int = MEMORY_BYTES) -> PixelSource:
    """The pixels of some rows (n,), increasing, in memory if they take at most `limit` bytes."""
    if len(rows) == 0 or pixels.images(rows[:1]).nbytes * len(rows) > limit:
        return pixels
    # Filled in parts, so that the pixels are never in memory twice.
    images = np.empty((len(rows), *pixels.images(rows[:1]).shape[1:]), np.float32)
    mask = np.empty(images.shape[:3], np.bool_)
    start = 0
    for part in np.array_split(rows, -(-len(rows) // RUN_ROWS)):
        images[start : start + len(part)], mask[start : start + len(part)] = pixels.images(part), pixels.valid(part)
        start += len(part)
    return PixelsInMemory(rows, images, mask)


def epoch_windows(count: int, seed: int, epoch: int) -> list[Ints]:
    """Order of one epoch: a permutation of 0 ... count - 1, in windows that are read one after the other.

    A window consists of short runs of consecutive galaxies from all over the survey, which are fast to read, shuffled.
    """
    generator = np.random.default_rng([seed, epoch, 1])  # 1: a stream distinct from that of augmentation
    runs = np.array_split(np.arange(count), range(RUN_ROWS, count, RUN_ROWS))
    order = generator.permutation(len(runs))
    windows = np.array_split(order, -(-len(order) * RUN_ROWS // WINDOW_ROWS))
    return [generator.permutation(np.concatenate([runs[i] for i in window])) for window in windows]


def training_batches(
    examples: Examples,
    augmentation: str,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    sky_sigma: Sequence[float],
    mixup: float = 0.0,
) -> tf.data.Dataset:
    """One epoch of augmented batches (images float32 (n, y, x, band), targets float32 (n, class)).

    Parameters
    ----------
    augmentation : str
        One of `trainer.augment.POLICIES`.
    batch_size : int
        Largest size; the batches of a window have nearly equal sizes, so that none is too small for batch
        normalisation.
    seed, epoch : int
        Determine the order, the augmentation and mixup.
    sky_sigma : sequence of float, one per band
    mixup : float
        See `trainer.step`.
    """
    policy = policy_named(augmentation)
    images, valid = examples.pixels.images(examples.rows[:1]), examples.pixels.valid(examples.rows[:1])
    draws = draw(policy, seed, epoch, examples.rows, shape=valid.shape[1:], sky_sigma=np.asarray(sky_sigma))
    shares = draw_shares(mixup, seed, epoch, examples.rows)
    sample = (images, valid, examples.targets, draws, shares)
    signature = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), sample)

    def read() -> Iterator[tuple[Floats, Bools, Floats, AugmentationDraws, Floats]]:
        for images, valid, at in _batches(examples, batch_size, seed, epoch):
            yield images, valid, examples.targets[at], AugmentationDraws(*(values[at] for values in draws)), shares[at]

    def transform(images: Any, valid: Any, targets: Any, draws: AugmentationDraws, shares: Any) -> tuple[Any, Any]:
        images = augment(policy, images, valid, draws)[0]
        return mix(images, targets, shares) if mixup else (images, targets)

    read_batches = tf.data.Dataset.from_generator(read, output_signature=signature)
    return read_batches.map(transform, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _batches(examples: Examples, batch_size: int, seed: int, epoch: int) -> Iterator[tuple[Floats, Bools, Ints]]:
    windows = epoch_windows(len(examples), seed, epoch)
    for window, (images, valid) in zip(windows, _read_ahead(examples, windows), strict=True):
        inside = np.sort(window)
        for positions in np.array_split(window, -(-len(window) // batch_size)):
            where = np.searchsorted(inside, positions)
            yield images[where], valid[where], positions


def _read_ahead(examples: Examples, windows: Sequence[Ints]) -> Iterator[tuple[Floats, Bools]]:
    """Iterate over the pixels of the windows; the next window is read in the background."""

    def read(window: Ints) -> tuple[Floats, Bools]:
        rows = examples.rows[np.sort(window)]
        return examples.pixels.images(rows), examples.pixels.valid(rows)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, windows[0])
        for following in windows[1:]:
            current, coming = coming.result(), reader.submit(read, following)
            yield current
        yield coming.result()


def batch_count(count: int, batch_size: int, seed: int, epoch: int) -> int:
    """Number of batches of one epoch."""
    return sum(-(-len(window) // batch_size) for window in epoch_windows(count, seed, epoch))
