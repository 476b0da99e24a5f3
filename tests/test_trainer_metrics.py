"""Measures of quality against answers worked out by hand or found in textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.statistics import proportion, shares_in_bins, wilson_interval
from trainer.metrics import (
    brier_estimate,
    calibration_error,
    calibration_estimate,
    confusion_matrix,
    ideal_calibration,
    reliability,
)


def test_wilson_agrees_with_newcombe_1998():
    # Newcombe 1998, Statist. Med. 17, 857, table I, method 3
    low, high = wilson_interval([81, 15, 0, 1], [263, 148, 20, 29])
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


def test_an_ideal_networks_error_is_what_a_coin_of_that_chance_shows():
    # One bin of n tosses with chance 1/2: the mean distance of the share from 1/2 is sqrt(1 / (2 pi n)).
    count = 400
    ideal = ideal_calibration(np.full(count, 0.5), np.random.default_rng(0), draws=4000)
    assert ideal.value == pytest.approx(np.sqrt(1 / (2 * np.pi * count)), rel=0.05)
    assert 0 <= ideal.low < ideal.value < ideal.high
    assert ideal.high == pytest.approx(2.24 * 0.5 / np.sqrt(count), rel=0.06)  # |z| > 2.24 in 2.5 % of draws


def test_who_is_always_sure_and_should_be_has_an_ideal_error_of_nothing():
    ideal = ideal_calibration(np.ones(50), np.random.default_rng(0))
    assert (ideal.value, ideal.low, ideal.high) == (0, 0, 0)


def test_a_calibrated_networks_error_lies_in_the_ideal_range():
    inside = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        confidence = generator.uniform(0.4, 1, 300)
        ideal = ideal_calibration(confidence, generator, draws=200)
        error = calibration_error(confidence, generator.random(300) < confidence)
        inside += ideal.low <= error <= ideal.high
    assert inside >= 34  # of 40, of which 38 are expected


def test_brier_by_hand():
    probabilities = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    score = brier_estimate(probabilities, np.array([0, 0, 0]), np.random.default_rng(0))
    assert score.value == pytest.approx((0 + 0.5 + 2) / 3)
    assert 0 <= score.low < score.value < score.high <= 2
    assert score.plain.startswith("0.833 (")


def test_shares_in_bins_leave_out_what_is_unknown_and_part_no_equal_values():
    values = np.array([1.0] * 30 + [2.0] * 30 + [np.nan] * 5)
    bins = shares_in_bins(values, values == 2.0, bins=6, least=5)
    assert [(part.low, part.high, part.share.value, part.share.count) for part in bins] == [
        (1.0, 1.0, 0.0, 30),
        (2.0, 2.0, 1.0, 30),
    ]
    assert shares_in_bins(np.full(20, np.nan), np.ones(20, np.bool_)) == ()
