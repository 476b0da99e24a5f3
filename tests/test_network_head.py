"""The logits are what enters the last softmax or sigmoid, whatever the layers; and a broken network is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import grad_cam, gradient
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import logit

L = keras.layers
SHAPE = (12, 12, 3)
IMAGES = np.random.default_rng(0).normal(size=(6, *SHAPE)).astype(np.float32)


def maps(image, channels=4):
    return L.Conv2D(channels, 3, name="maps")(image)


def softmax_behind_pooling(image):
    logits = L.GlobalAveragePooling2D()(maps(image))
    return logits, L.Softmax()(logits)


def softmax_behind_batch_norm(image):
    logits = L.BatchNormalization()(L.Dense(4)(L.Flatten()(image)))
    return logits, L.Activation("softmax")(logits)


def softmax_behind_rescaling(image):
    logits = L.Rescaling(2.0, 0.5)(L.Dense(4)(L.Flatten()(image)))
    return logits, L.Softmax()(logits)


def softmax_of_a_convolution(image):
    pooled = L.GlobalAveragePooling2D(keepdims=True)(maps(image))
    answer = L.Flatten()(L.Conv2D(4, 1, activation="softmax", name="last")(pooled))
    return None, answer


def sigmoid_of_a_convolution(image):
    logits = L.Conv2D(1, 10, name="last")(L.Conv2D(2, 3)(image))
    return L.Flatten()(logits), L.Reshape((1,))(L.Activation("sigmoid")(logits))


def softmax_of_an_add(image):
    flat = L.Flatten()(image)
    logits = L.Add()([L.Dense(4)(flat), L.GlobalMaxPooling2D()(maps(image))])
    return logits, keras.ops.softmax(logits)


def softmax_of_an_operation(image):
    logits = 2.0 * L.Dense(4)(L.Flatten()(image)) - 1.0
    return logits, L.Softmax()(logits)


def nested_head(image):
    inner = keras.Input((4,))
    head = keras.Model(inner, L.Softmax()(L.Rescaling(3.0)(inner)), name="head")
    pooled = L.GlobalAveragePooling2D()(maps(image))
    return L.Rescaling(3.0)(pooled), head(pooled)


def several_sigmoids(image):
    flat = L.Flatten()(image)
    parts = [L.Dense(1)(flat) for _ in range(3)]
    return L.Concatenate()(parts), L.Concatenate()([L.Activation("sigmoid")(part) for part in parts])


HEADS = [
    softmax_behind_pooling,
    softmax_behind_batch_norm,
    softmax_behind_rescaling,
    softmax_of_a_convolution,
    sigmoid_of_a_convolution,
    softmax_of_an_add,
    softmax_of_an_operation,
    nested_head,
    several_sigmoids,
]


def built(head):
    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE)
    logits, answer = head(image)
    return keras.Model(image, answer), None if logits is None else keras.Model(image, logits)


@pytest.mark.parametrize("head", HEADS)
def test_what_enters_the_last_activation_is_the_logits(head):
    model, up_to_logits = built(head)
    probe = Probe(model)
    assert "log p" not in probe.logit_rule
    logits = probe.logits(IMAGES)
    if up_to_logits is not None:
        expected = np.asarray(up_to_logits(IMAGES, training=False))
        np.testing.assert_allclose(logits[:, -expected.shape[1] :], expected, rtol=1e-5, atol=1e-6)
    answer = np.asarray(model(IMAGES, training=False))
    single = logits[:, -answer.shape[1] :]
    activated = [tf.nn.softmax(single).numpy(), tf.sigmoid(single).numpy()]
    assert min(np.abs(each - answer).max() for each in activated) < 1e-5


@pytest.mark.parametrize("head", HEADS)
def test_maps_live_where_the_network_is_sure(head):
    """A hundred times the image makes the network sure; the logits' gradient knows nothing of the softmax."""
    model, _ = built(head)
    probe = Probe(model)
    for images in (IMAGES, 300 * IMAGES):
        for number in range(len(probe.class_names)):
            slopes = gradient(probe, images, logit(number)).values
            assert np.isfinite(slopes).all()
            assert (np.abs(slopes).sum(axis=(1, 2, 3)) > 1e-4).all()


def test_grad_cam_behind_a_pooled_softmax_is_that_of_the_pooled_map():
    model, _ = built(softmax_behind_pooling)
    weights = model.get_layer("maps").get_weights()
    model.get_layer("maps").set_weights([4000 * weights[0], weights[1]])
    probe = Probe(model)
    cells = probe.activations(IMAGES, "maps")
    cam = grad_cam(probe, IMAGES, logit(2), "maps").values
    np.testing.assert_allclose(cam[:, 6, 6], cells[:, 5, 5, 2] / cells[0, ..., 0].size, rtol=1e-3)


def test_the_mean_of_two_softmaxes_falls_back_and_still_has_gradients():
    def mean(image):
        flat = L.Flatten()(image)
        return None, L.Average()([L.Dense(3, activation="softmax")(flat) for _ in range(2)])

    probe = Probe(built(mean)[0])
    assert probe.logit_rule == "log p - log(1 - p)"
    p = probe.probabilities(IMAGES).astype(np.float64)
    np.testing.assert_allclose(probe.logits(IMAGES), np.log(p) - np.log(1 - p), rtol=1e-3, atol=1e-4)
    sure = 20 * IMAGES  # 1 - p has rounded to 0 for some
    assert (1 - probe.probabilities(sure).max(axis=1)).min() < 1e-7
    slopes = gradient(probe, sure, logit(0)).values
    assert (np.abs(slopes).sum(axis=(1, 2, 3)) > 0).all()


