"""The networks, and the scaling inside them: known values, names to choose from, files that open anywhere."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from gz2interp.errors import InputError
from gz2interp.network.quiet import keras
from trainer.networks import NETWORKS, build_network
from trainer.scaling import SCALED, SCALINGS, sky_noise

SOFTENING = (0.1, 0.2, 0.4)
OPEN_ELSEWHERE = """
import sys, keras, numpy as np
images = np.load("images.npy")
for name in sys.argv[1:]:
    model = keras.models.load_model(f"{name}.keras", safe_mode=True)
    np.save(f"{name}.npy", model(images, training=False))
assert not any(module.split(".")[0] in ("trainer", "gz2interp") for module in sys.modules)
"""


def _network(name="cnn", scaling="asinh", class_count=5, size=24):
    return build_network(name, shape=(size, size), class_count=class_count, scaling=scaling, softening=SOFTENING)


def _images(count=3, size=24):
    return np.random.default_rng(0).gamma(1, 1, (count, size, size, len(SOFTENING))).astype(np.float32)


def _scaled(scaling, images):
    model = _network(scaling=scaling, size=images.shape[1])
    return keras.Model(model.input, model.get_layer(SCALED).output)(images, training=False).numpy()


def test_asinh_is_as_it_says():
    images = _images()
    expected = np.arcsinh(images / np.array(SOFTENING)) / np.arcsinh(100)
    np.testing.assert_allclose(_scaled("asinh", images), expected, rtol=1e-5)


def test_minmax_fills_nought_to_one_in_each_band_of_each_galaxy():
    images = _images()
    images[0, :, :, 1] = 3.0  # a band without any contrast
    seen = _scaled("minmax", images)
    assert not seen[0, :, :, 1].any()
    np.testing.assert_allclose(seen[1:].min(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(seen[1:].max(axis=(1, 2)), 1, atol=1e-6)


# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_every_network_opens_in_safe_mode_in_a_process_that_knows_nothing_of_us(tmp_path):
    images, expected = _images(), {}
    for name, scaling in itertools.product(NETWORKS, SCALINGS):
        model = _network(name, scaling)
        expected[f"{name}-{scaling}"] = model(images, training=False).numpy()
        model.save(tmp_path / f"{name}-{scaling}.keras")
    np.save(tmp_path / "images.npy", images)
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", OPEN_ELSEWHERE, *expected], cwd=tmp_path, env=quiet, check=True)
    for name, outputs in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), outputs, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("class_count", [2, 5])
def test_outputs_are_probabilities(name, class_count):
    model = _network(name, class_count=class_count)
    outputs = model(_images(), training=False).numpy()
    if name == "original" and class_count == 2:
        assert outputs.shape == (3, 1)
        assert ((outputs > 0) & (outputs < 1)).all()
    else:
        np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("size", [24, 25, 32])
def test_to_the_symmetric_network_a_turned_galaxy_is_the_same(size):
    model = _network("d4", size=size)
    generator = np.random.default_rng(3)
    for norm in (layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)):
        for weight in norm.weights:  # as after training, with scales of either sign
            weight.assign(generator.uniform(0.5, 1.5, weight.shape) * generator.choice([-1, 1], weight.shape))
        norm.moving_variance.assign(np.abs(norm.moving_variance.numpy()))
    names = ("stem", "block1", "block2", "block3", "pooled", "logits")
    taps = keras.Model(model.input, [model.get_layer(name).output for name in names])
    images = _images(2, size)
    expected = [values.numpy() for values in taps(images, training=False)]
    assert np.ptp(expected[-1]) > 1e-3
    for turns, mirrored in itertools.product(range(4), (False, True)):
        turned = _turned(images, turns, mirrored)
        for before, after in zip(expected, taps(turned, training=False), strict=True):
            known = before if before.ndim == 2 else _turned(before, turns, mirrored)
            np.testing.assert_allclose(after, known, atol=3e-5 * np.abs(before).max())


def _turned(images, turns, mirrored):
    turned = np.rot90(images, turns, axes=(1, 2))
    return turned[:, :, ::-1].copy() if mirrored else turned.copy()


def test_the_plain_residual_network_is_the_published_one():
    model = _network("resnet", size=64)
    convolutions = [
        layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size > (1, 1)
    ]
    assert len(convolutions) == 19
    assert [layer.filters for layer in convolutions] == [16] * 7 + [32] * 6 + [64] * 6
    assert model.get_layer("stage3_3").output.shape[1:] == (8, 8, 64)


def test_our_network_has_names_a_person_would_choose_from():
    model = _network(size=64)
    grids = {name: model.get_layer(name).output.shape[1:3] for name in ("stem", "block1", "block2", "block3")}
    assert grids == {"stem": (32, 32), "block1": (16, 16), "block2": (8, 8), "block3": (8, 8)}
    assert isinstance(model.get_layer("logits"), keras.layers.Dense)
    assert model.get_layer("logits").activation is keras.activations.linear


def test_the_original_is_the_original():
    model = _network("original", class_count=2, size=64)
    layers = [type(layer).__name__ for layer in model.layers]
    start = layers.index("Conv2D")
    assert " ".join(layers[start:]) == (
        "Conv2D Dropout Conv2D MaxPooling2D Dropout Conv2D MaxPooling2D Dropout Conv2D Dropout "
        "Flatten Dense Dropout Dense"
    )
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(layer.filters, *layer.kernel_size) for layer in convolutions] == [
        (32, 6, 6),
        (64, 5, 5),
        (128, 2, 2),
        (128, 3, 3),
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [
        0.5,
        0.25,
        0.25,
        0.25,
        0.5,
    ]


def test_cutouts_too_small_and_unknown_networks_are_refused_in_words():
    with pytest.raises(InputError, match="12 x 12 pixels are too small for the network 'original'"):
        _network("original", size=12)
    with pytest.raises(InputError, match="cnn, d4, original, resnet"):
        _network("vgg")


def test_sky_noise_is_that_of_the_sky_whatever_stands_in_the_middle():
    generator = np.random.default_rng(1)
    images = generator.normal(0.02, SOFTENING, (60, 64, 64, 3)).astype(np.float32)
    images[:, 20:44, 20:44] += 100
    images[::3, :, -2:] += 50  # a star at the edge
    valid = np.ones(images.shape[:3], np.bool_)
    valid[5] = False
    images[5] = 0
    np.testing.assert_allclose(sky_noise(images, valid), SOFTENING, rtol=0.05)


def test_a_sky_without_noise_gets_a_softening_above_zero():
    images = np.zeros((4, 32, 32, 2), np.float32)
    images[:, 16, 16, 0] = 50.0
    np.testing.assert_allclose(sky_noise(images, np.ones((4, 32, 32), np.bool_)), [0.5, 1.0])
