"""What networks say when a layer is made to say something else, and what attributions of layers sum to."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gz2interp.concepts.attribution import channel_contributions, completeness_of, path_attribution
from gz2interp.errors import InputError
from gz2interp.network.layer_scores import channel
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras
from gz2interp.network.scores import logit, probability
from gz2interp.testing import networks

KINDS = {
    "plain": networks.plain_network,
    "nested": networks.nested_network,
    "sequential": networks.sequential_network,
    "augmented": networks.augmented_network,
    "subclassed": networks.subclassed_network,
    "residual": networks.residual_network,
}
SCORES = (logit(1), logit(0) - logit(2), probability(2))


@cache
def probe_of(kind):
    return Probe(KINDS[kind](), batch_size=4)


def images_of(n=5, seed=3):
    return np.random.default_rng(seed).normal(size=(n, *networks.SHAPE)).astype(np.float32)


def close(values, expected, tolerance=2e-5):
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * max(float(np.abs(expected).max()), 1e-3))


@pytest.mark.parametrize("kind", ["sequential", "augmented", "subclassed", "residual"])
def test_a_layer_that_says_what_it_says_changes_nothing(kind):
    probe, images = probe_of(kind), images_of()
    for layer in ("conv1", "conv2"):
        said = probe.activations(images, layer)
        close(
            probe.scores_with_activations(images, layer, said, SCORES),
            np.stack([probe.scores(images, s) for s in SCORES], 1),
        )
        when, own = (
            probe.gradients_with_activations(images, layer, said, SCORES[1]),
            probe.gradients(images, SCORES[1], layer),
        )
        close(when.gradients, own.gradients)
        close(when.scores, own.scores)
        assert when.domain == own.domain


@pytest.mark.parametrize("kind", ["plain", "nested"])
def test_another_answer_is_followed_as_by_continuing_from_it(kind):
    probe, images = probe_of(kind), images_of()
    other = np.abs(probe.activations(images_of(seed=9), "conv1"))
    close(
        probe.scores_with_activations(images, "conv1", other, SCORES[:1])[:, 0],
        probe.scores_from_layer("conv1", other, SCORES[0]),
    )
    close(
        probe.gradients_with_activations(images, "conv1", other, SCORES[0]).gradients,
        probe.gradients_at(other, SCORES[0], "conv1").gradients,
    )


def test_what_passes_a_layer_by_is_still_heard():
    """The residual network's logit is linear behind "conv1": both ways to it are known from the weights."""
    probe, images = probe_of("residual"), images_of()
    silent = np.zeros_like(probe.activations(images, "conv2"))
    first = probe.activations(images, "conv1", pooled=True)
    kernel, bias = probe.model.get_layer("logits").get_weights()
    close(probe.scores_with_activations(images, "conv2", silent, SCORES[:1])[:, 0], (first @ kernel + bias)[:, 1])
    with pytest.raises(InputError, match="bypasses it"):
        probe.scores_from_layer("conv2", silent, SCORES[0])


@pytest.mark.parametrize(
    ("kind", "score"), [("nested", SCORES[1]), ("sequential", SCORES[1]), ("residual", SCORES[0]), ("plain", SCORES[2])]
)
def test_the_channels_of_a_path_sum_to_what_the_layer_adds(kind, score):
    probe, images = probe_of(kind), images_of(3)
    said = probe.activations(images, "conv1")

    def gradient_of(values):
        found = probe.gradients_with_activations(images, "conv1", values, score)
        return found.scores, found.gradients

    path = path_attribution(said, gradient_of, score.name, steps=64)
    rise = (
        probe.scores(images, score) - probe.scores_with_activations(images, "conv1", np.zeros_like(said), [score])[:, 0]
    )
    np.testing.assert_allclose(path.total, rise, atol=1e-5 * max(np.abs(rise).max(), 1))
    assert np.abs(path.gap).max() < 0.02 * np.abs(rise).max()  # ReLUs switch along the path
    np.testing.assert_allclose(path.places.sum(axis=(1, 2)), path.channels.sum(axis=1), atol=1e-4)


