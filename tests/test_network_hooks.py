"""Hooks leave a network as it was."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from gz2interp.network.hooks import output_hook
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import logit
from gz2interp.testing import networks

# Keras itself turns its variables into arrays in a way that NumPy 2 is giving up, whenever it saves a network.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def model():
    return networks.plain_network()


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(4, *networks.SHAPE)).astype(np.float32)


def test_a_hook_records_and_may_replace(model, images):
    recorded = []
    with output_hook(model.get_layer("logits"), lambda tensor: recorded.append(tensor) or tf.zeros_like(tensor)):
        answer = model(images, training=False)
    np.testing.assert_allclose(answer, 1 / 3)
    assert recorded[0].shape == (4, 3)
    assert not np.allclose(model(images, training=False), 1 / 3)


@pytest.mark.parametrize("use", [0, 1])
def test_a_hook_chooses_among_the_uses_of_a_layer(images, use):
    model, shapes = networks.shared_activation_network(), []
    with output_hook(model.get_layer("relu"), lambda tensor: shapes.append(tuple(tensor.shape)) or tensor, use):
        model(images, training=False)
    assert shapes == [[(4, 16, 16, 6)], [(4, 8, 8, 8)]][use]


def test_hooks_are_removed_after_an_error(model, images):
    def fail(tensor):
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError), output_hook(model.get_layer("conv1"), fail):
        model(images, training=False)
    assert untouched(model)


def test_a_probe_leaves_no_trace_in_the_network(model, images, tmp_path):
    before = {layer.name: set(vars(layer)) for layer in model.layers}
    weights = [weight.numpy() for weight in model.weights]
    probe = Probe(model)
    probe.gradients(images, logit(0), at="conv1")
    probe.scores_from_layer("conv2", probe.activations(images, "conv2"), logit(0))
    assert untouched(model)
    assert {layer.name: set(vars(layer)) for layer in model.layers} == before
    for weight, kept in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), kept)
    model.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_allclose(again(images, training=False), probe.probabilities(images), atol=1e-6)


def test_several_threads_may_ask_one_probe(model, images):
    probe, answers = Probe(model, batch_size=2), {}
    places = ["scaled", "conv1", "pool1", "conv2"]

    def ask(place):
        answers[place] = probe.gradients(images, logit(1), at=place)

    threads = [threading.Thread(target=ask, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Probe(networks.plain_network())
    for place in places:
        np.testing.assert_allclose(
            answers[place].gradients, alone.gradients(images, logit(1), at=place).gradients, atol=1e-6
        )
    assert untouched(model)


def untouched(model):
    return not any("call" in vars(layer) for layer in model._flatten_layers())
