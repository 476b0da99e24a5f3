"""What the loss is asked: rare classes, smoothed targets, mixtures, and the temperature afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.network.quiet import keras
from trainer.calibration import MIN_GALAXIES, apply_temperature, temperature
from trainer.step import (
    MAX_CLASS_WEIGHT,
    CrossEntropy,
    class_weights,
    compiled_step,
    draw_shares,
    mix,
    weighted_targets,
)


def _one_hot(labels, classes):
    return np.eye(classes, dtype=np.float32)[labels]


def test_balanced_classes_carry_equal_weight():
    targets = _one_hot(np.repeat([0, 1, 2], [60, 30, 30]), 3)
    np.testing.assert_allclose(weighted_targets(targets, 0.0, 1.0).sum(axis=0), 40, rtol=1e-5)


def test_without_balance_and_smoothing_targets_stay_what_they_are():
    targets = np.random.default_rng(1).dirichlet(np.ones(4), 50).astype(np.float32)
    np.testing.assert_allclose(weighted_targets(targets, 0.0, 0.0), targets, rtol=1e-6)


def test_a_very_rare_class_counts_for_no_more_than_the_most():
    weights = class_weights(_one_hot(np.repeat([0, 1], [999, 1]), 2), 1.0)
    assert weights[1] == MAX_CLASS_WEIGHT
    assert weights[0] == pytest.approx(1 / (2 * 0.999))


def test_smoothing_spreads_its_share_and_keeps_the_weight():
    soft = weighted_targets(_one_hot(np.repeat([0, 1], [30, 10]), 2), 0.2, 1.0)
    weights = soft.sum(axis=1)
    np.testing.assert_allclose(weights, np.repeat([2 / 3, 2.0], [30, 10]), rtol=1e-5)
    np.testing.assert_allclose(soft[0] / weights[0], [0.9, 0.1], rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_galaxy_of_twice_the_target_pulls_twice_as_hard(outputs):
    """Also for a network with one sigmoid, whose target has two columns."""
    activation = "sigmoid" if outputs == 1 else "softmax"
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(outputs, activation=activation)(image))
    first = model.get_weights()
    moved = []
    for weight in (1.0, 2.0):
        model.set_weights(first)
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(model.trainable_variables)
        compiled_step(model, optimizer, CrossEntropy())(
            np.ones((1, 1), np.float32), np.array([[0, weight]], np.float32), 0.1
        )
        moved.append(model.get_weights()[0] - first[0])
    np.testing.assert_allclose(moved[1], 2 * moved[0], rtol=1e-5)
    assert np.abs(moved[0]).max() > 0


def test_a_mixture_is_the_sum_of_its_parts_in_their_shares():
    images = np.random.default_rng(2).normal(size=(4, 3, 3, 2)).astype(np.float32)
    targets = _one_hot([0, 1, 2, 0], 3)
    shares = np.array([1.0, 0.75, 0.5, 0.0], np.float32)
    seen, asked = (part.numpy() for part in mix(images, targets, shares))
    np.testing.assert_allclose(seen[1], 0.75 * images[1] + 0.25 * images[2], rtol=1e-5)
    np.testing.assert_array_equal(seen[0], images[0])
    np.testing.assert_array_equal(seen[3], images[0])
    np.testing.assert_allclose(asked, [[1, 0, 0], [0, 0.75, 0.25], [0, 0.5, 0.5], [1, 0, 0]])


def test_a_galaxy_keeps_its_share_whoever_else_is_asked_for():
    rows = np.arange(100)
    shares = draw_shares(0.3, 7, 2, rows)
    np.testing.assert_array_equal(draw_shares(0.3, 7, 2, rows[[5, 50]]), shares[[5, 50]])
    assert not np.array_equal(draw_shares(0.3, 7, 3, rows), shares)
    assert shares.mean() == pytest.approx(0.5, abs=0.12)
    np.testing.assert_array_equal(draw_shares(0.0, 7, 2, rows), 1)


@pytest.mark.parametrize("true", [0.5, 2.0])
def test_the_temperature_is_found_again(true):
    """Labels drawn from a network's own probabilities, which are then said too surely, or not surely enough."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(20_000, 3)) * 2
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) > generator.random((len(honest), 1))).argmax(axis=1)
    said = honest**true / (honest**true).sum(axis=1, keepdims=True)
    assert temperature(said, _one_hot(labels, 3)) == pytest.approx(true, rel=0.05)


def test_a_handful_of_galaxies_changes_nothing():
    assert temperature(np.full((MIN_GALAXIES - 1, 2), 0.5), _one_hot(np.zeros(MIN_GALAXIES - 1, int), 2)) == 1.0


@pytest.mark.parametrize("classes", [1, 3])
def test_a_cooled_network_says_the_tempered_probabilities(classes):
    image = keras.Input((4,))
    activation = "sigmoid" if classes == 1 else "softmax"
    model = keras.Model(image, keras.layers.Dense(classes, activation=activation, bias_initializer="normal")(image))
    values = np.random.default_rng(4).normal(size=(6, 4)).astype(np.float32)
    before = model(values).numpy()
    apply_temperature(model, 2.0)
    after = model(values).numpy()
    if classes == 1:
        before, after = (np.concatenate([1 - part, part], axis=1) for part in (before, after))
    np.testing.assert_allclose(after, np.sqrt(before) / np.sqrt(before).sum(axis=1, keepdims=True), rtol=1e-4)
