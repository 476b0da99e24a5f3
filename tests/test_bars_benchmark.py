"""The parts of the benchmark of bars that could be wrong without anybody noticing."""

from __future__ import annotations

import numpy as np
import pytest
from test_measure_bars import apart, gaussian

from benchmarks.bars.judging import Measured, fitted_axes, fitted_line, judged
from benchmarks.bars.judging import apart as apart_of
from benchmarks.bars.regression import _augmented, _axes
from gz2interp.measure.bars import FWHM, bars_in
from trainer.dataset import PixelsInMemory


def test_what_is_done_to_a_galaxy_is_done_to_its_bar() -> None:
    angles = np.array([10.0, 75.0, 140.0, 175.0])
    light = np.stack([gaussian(5.0, 1.8, angle) for angle in angles])
    images = np.repeat(light[..., None], 5, axis=-1).astype(np.float32)
    pixels = PixelsInMemory(np.arange(4), images, np.ones(images.shape[:3], bool))
    axes = _axes(np.full(4, FWHM * 5.0), angles)
    seen, targets = _augmented(pixels, np.arange(4), axes, np.arange(4), np.zeros(5, np.float32), seed=1, epoch=1)
    found, told = bars_in(np.asarray(seen, np.float64)[..., 2]), np.asarray(targets, np.float64)
    np.testing.assert_allclose(found.length, np.exp(told[:, 0]), rtol=0.03)  # interpolation widens a little
    for measured, target in zip(found.angle, np.rad2deg(np.arctan2(told[:, 2], told[:, 1])) / 2, strict=True):
        assert apart(measured, target) < 1
    assert np.ptp(told[:, 0]) > 0.05  # they were zoomed


def test_judgement_of_a_known_error() -> None:
    rng = np.random.default_rng(0)
    true, angle = rng.uniform(2, 10, 400), rng.uniform(0, 180, 400)
    said = Measured(true + 0.5, (angle + 4) % 180)
    said.length[:40] = np.nan
    row = judged(said, true, angle)
    assert row["not measured"] == "10.0% of 400"
    assert row["r"].startswith("1.000")
    assert row['bias ["]'] == "0.50 (0.50 to 0.50)"
    assert row["angle, median"] == "4.0 (4.0 to 4.0)"
    np.testing.assert_allclose(apart_of(np.array([179.0, 90.0]), np.array([1.0, 0.0])), [2, 90])


def test_lines_and_axes_are_found_again() -> None:
    rng = np.random.default_rng(1)
    true = rng.uniform(2, 10, 50)
    map_length = (true + 2) / 0.8
    map_length[3] = np.nan
    assert fitted_line(map_length, true) == pytest.approx((-2.0, 0.8))
    width = rng.uniform(1, 2, 50)
    one, two = Measured(true - width, true, width), Measured(true**2, true, np.sqrt(true))
    fitted = fitted_axes((one, one), (two, two), true)
    np.testing.assert_allclose(fitted.length, true, atol=1e-6)
