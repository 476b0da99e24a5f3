"""Killed at any moment and started again, a training arrives at the weights of an undisturbed one, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import trainer_surveys

EPOCH = 7  # lines that an epoch prints: one for each of its steps, and one when its checkpoint is written


@contextmanager
def _training(survey: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])}
    command = [sys.executable, trainer_surveys.__file__, str(survey), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def _run_and_kill(survey: Path, name: str, lines: int, pause: float) -> None:
    """Kill it after it has said so much and a moment more: between steps, in a step, or while it writes."""
    with _training(survey, name) as process:
        assert process.stdout is not None
        assert all(process.stdout.readline() for _ in range(lines))
        time.sleep(pause)


def _result(process: subprocess.Popen[str]) -> str:
    """The digest of its best weights, and the losses of all epochs to the last digit."""
    said, _ = process.communicate()
    assert process.returncode == 0
    return said.splitlines()[-1]


@pytest.mark.long
def test_a_killed_training_goes_on_as_if_nothing_had_happened(tmp_path):
    survey = trainer_surveys.ring_survey(tmp_path / "rings", count=120).path
    generator = np.random.default_rng()
    # Before the first checkpoint is written, between two, and while or after one is.
    moments = [int(generator.integers(1, EPOCH)), EPOCH + int(generator.integers(1, EPOCH)), EPOCH]
    with _training(survey, "undisturbed") as undisturbed:
        for lines in moments:
            _run_and_kill(survey, "killed", lines, pause=generator.uniform(0, 0.02))
        with _training(survey, "killed") as resumed:
            assert _result(resumed) == _result(undisturbed), moments
    assert not (survey / "models" / "killed" / "checkpoint").exists()
