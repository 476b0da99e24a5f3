"""Measures of quality against answers worked out by hand or found in textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.metrics import (
    calibration_error,
    calibration_estimate,
    confusion_matrix,
    proportion,
    reliability,
    wilson,
)


def test_wilson_agrees_with_newcombe_1998():
    # Newcombe 1998, Statist. Med. 17, 857, table I, method 3
    low, high = wilson([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0000, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


def test_nothing_counted_is_no_number():
    nothing = proportion(np.zeros(0, np.bool_))
    assert nothing.value is None
    assert str(nothing) == "-"


def test_confusion_counts_truth_down_and_answer_across():
    matrix = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False])
    assert calibration_error(confidence, right) == pytest.approx((2 * 0.05 + 2 * 0.05) / 4)


def test_a_calibrated_network_has_little_error_and_an_interval_around_it():
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1, 20_000)
    right = generator.random(20_000) < confidence
    estimate = calibration_estimate(confidence, right, generator, draws=100)
    assert estimate.value < 0.02
    assert estimate.low < estimate.high < 0.03
    boastful = calibration_error(np.minimum(confidence + 0.2, 1.0), right)
    assert boastful == pytest.approx(np.mean(np.minimum(confidence + 0.2, 1.0) - confidence), abs=0.01)


def test_full_confidence_falls_into_the_last_bin_and_empty_bins_are_left_out():
    bins = reliability(np.array([1.0, 0.95, 0.3]), np.array([True, False, True]))
    assert [part.right.count for part in bins] == [1, 2]
    assert [part.low for part in bins] == pytest.approx([0.3, 0.9])
    assert bins[1].right.value == 0.5
