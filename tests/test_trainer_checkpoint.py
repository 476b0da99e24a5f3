"""A checkpoint gives back what was laid aside, and refuses to continue another training."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.errors import InputError, SurveyError
from trainer.checkpoint import Checkpoint, check_same, load_checkpoint, save_checkpoint

TRAINING = {"config": {"epochs": 3, "seed": 1}, "data_digest": "abc"}


@pytest.fixture
def checkpoint():
    generator = np.random.default_rng(0)
    network = (generator.normal(size=(3, 4)).astype(np.float32), np.array([1, 2], np.uint32))
    optimizer = tuple(np.array(value) for value in range(12))  # more than ten: order is by number, not by name
    return Checkpoint(2, TRAINING, ({"epoch": 1, "loss": 0.1},), network, optimizer, network)


def test_what_is_loaded_is_what_was_saved(tmp_path, checkpoint):
    save_checkpoint(tmp_path / "training.npz", checkpoint)
    loaded = load_checkpoint(tmp_path / "training.npz")
    assert (loaded.epoch, loaded.training, loaded.history) == (2, TRAINING, checkpoint.history)
    for group in ("network", "optimizer", "best"):
        for before, after in zip(getattr(checkpoint, group), getattr(loaded, group), strict=True):
            np.testing.assert_array_equal(after, before)
            assert after.dtype == before.dtype
    assert [file.name for file in tmp_path.iterdir()] == ["training.npz"]


def test_a_damaged_file_is_named_with_a_remedy(tmp_path, checkpoint):
    file = tmp_path / "training.npz"
    save_checkpoint(file, checkpoint)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(SurveyError, match=r"training\.npz cannot be read.* Remove it"):
        load_checkpoint(file)


def test_other_settings_are_refused_and_named(checkpoint):
    check_same(checkpoint, TRAINING, "mine")
    other = {"config": {"epochs": 5, "seed": 1}, "data_digest": "abc"}
    with pytest.raises(InputError, match=r"config\.epochs was 3, is 5"):
        check_same(checkpoint, other, "mine")
