"""A probe answers alike whatever the network's kind, and as the network itself would."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gz2interp.errors import InputError, LayerNotFound
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import logit, probability
from gz2interp.testing import networks

TWINS = {
    "plain": networks.plain_network,
    "nested": networks.nested_network,
    "sequential": networks.sequential_network,
    "augmented": networks.augmented_network,
    "dense_softmax": networks.dense_softmax_network,
    "separate_softmax": networks.separate_softmax_network,
    "shared_activation": networks.shared_activation_network,
    "subclassed": networks.subclassed_network,
}
OTHERS = {"sigmoid": networks.sigmoid_network, "pooled": networks.pooled_network}
SCORE = logit(1) - 0.5 * logit(0)


@cache
def probe_of(kind):
    return Probe((TWINS | OTHERS)[kind](), batch_size=4)


def images_of(n=5, seed=3):
    return np.random.default_rng(seed).normal(size=(n, *networks.SHAPE)).astype(np.float32)


def close(values, expected, tolerance=1e-5):
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * max(float(np.abs(expected).max()), 1e-3))


@pytest.mark.parametrize("kind", TWINS)
def test_twins_give_the_same_answers(kind):
    images, twin, plain = images_of(), probe_of(kind), probe_of("plain")
    close(twin.probabilities(images), plain.probabilities(images))
    close(twin.logits(images), plain.logits(images))
    close(twin.gradients(images, SCORE).gradients, plain.gradients(images, SCORE).gradients)


@pytest.mark.parametrize("kind", ["nested", "sequential", "augmented"])
def test_twins_look_alike_inside(kind):
    images, twin, plain = images_of(), probe_of(kind), probe_of("plain")
    close(twin.activations(images, "conv2"), plain.activations(images, "conv2"))
    close(twin.gradients(images, SCORE, at="conv1").gradients, plain.gradients(images, SCORE, at="conv1").gradients)


@pytest.mark.parametrize("kind", TWINS | OTHERS)
def test_probabilities_are_what_the_network_says(kind):
    images, probe = images_of(), probe_of(kind)
    answer = np.asarray(probe.model(images, training=False))
    close(probe.probabilities(images)[:, -1], answer[:, -1])
    assert probe.probabilities(images).dtype == probe.logits(images).dtype == np.float32


@pytest.mark.parametrize("kind", TWINS | OTHERS)
def test_continuing_from_what_a_layer_says_gives_the_score(kind):
    images, probe = images_of(), probe_of(kind)
    for layer in probe.layers:
        said = probe.activations(images, layer.name)
        assert said.shape[1:] == layer.shape
        close(probe.scores_from_layer(layer.name, said, SCORE), probe.scores(images, SCORE))


@pytest.mark.parametrize("kind", TWINS | OTHERS)
def test_asking_twice_gives_the_same(kind):
    images, probe = images_of(), probe_of(kind)
    for _ in range(2):
        np.testing.assert_array_equal(probe.scores(images, SCORE), probe.scores(images, SCORE))
        answers = [probe.gradients(images, SCORE) for _ in range(2)]
        np.testing.assert_array_equal(answers[0].gradients, answers[1].gradients)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 9])
def test_batches_do_not_matter(n):
    images, probe = images_of(n), probe_of("plain")
    whole = Probe(probe.model, batch_size=100)
    np.testing.assert_allclose(probe.logits(images), whole.logits(images), atol=1e-5)
    assert probe.logits(images).shape == (n, 3)
    assert probe.gradients(images, SCORE, at="conv1").gradients.shape == (n, 16, 16, 6)


def test_an_odd_last_batch_is_not_traced_again():
    probe, traces = Probe(networks.plain_network(), batch_size=4), []
    layer = probe.model.get_layer("conv1")
    original = layer.call
    vars(layer)["call"] = lambda *args, **kwargs: traces.append(1) or original(*args, **kwargs)
    for n in (7, 3, 8, 1):
        probe.gradients(images_of(n), SCORE)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("plain", "layer named logits"),
        ("subclassed", "layer named logits"),
        ("dense_softmax", "last Dense layer, predictions, before its activation"),
        ("separate_softmax", "last Dense layer, evidence, before its activation"),
        ("sigmoid", "last Dense layer, answer, before its activation"),
        ("pooled", "what enters the last softmax or sigmoid, from layer mean"),
    ],
)
def test_the_logit_rule_is_told(kind, rule):
    assert probe_of(kind).logit_rule == rule


def test_a_single_sigmoid_has_two_classes():
    probe, images = probe_of("sigmoid"), images_of()
    assert probe.class_names == ("class 0", "class 1")
    close(probe.logits(images)[:, 0], -probe.logits(images)[:, 1])
    close(probe.probabilities(images).sum(axis=1), np.ones(5))
    close(1 / (1 + np.exp(-probe.logits(images)[:, 1])), probe.probabilities(images)[:, 1])


def test_without_a_dense_layer_logits_are_what_enters_the_softmax():
    probe, images = probe_of("pooled"), images_of()
    close(probe.logits(images), probe.activations(images, "mean"))


def test_a_network_that_ends_in_logits_gets_its_probabilities():
    plain = networks.plain_network()
    bare = Probe(keras.Model(plain.inputs, plain.get_layer("logits").output))
    assert bare.logit_rule == "layer named logits; no activation follows"
    close(bare.probabilities(images_of()), probe_of("plain").probabilities(images_of()))


def test_a_dense_layer_that_is_not_the_last_word_is_not_taken_for_the_logits():
    image = keras.Input(networks.SHAPE)
    dense = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Softmax()(keras.layers.Rescaling(3.0, name="sharper")(dense)))
    assert Probe(model).logit_rule == "what enters the last softmax or sigmoid, from layer sharper"


def test_layers_are_those_one_would_choose_in_the_order_of_computation():
    assert [layer.name for layer in probe_of("augmented").layers] == [
        "scaled", "conv1", "pool1", "conv2", "mean", "logits"
    ]  # fmt: skip
    assert [layer.name for layer in probe_of("nested").layers] == [
        "scaled", "backbone/conv1", "backbone/pool1", "backbone/conv2", "backbone/mean", "logits"
    ]  # fmt: skip
    assert [layer.name for layer in probe_of("shared_activation").layers][1:3] == ["conv1", "relu#1"]
    info = probe_of("nested").layers[3]
    assert (info.kind, info.shape, info.spatial) == ("Conv2D", (8, 8, 8), True)


def test_the_default_layer_is_the_last_that_knows_where_things_are():
    assert probe_of("plain").default_layer == "conv2"
    assert probe_of("nested").default_layer == "backbone/conv2"
    assert probe_of("shared_activation").default_layer == "relu#2"


def test_a_network_without_a_spatial_layer_says_so():
    with pytest.raises(InputError, match=r"no layer of shape \(y, x, channel\)"):
        _ = Probe(networks.linear_network(np.ones((4, 4, 5, 3)))).default_layer


def test_the_last_part_of_a_name_will_do():
    images, probe = images_of(2), probe_of("nested")
    np.testing.assert_array_equal(probe.activations(images, "conv1"), probe.activations(images, "backbone/conv1"))
    np.testing.assert_array_equal(probe.activations(images, "backbone"), probe.activations(images, "backbone/mean"))


def test_a_short_name_leads_to_the_whole():
    info = probe_of("nested").layer("conv2")
    assert info == probe_of("nested").layers[3]
    assert info.name == "backbone/conv2"


def test_an_unknown_layer_is_told_with_those_there_are():
    with pytest.raises(LayerNotFound, match=r"'conv9' is not in .* convolutions are conv1, conv2 - the last is conv2"):
        probe_of("plain").activations(images_of(1), "conv9")
    with pytest.raises(LayerNotFound, match=r"'relu' occurs several times .* relu#1, relu#2"):
        probe_of("shared_activation").activations(images_of(1), "relu")


def test_pooled_activations_are_the_mean_over_the_plane():
    images, probe = images_of(), probe_of("plain")
    close(probe.activations(images, "conv1", pooled=True), probe.activations(images, "conv1").mean(axis=(1, 2)))
    close(probe.activations(images, "mean", pooled=True), probe.activations(images, "mean"))


def test_gradients_agree_with_finite_differences_pixel_by_pixel():
    weights = np.random.default_rng(0).normal(size=(3, 4, 5, 3)) / 4
    probe = Probe(networks.linear_network(weights))  # smooth: no ReLU and no maximum bends between the two sides
    image = np.random.default_rng(1).normal(size=(1, 3, 4, 5)).astype(np.float32)
    score = logit(2) * probability(1) - logit(0)
    gradients = probe.gradients(image, score).gradients.ravel()
    steps = 1e-2 * np.eye(60, dtype=np.float32).reshape(60, 3, 4, 5)
    slopes = (probe.scores(image + steps, score) - probe.scores(image - steps, score)) / 2e-2
    close(slopes, gradients, tolerance=1e-3)


def test_gradients_agree_with_finite_differences_along_themselves():
    probe, images = probe_of("plain"), images_of()
    gradients = probe.gradients(images, SCORE, at="input").gradients
    lengths = np.sqrt((gradients**2).sum(axis=(1, 2, 3), keepdims=True))
    step = 0.05 * gradients / lengths
    slopes = (probe.scores(images + step, SCORE) - probe.scores(images - step, SCORE)) / 0.1
    close(slopes, lengths.ravel(), tolerance=1e-2)


def test_the_chain_rule_leads_from_the_scaled_image_to_the_input():
    probe, images = probe_of("plain"), images_of()
    scaled, at_input = probe.gradients(images, SCORE), probe.gradients(images, SCORE, at="input")
    assert (scaled.domain, at_input.domain) == ("scaled", "input")
    close(scaled.values, 0.5 * images + 0.1)
    close(0.5 * scaled.gradients, at_input.gradients)
    np.testing.assert_array_equal(at_input.values, images)
    assert probe_of("sigmoid").gradients(images, SCORE).domain == "input"
    assert probe.gradients(images, SCORE, at="conv1").domain == "conv1"


def test_the_logits_layer_can_be_looked_at_too():
    images, probe = images_of(), probe_of("plain")
    np.testing.assert_array_equal(probe.gradients(images, SCORE, at="logits").gradients, [[-0.5, 1, 0]] * 5)


def test_a_layer_behind_the_logits_does_not_explain_them():
    with pytest.raises(InputError, match="does not depend on layer 'softmax"):
        probe_of("plain").gradients(images_of(1), SCORE, at=probe_of("plain").model.layers[-1].name)


def test_a_connection_that_skips_a_layer_is_seen():
    probe, images = Probe(networks.residual_network()), images_of()
    close(probe.scores_from_layer("join", probe.activations(images, "join"), SCORE), probe.scores(images, SCORE))
    with pytest.raises(InputError, match="does not follow from layer 'conv2' alone"):
        probe.scores_from_layer("conv2", probe.activations(images, "conv2"), SCORE)


def test_a_dropout_at_rest_does_not_let_a_skip_connection_pass_for_its_own():
    image = keras.Input(networks.SHAPE)
    rested = keras.layers.Dropout(0.5, name="rest")(image)
    both = keras.layers.Concatenate()([image, rested])
    logits = keras.layers.Dense(2, name="logits", kernel_initializer="ones")(keras.layers.Flatten()(both))
    probe = Probe(keras.Model(image, keras.layers.Softmax()(logits)))
    assert np.unique(probe.gradients(images_of(1), logit(0), at="rest").gradients) == [1]
    assert np.unique(probe.gradients(images_of(1), logit(0), at="input").gradients) == [2]


def test_a_network_for_any_size_takes_any_size():
    image = keras.Input((None, None, 5))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="conv")(image))
    probe = Probe(keras.Model(image, keras.layers.Dense(2, activation="softmax")(pooled)))
    for side in (8, 12):
        images = np.random.default_rng(side).normal(size=(3, side, side, 5)).astype(np.float32)
        said = probe.activations(images, "conv")
        assert said.shape == (3, side - 2, side - 2, 4)
        close(probe.scores_from_layer("conv", said, SCORE), probe.scores(images, SCORE))
        assert probe.gradients(images, SCORE).gradients.shape == images.shape


def test_mixed_precision_answers_in_float32():
    image = keras.Input(networks.SHAPE)
    features = keras.layers.Conv2D(4, 3, dtype="mixed_float16", name="conv")(image)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="mixed_float16")(features)
    logits = keras.layers.Dense(2, name="logits")(pooled)
    probe = Probe(keras.Model(image, keras.layers.Softmax()(logits)))
    answer = probe.gradients(images_of(), SCORE, at="conv")
    assert answer.values.dtype == answer.gradients.dtype == np.float32
    close(probe.scores_from_layer("conv", answer.values, SCORE), answer.scores, tolerance=1e-2)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_plain_softmax_in_half_precision_has_its_logits(policy, scale):
    image = keras.Input(networks.SHAPE)
    flat = keras.layers.Flatten()(image)
    start = keras.initializers.RandomNormal(stddev=0.1, seed=1)
    dense = keras.layers.Dense(5, activation="softmax", name="dense", dtype=policy, kernel_initializer=start)(flat)
    assert Probe(keras.Model(image, dense)).logit_rule == "last Dense layer, dense, before its activation"
    bare = keras.layers.Dense(5, dtype=policy, kernel_initializer=start)(flat)
    sharper = keras.layers.Softmax(dtype=policy)(keras.layers.Rescaling(1 + scale, dtype=policy, name="more")(bare))
    rule = "what enters the last softmax or sigmoid, from layer more"
    assert Probe(keras.Model(image, sharper)).logit_rule == rule


def test_a_layer_named_scaled_that_gives_no_image_is_not_the_scaled_image():
    image = keras.Input(networks.SHAPE)
    scaled = keras.layers.Conv2D(5, 3, name="scaled")(image)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(scaled))
    answer = Probe(keras.Model(image, keras.layers.Softmax()(logits))).gradients(images_of(), SCORE)
    assert (answer.domain, answer.values.shape) == ("input", images_of().shape)


def test_what_the_network_learns_later_is_seen():
    probe, images = Probe(networks.plain_network()), images_of()
    before = probe.logits(images)
    bias = probe.model.get_layer("logits").bias
    bias.assign(bias + 1.0)
    close(probe.logits(images), before + 1)


def test_class_names_are_used_and_counted():
    probe = Probe(networks.plain_network(), networks.CLASS_NAMES)
    np.testing.assert_array_equal(probe.scores(images_of(), logit("spiral")), probe.scores(images_of(), logit(1)))
    with pytest.raises(InputError, match="classes are smooth, spiral, edge-on"):
        probe.scores(images_of(), logit("bar"))
    with pytest.raises(InputError, match=r"2 class names were given: a, b\. The network has 3 classes"):
        Probe(networks.plain_network(), ["a", "b"])


@pytest.mark.parametrize("shape", [(2, 16, 16, 3), (16, 16, 5), (2, 8, 16, 5)])
def test_images_of_another_shape_are_told_what_would_do(shape):
    with pytest.raises(InputError, match=r"were given\. The network takes \(n, 16, 16, 5\)"):
        probe_of("plain").probabilities(np.zeros(shape, np.float32))


def test_activations_of_another_shape_are_refused():
    with pytest.raises(InputError, match="Activations of layer 'conv2'"):
        probe_of("plain").scores_from_layer("conv2", np.zeros((2, 8, 8, 7)), SCORE)


def test_a_network_that_answers_something_else_is_refused():
    image = keras.Input(networks.SHAPE)
    with pytest.raises(InputError, match=r"has shape \(4, 14, 14, 3\)"):
        Probe(keras.Model(image, keras.layers.Conv2D(3, 3)(image)))
    flat = keras.layers.Flatten()(image)
    with pytest.raises(InputError, match="has 2 parts"):
        Probe(keras.Model(image, [keras.layers.Dense(2)(flat), keras.layers.Dense(3)(flat)]))
    with pytest.raises(InputError, match="has no input shape yet"):
        Probe(networks.Subclassed())
    with pytest.raises(InputError, match="takes inputs of shape"):
        Probe(keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)]))


def test_memory_is_bounded_by_the_batch_size():
    probe, seen = Probe(networks.plain_network(), batch_size=6), []
    probe.logits(images_of(1))
    compiled = probe._functions._compiled["outputs"]
    probe._functions._compiled["outputs"] = lambda batch: seen.append(len(batch)) or compiled(batch)
    probe.logits(images_of(20))
    assert sum(seen) == 20
    assert max(seen) == 3  # two of them side by side
    assert tf.executing_eagerly()