def accounts_of(kind, layer, images):
    """All channels of a layer are shown."""
    probe, score = probe_of(kind), logit(1)
    said = probe.activations(images, layer)
    empty, silent = np.zeros_like(images), np.zeros_like(said)

    def gradient_of(values):
        found = probe.gradients_with_activations(images, layer, values, score)
        return found.scores, found.gradients

    path = path_attribution(said, gradient_of, score.name)
    quiet = probe.scores_with_activations(images, layer, silent, [score])[:, 0]
    past = quiet - probe.scores_with_activations(empty, layer, silent, [score])[:, 0]
    return completeness_of(
        path.channels, np.zeros_like(path.channels), probe.scores(images, score) - quiet, past, score.name
    )


def test_a_layer_that_everything_passes_accounts_for_everything():
    for kind in ("plain", "nested", "sequential"):
        told = accounts_of(kind, "conv2", images_of())
        np.testing.assert_allclose(told.past, 0, atol=1e-6)
        np.testing.assert_allclose(told.share, 1, atol=1e-4)


def test_a_layer_that_is_passed_by_does_not_claim_what_it_did_not_carry():
    images = images_of()
    told = accounts_of("residual", "conv2", images)
    probe = probe_of("residual")
    kernel, _ = probe.model.get_layer("logits").get_weights()
    empty = probe.activations(np.zeros_like(images), "conv1", pooled=True)
    first = probe.activations(images, "conv1", pooled=True)
    second = probe.activations(images, "conv2", pooled=True)
    close(told.past, ((first - empty) @ kernel)[:, 1])
    close(told.shown, (second @ kernel)[:, 1])
    close(told.evidence, told.past + told.shown)
    assert np.abs(told.past).min() > 0.01
    assert np.nanmax(np.abs(told.share - 1)) > 0.1


@pytest.mark.parametrize("kind", ["plain", "nested", "residual"])
def test_gradients_along_a_vector_are_those_of_the_channels(kind):
    probe, images = probe_of(kind), images_of(3)
    channels = probe.layer("conv2").shape[-1]
    for number in (0, channels - 1):
        along = probe.gradients_along(images, "conv2", np.eye(channels)[number], "conv1")
        own = probe.gradients(images, channel("conv2", number), "conv1")
        close(along.gradients, own.gradients)
        close(along.scores, own.scores)
    vector = np.arange(channels)
    summed = probe.gradients_along(images, "conv2", vector, "conv1").gradients
    each = [probe.gradients_along(images, "conv2", np.eye(channels)[k], "conv1").gradients * k for k in vector]
    close(summed, np.sum(each, axis=0))


def test_between_layers_is_exact_where_the_way_is_linear():
    image = keras.Input(networks.SHAPE)
    first = keras.layers.Conv2D(3, 3, activation="relu", padding="same", name="first")(image)
    second = keras.layers.Conv2D(4, 1, use_bias=False, name="second")(first)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(second))
    probe, images = Probe(keras.Model(image, logits)), images_of(2)
    said, kernel = probe.activations(images, "first"), probe.model.get_layer("second").get_weights()[0][0, 0]
    for number in range(4):
        along = probe.gradients_along(images, "second", np.eye(4)[number], "first")
        close(channel_contributions(said, along.gradients), said.mean(axis=(1, 2)) * kernel[:, number])


def test_questions_of_another_shape_are_refused():
    probe, images = probe_of("plain"), images_of(2)
    with pytest.raises(InputError, match="Activations of layer"):
        probe.scores_with_activations(images, "conv2", np.zeros((2, 3, 3, 1)), SCORES)
    with pytest.raises(InputError, match="2 images and 3 activations"):
        probe.scores_with_activations(images, "conv2", probe.activations(images_of(3), "conv2"), SCORES)
    with pytest.raises(InputError, match="2 images and 1 activations"):
        probe.gradients_with_activations(images, "conv2", probe.activations(images[:1], "conv2"), SCORES[0])
    with pytest.raises(InputError, match="Vectors"):
        probe.gradients_along(images, "conv2", np.zeros(3), "conv1")
    with pytest.raises(InputError, match="does not depend"):
        probe.gradients_along(images, "conv1", np.ones(6), "conv2")
