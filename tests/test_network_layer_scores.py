"""Scores of what layers say: channels, directions and likeness to another galaxy."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError, LayerNotFound
from gz2interp.network.layer_scores import channel, direction, similarity
from gz2interp.network.probe import Probe
from gz2interp.network.scores import logit
from gz2interp.network.written_scores import read_score
from gz2interp.testing.networks import (
    CLASS_NAMES,
    SHAPE,
    augmented_network,
    nested_network,
    plain_network,
    sequential_network,
    shared_activation_network,
)

LAYER = "conv2"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(6, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe(plain_network(), CLASS_NAMES, batch_size=4)


def pooled(probe, images):
    return probe.activations(images, LAYER, pooled=True)


def test_a_channel_is_its_mean_over_the_plane(probe, images):
    np.testing.assert_allclose(probe.scores(images, channel(LAYER, 3)), pooled(probe, images)[:, 3], rtol=1e-6)


def test_a_direction_is_a_projection_whatever_its_length(probe, images):
    vector = np.arange(pooled(probe, images).shape[1]) - 2.0
    along = pooled(probe, images) @ (vector / np.linalg.norm(vector))
    for length in (1, 7):
        np.testing.assert_allclose(probe.scores(images, direction(LAYER, length * vector)), along, rtol=1e-4, atol=1e-6)


def test_similarity_is_the_cosine_and_one_with_itself(probe, images):
    said = pooled(probe, images)
    likeness = probe.scores(images, similarity(LAYER, said[2]))
    cosines = said @ said[2] / np.linalg.norm(said, axis=1) / np.linalg.norm(said[2])
    np.testing.assert_allclose(likeness, cosines, atol=1e-5)
    assert likeness[2] == pytest.approx(1, abs=1e-5)


def test_scores_of_layers_and_outputs_add_up(probe, images):
    joined = logit("spiral") - 2 * channel(LAYER, 1)
    parts = probe.scores(images, logit("spiral")) - 2 * probe.scores(images, channel(LAYER, 1))
    np.testing.assert_allclose(probe.scores(images, joined), parts, rtol=1e-4, atol=1e-6)
    assert joined.name == "logit(spiral) - 2 * channel(conv2, 1)"


def test_the_gradient_is_the_derivative(probe, images):
    """By differences along one direction, in float32."""
    score, step = similarity(LAYER, pooled(probe, images)[0]), 2e-3
    answer = probe.gradients(images[1:2], score, "input")
    way = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    before, after = (probe.scores(images[1:2] + sign * step * way, score)[0] for sign in (-1, 1))
    assert (answer.gradients[0] * way).sum() == pytest.approx((after - before) / (2 * step), rel=0.02)


def test_at_its_own_layer_a_channels_gradient_is_one_over_the_places(probe, images):
    answer = probe.gradients(images, channel(LAYER, 3), at=LAYER)
    height, width = answer.values.shape[1:3]
    expected = np.zeros_like(answer.gradients)
    expected[..., 3] = 1 / (height * width)
    np.testing.assert_allclose(answer.gradients, expected, atol=1e-7)
    np.testing.assert_allclose(
        probe.scores_from_layer(LAYER, answer.values, channel(LAYER, 3)), answer.scores, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("network", [nested_network, sequential_network, augmented_network])
def test_every_kind_of_network_says_the_same(network, probe, images):
    twin, score = Probe(network(), CLASS_NAMES), channel(LAYER, 3)
    np.testing.assert_allclose(twin.scores(images, score), probe.scores(images, score), rtol=1e-4, atol=1e-6)
    ours, theirs = (each.gradients(images, score, "input").gradients for each in (probe, twin))
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-6)


def test_one_use_of_a_shared_layer_can_be_told_from_another(images):
    shared = Probe(shared_activation_network(), CLASS_NAMES)
    for use in ("relu#1", "relu#2"):
        expected = shared.activations(images, use, pooled=True)[:, 2]
        np.testing.assert_allclose(shared.scores(images, channel(use, 2)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"expected_gradients"}))
def test_every_method_explains_a_layers_score(name, images):
    probe, method = Probe(plain_network(), CLASS_NAMES), METHODS[name]
    # A CAM looks at the score's own layer or at one before it.
    options = {"layer": "conv1"} if method.needs_layer else {"warn": False} if method.caveat else {}
    found = method.function(probe, images[:2], channel(LAYER, 3), **options)
    assert np.isfinite(found.values).all()
    assert np.ptp(found.values)


def test_a_layer_behind_the_scores_has_no_say(probe, images):
    with pytest.raises(InputError, match="does not depend on layer 'logits'"):
        probe.gradients(images, channel(LAYER, 0), at="logits")


def test_what_is_not_there_is_told(probe, images):
    with pytest.raises(InputError, match="0 to 7"):
        probe.scores(images, channel(LAYER, 800))
    with pytest.raises(LayerNotFound, match="conv9"):
        probe.scores(images, channel("conv9", 0))
    with pytest.raises(InputError, match="One for each of the 8 channels"):
        probe.scores(images, logit(0) + direction(LAYER, [1.0, 2.0]))
    with pytest.raises(InputError, match="a whole number"):
        channel(LAYER, "3")
    with pytest.raises(InputError, match="not all of them 0"):
        direction(LAYER, np.zeros(8))


def test_tf_keras_vis_says_that_it_does_not_know_layers(probe, images):
    with pytest.raises(InputError, match="outputs only"):
        METHODS["gradient"].function(probe, images, channel(LAYER, 0), backend="tf-keras-vis")


@pytest.mark.parametrize(
    "score",
    [
        logit("spiral"),
        logit("spiral") - 0.5 * logit("smooth"),
        -1 * (logit("a") - channel("block3", 12)) * 2,
        logit(0) * logit(1) - (logit(2) - 3),
    ],
)
def test_what_a_score_is_called_can_be_read_back(score):
    assert read_score(score.name).name == score.name


def test_names_with_anything_in_them_stand_in_quotes():
    assert read_score('logit("edge-on") - logit("in between")') == logit("edge-on") - logit("in between")


@pytest.mark.parametrize(
    "text", ["", "3", "logit(", "logit(edge-on)", "os.system('x')", "logit(a) / 2", "open('x')", "logit(a, b, c)"]
)
def test_what_is_no_score_is_told_with_an_example(text):
    with pytest.raises(InputError, match="For example logit"):
        read_score(text)
