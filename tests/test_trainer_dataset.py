"""Galaxies reach the network once an epoch, the same from the disk as from memory, and never all at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer import dataset
from trainer.dataset import (
    WINDOW_ROWS,
    Examples,
    PixelsInMemory,
    _batches,
    batch_count,
    epoch_windows,
    in_memory,
    training_batches,
)

COUNT, SIZE = 700, 8


class Disk:
    """Pixels that remember how many were asked for at once; the image of a row is its number."""

    most = 0

    def images(self, rows):
        self.most = max(self.most, len(rows))
        return np.broadcast_to(np.float32(rows)[:, None, None, None], (len(rows), SIZE, SIZE, 2)).copy()

    def valid(self, rows):
        return np.ones((len(rows), SIZE, SIZE), np.bool_)


def _examples(pixels):
    rows = np.arange(0, 3 * COUNT, 3)
    return Examples(pixels, rows, np.stack([rows, -rows], axis=1).astype(np.float32))


def _epoch(pixels, augmentation="none", batch_size=32, epoch=0):
    batches = training_batches(
        _examples(pixels), augmentation, batch_size=batch_size, seed=1, epoch=epoch, sky_sigma=(0.1, 0.1)
    )
    parts = [(images.numpy(), targets.numpy()) for images, targets in batches]
    return [np.concatenate(part) for part in zip(*parts, strict=True)], [len(images) for images, _ in parts]


def test_each_galaxy_comes_once_with_its_own_target():
    (images, targets), sizes = _epoch(Disk())
    np.testing.assert_array_equal(images[:, 0, 0, 0], targets[:, 0])
    np.testing.assert_array_equal(np.sort(targets[:, 0]), np.arange(0, 3 * COUNT, 3))
    assert len(sizes) == batch_count(COUNT, 32, seed=1, epoch=0)
    assert max(sizes) <= 32
    assert min(sizes) >= 31


def test_epochs_differ_and_repeat():
    (first, _), _ = _epoch(Disk())
    (again, _), _ = _epoch(Disk())
    (second, _), _ = _epoch(Disk(), epoch=1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_from_memory_and_from_the_disk_are_the_same(monkeypatch):
    monkeypatch.setattr(dataset, "WINDOW_ROWS", 256)
    rows = _examples(Disk()).rows
    memory = in_memory(Disk(), rows)
    assert isinstance(memory, PixelsInMemory)
    for pair in zip(_epoch(memory, "standard")[0], _epoch(Disk(), "standard")[0], strict=True):
        np.testing.assert_array_equal(*pair)


def test_the_batch_size_does_not_change_what_happens_to_a_galaxy():
    many, few = (_epoch(Disk(), "standard", batch_size=size)[0] for size in (64, 16))
    for images, targets in (many, few):
        images[:] = images[np.argsort(targets[:, 0])]
    np.testing.assert_array_equal(many[0], few[0])


def test_what_is_too_large_is_not_held_and_is_read_in_windows(monkeypatch):
    monkeypatch.setattr(dataset, "WINDOW_ROWS", 256)
    monkeypatch.setattr(dataset, "RUN_ROWS", 64)
    disk, rows = Disk(), _examples(Disk()).rows
    assert in_memory(disk, rows, limit=1000) is disk
    _epoch(disk)
    assert disk.most == 256


@pytest.mark.parametrize("count", [1, 255, 256, 2049, 5000])
def test_windows_hold_every_position_once(count):
    windows = epoch_windows(count, seed=1, epoch=2)
    np.testing.assert_array_equal(np.sort(np.concatenate(windows)), np.arange(count))
    assert max(map(len, windows)) <= dataset.WINDOW_ROWS


def test_a_large_survey_is_shuffled_far():
    first = epoch_windows(100_000, seed=1, epoch=0)[0]
    assert np.ptp(first) > 50_000
    assert abs(np.corrcoef(first, np.arange(len(first)))[0, 1]) < 0.1


class Watched:
    """Pixels that remember how many have been asked for."""

    def __init__(self) -> None:
        self.read = 0

    def images(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        self.read += len(rows)
        return np.zeros((len(rows), 2, 2, 1), np.float32) + rows[:, None, None, None]

    def valid(self, rows: NDArray[np.int64], /) -> NDArray[np.bool_]:
        return np.ones((len(rows), 2, 2), np.bool_)


def test_one_window_is_read_ahead_and_no_more() -> None:
    pixels, count = Watched(), 4 * WINDOW_ROWS
    examples = Examples(pixels, np.arange(count), np.ones((count, 2), np.float32))
    learnt = 0
    for images, _, positions in _batches(examples, 64, seed=1, epoch=0):
        assert (images[:, 0, 0, 0] == positions).all()
        learnt += len(positions)
        assert learnt <= pixels.read <= learnt + 2 * WINDOW_ROWS
    assert learnt == count


def test_a_disk_that_fails_while_it_reads_ahead_is_heard() -> None:
    class Broken(Watched):
        def images(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
            if self.read > WINDOW_ROWS:
                raise OSError("the disk is gone")
            return super().images(rows)

    count = 4 * WINDOW_ROWS
    examples = Examples(Broken(), np.arange(count), np.ones((count, 2), np.float32))
    with pytest.raises(OSError, match="the disk is gone"):
        list(_batches(examples, 64, seed=1, epoch=0))