def test_answers_that_happen_to_lie_between_0_and_1_are_no_probabilities():
    def small(image):
        answer = L.Dense(3, kernel_initializer=keras.initializers.RandomUniform(0, 1e-4), bias_initializer="ones")
        return None, L.Rescaling(0.5)(answer(L.Flatten()(image)))

    model, _ = built(small)
    answer = np.asarray(model(IMAGES, training=False))
    assert answer.min() > 0
    assert answer.max() < 1
    probe = Probe(model)
    np.testing.assert_allclose(probe.logits(IMAGES), answer, rtol=1e-6)
    np.testing.assert_allclose(probe.probabilities(IMAGES), tf.nn.softmax(answer), rtol=1e-5)


def test_scores_without_an_activation_are_logits_whatever_the_last_layer():
    probe = Probe(built(lambda image: (None, L.GlobalAveragePooling2D(name="last")(maps(image))))[0])
    assert probe.logit_rule == "layer last; no activation follows"
    np.testing.assert_allclose(probe.probabilities(IMAGES).sum(axis=1), 1, rtol=1e-5)


def test_logarithms_of_probabilities_are_read_as_such():
    def head(image):
        logits = L.Dense(4, name="last")(L.Flatten()(image))
        return logits, keras.ops.log_softmax(logits)

    model, up_to_logits = built(head)
    probe = Probe(model)
    expected = np.asarray(up_to_logits(IMAGES, training=False))
    np.testing.assert_allclose(probe.logits(IMAGES), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(probe.probabilities(IMAGES), np.exp(model(IMAGES, training=False)), rtol=1e-5)


def divided_by_a_temperature(logits):
    class Temperature(L.Layer):
        def build(self, _shape):
            self.value = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.5))

        def call(self, values):
            return values / self.value

    return Temperature()(logits)


@pytest.mark.parametrize("name", ["scores", "logits"])
@pytest.mark.parametrize(
    "then",
    [divided_by_a_temperature, L.Rescaling(0.4), L.BatchNormalization()],
    ids=["temperature", "rescaling", "normalised"],
)
@pytest.mark.parametrize("last", ["linear", "softmax"])
def test_what_follows_a_layer_takes_part_in_the_logits_whatever_its_name(name, then, last):
    def head(image):
        logits = then(L.Dense(4, name=name)(L.Flatten()(image)))
        return logits, L.Activation(last)(logits)

    model, up_to_logits = built(head)
    probe, expected = Probe(model), np.asarray(up_to_logits(IMAGES, training=False))
    np.testing.assert_allclose(probe.logits(IMAGES), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(probe.probabilities(IMAGES), tf.nn.softmax(expected), rtol=1e-5)


def shares_by_hand(logits):
    powers = keras.ops.exp(logits)
    return powers / (keras.ops.sum(powers, axis=-1, keepdims=True) + 1e-7)


def shares_of_evidence(logits):
    evidence = keras.ops.softplus(logits) + 1.0
    return evidence / keras.ops.sum(evidence, axis=-1, keepdims=True)


def one_by_one_plus(logits):
    return 1.0 / (1.0 + keras.ops.exp(-logits))


@pytest.mark.parametrize("shares", [shares_by_hand, shares_of_evidence, one_by_one_plus])
def test_shares_of_a_sum_are_probabilities(shares):
    model, _ = built(lambda image: (None, shares(L.Dense(3)(L.Flatten()(image)))))
    probe, answer = Probe(model), np.asarray(model(IMAGES, training=False))
    np.testing.assert_allclose(probe.probabilities(IMAGES), answer, rtol=1e-6)
    np.testing.assert_allclose(probe.logits(IMAGES), np.log(answer) - np.log(1 - answer), rtol=1e-3, atol=1e-4)


def test_what_is_divided_by_its_length_is_no_probability():
    def directions(image):
        said = L.Dense(3)(L.Flatten()(image))
        return None, said / keras.ops.sqrt(keras.ops.sum(said**2, axis=-1, keepdims=True))

    model, _ = built(directions)
    np.testing.assert_allclose(Probe(model).logits(IMAGES), np.asarray(model(IMAGES, training=False)), rtol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_with_their_layer(value):
    model, _ = built(softmax_behind_pooling)
    weights = model.get_layer("maps").get_weights()
    weights[0][0, 0, 0, 0] = value
    model.get_layer("maps").set_weights(weights)
    with pytest.raises(InputError, match=r"not finite, first in .*maps/kernel.*diverged"):
        Probe(model)


def test_answers_that_are_not_finite_are_refused():
    model, _ = built(softmax_behind_pooling)
    weights = model.get_layer("maps").get_weights()
    model.get_layer("maps").set_weights([np.full_like(weights[0], 3e38), weights[1]])
    with pytest.raises(InputError, match="not finite for images of noise"):
        Probe(model)


def test_answers_that_are_not_finite_to_real_images_are_refused():
    image = keras.Input(SHAPE)
    root = keras.ops.sqrt(keras.ops.mean(image, axis=(1, 2)) + 0.5)
    probe = Probe(keras.Model(image, L.Dense(2, activation="softmax")(root)))
    assert np.isfinite(probe.probabilities(IMAGES)).all()
    with pytest.raises(InputError, match="not finite for 1 of 2 images"):
        probe.probabilities(np.stack([IMAGES[0], IMAGES[0] - 5]))
