"""A cell is drawn at the centroid of its gradient, whatever the network."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import grad_cam
from gz2interp.network import geometry
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, tf
from gz2interp.network.scores import logit

L = keras.layers
SQUARE, ODD = (64, 64, 3), (61, 50, 3)


def conv(kernel=3, stride=1, padding="same", channels=4, **options):
    return L.Conv2D(channels, kernel, strides=stride, padding=padding, activation="relu", **options)


def residual(image):
    for stride in (2, 1, 2):
        inside = conv(3)(conv(3, stride)(image))
        shortcut = image if image.shape[-1] == 4 and stride == 1 else L.Conv2D(4, 1, strides=stride)(image)
        image = L.ReLU()(L.Add()([inside, shortcut]))
    return image


def inception(image):
    image = conv(3, 2, "valid")(image)
    branches = [conv(1, 2)(image), conv(5, 2)(image), L.MaxPooling2D(3, 2, padding="same")(image)]
    return conv(3)(L.Concatenate()(branches))


def dense_block(image):
    image = conv(7, 2)(image)
    for _ in range(2):
        image = L.Concatenate()([image, conv(3)(image)])
    return L.AveragePooling2D(2)(conv(1)(image))


def inverted_residual(image):
    for stride in (2, 1, 2):
        wide = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(8, 1)(image)))
        if stride == 2:
            wide = L.DepthwiseConv2D(3, strides=2)(L.ZeroPadding2D(((0, 1), (0, 1)))(wide))
        else:
            wide = L.DepthwiseConv2D(3, padding="same")(wide)
        narrow = L.Conv2D(4, 1)(wide)
        image = L.Add()([image, narrow]) if stride == 1 else narrow
    return image


def nested(image):
    wrapped = keras.Sequential([keras.Input(image.shape[1:]), L.RandomRotation(0.1), L.Rescaling(2.0), conv(3, 2)])
    once = wrapped(image)
    inner = keras.Input(once.shape[1:])
    return keras.Model(inner, conv(3, 2)(conv(4, 2, "valid")(inner)))(once)


def operations(image):
    padded = keras.ops.pad(image, ((0, 0), (1, 2), (3, 0), (0, 0)))
    return keras.ops.relu(conv(3, 2, "valid")(padded)[:, 1:-1, 2:]) * 2.0


def patches(image):
    image = L.Conv2D(8, 4, strides=4)(image)
    return L.Add()([image, L.Dense(8)(L.LayerNormalization()(L.DepthwiseConv2D(7, padding="same")(image)))])


NETWORKS = {
    "same": lambda x: conv(3, 2)(conv(3, 2)(conv(3, 2)(x))),
    "valid": lambda x: conv(3, 2, "valid")(conv(3, 2, "valid")(conv(3, 2, "valid")(x))),
    "padding of one": lambda x: conv(3, 2, "valid")(L.ZeroPadding2D(1)(conv(3, 2, "valid")(L.ZeroPadding2D(1)(x)))),
    "even kernels": lambda x: conv(2, 2)(conv(4, 2)(conv(6)(x))),
    "stride of three": lambda x: conv(5, (3, 2))(conv(3, (2, 3))(x)),
    "max pooling": lambda x: conv(3)(L.MaxPooling2D()(conv(3)(L.MaxPooling2D(3, 2, padding="same")(conv(3)(x))))),
    "average pooling": lambda x: L.AveragePooling2D(3, 2, padding="same")(conv(3)(L.AveragePooling2D(2)(conv(5)(x)))),
    "dilated": lambda x: conv(4)(conv(3, dilation_rate=3, padding="valid")(conv(3, 2)(conv(3, dilation_rate=2)(x)))),
    "separable": lambda x: L.SeparableConv2D(4, 3, strides=2, padding="same")(L.DepthwiseConv2D(5, strides=2)(x)),
    "dilated depthwise": lambda x: L.DepthwiseConv2D(3, dilation_rate=2, padding="same")(conv(3, 2)(x)),
    "grouped": lambda x: L.Conv2D(6, 3, strides=2, groups=3, padding="same")(conv(3, channels=6)(x)),
    "enlarged": lambda x: conv(3)(L.UpSampling2D(2, interpolation="bilinear")(L.UpSampling2D(2)(conv(3, 4)(x)))),
    "transposed": lambda x: L.Conv2DTranspose(3, 4, strides=2)(
        L.Conv2DTranspose(4, 3, strides=2, padding="same")(conv(3, 4)(x))
    ),
    "cropped and resized": lambda x: conv(2, 2, "valid")(L.Resizing(20, 24)(L.Cropping2D(((3, 1), (0, 4)))(x))),
    "residual": residual,
    "inception": inception,
    "dense block": dense_block,
    "inverted residual": inverted_residual,
    "nested": nested,
    "operations": operations,
    "patches": patches,
}


def built(network, shape):
    """With positive weights, all about alike, so that the gradient is as even as the kernels are."""
    image = keras.Input(shape)
    last = L.Activation("linear", name="last")(network(image))
    model = keras.Model(image, L.Dense(2, name="logits")(L.GlobalAveragePooling2D()(last)))
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.uniform(0.04, 0.06, weight.shape))
    return model


def centroid(probe, y, x):
    """Of |d cell / d input|, the mean over images of noise."""
    model, (height, width, bands) = probe.model, probe.image_shape
    images = np.random.default_rng(1).uniform(0.5, 1.5, size=(48, height, width, bands)).astype(np.float32)
    inside = keras.Model(model.inputs, model.get_layer("last").output)

    @tf.function(autograph=False)
    def slopes(batch):
        return tf.gradients(tf.reduce_sum(inside(batch, training=False)[:, y, x]), batch)[0]

    light = np.abs(slopes(tf.constant(images)).numpy()).sum(axis=(0, 3)).astype(np.float64)
    return np.average(np.arange(height), weights=light.sum(axis=1)), np.average(
        np.arange(width), weights=light.sum(axis=0)
    )


@pytest.mark.parametrize("shape", [SQUARE, ODD], ids=["square", "odd"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_centre_of_a_middle_cell_is_the_centroid_of_its_gradient(name, shape):
    probe = Probe(built(NETWORKS[name], shape))
    cells = probe.cells("last")
    assert cells.origin == "theory"
    height, width = cells.plane
    assert (height, width) == probe.layer("last").shape[:2]
    for y, x in {(height // 2, width // 2), (height // 2 - 1, width // 2 - 1)}:
        assert np.abs(np.subtract(cells.centre(y, x), centroid(probe, y, x))).max() < 0.25


@pytest.mark.parametrize("name", ["same", "residual", "inverted residual"])
def test_it_is_so_at_the_rim_too(name):
    probe = Probe(built(NETWORKS[name], SQUARE))
    cells = probe.cells("last")
    last = cells.plane[0] - 1
    assert np.abs(np.subtract(cells.centre(0, last), centroid(probe, 0, last))).max() < 0.5


@pytest.mark.parametrize(
    ("name", "offset", "stride", "field"),
    [("same", 7, 8, 15), ("valid", 7, 8, 15), ("padding of one", 0, 4, 7), ("max pooling", 2, 4, 19)],
)
def test_offset_stride_and_receptive_field_are_those_of_theory(name, offset, stride, field):
    cells = Probe(built(NETWORKS[name], SQUARE)).cells("last")
    middle = cells.plane[0] // 2
    assert cells.y[middle] == pytest.approx(offset + stride * middle, abs=1e-6)
    assert cells.stride == pytest.approx((stride, stride))
    assert cells.field == (field, field)


def test_centres_lie_inside_the_image_and_do_not_decrease():
    for name, network in NETWORKS.items():
        cells = Probe(built(network, ODD)).cells("last")
        for axis, side in zip((cells.y, cells.x), cells.image, strict=True):
            assert min(axis) >= 0, name
            assert max(axis) <= side - 1, name
            assert (np.diff(axis) > -1e-9).all(), name


@pytest.mark.parametrize("place", [(39, 23), (20, 44)])
@pytest.mark.parametrize("name", ["same", "valid", "padding of one", "max pooling", "residual", "nested"])
def test_the_grad_cam_of_a_point_source_lies_on_the_source(name, place):
    probe = Probe(built(NETWORKS[name], SQUARE))
    images = np.zeros((2, *SQUARE), np.float32)
    images[1, place[0], place[1]] = 50
    empty, source = grad_cam(probe, images, logit(0), "last").values
    light = np.abs(source - empty)
    light = np.where(light > 0.3 * light.max(), light, 0).astype(np.float64)
    at = np.average(np.arange(64), weights=light.sum(axis=1)), np.average(np.arange(64), weights=light.sum(axis=0))
    assert np.abs(np.subtract(at, place)).max() < 1.5  # of strides of 4 to 8 pixels


@keras.saving.register_keras_serializable(package="gz2interp.tests")
class Rolled(L.Layer):
    """Moves the image by two pixels with an operation that is not followed."""

    def call(self, image):
        return tf.roll(image, shift=[2], axis=[1])


def test_what_cannot_be_followed_is_measured():
    probe = Probe(built(lambda image: conv(3, 2)(Rolled()(conv(3, 2)(image))), SQUARE))
    cells = probe.cells("last")
    assert cells.origin == "gradients"
    middle = cells.plane[0] // 2
    assert np.abs(np.subtract(cells.centre(middle, middle), centroid(probe, middle, middle))).max() < 0.25
    assert cells.y[middle] == pytest.approx(4 * middle + 3 - 4, abs=0.25)


@keras.saving.register_keras_serializable(package="gz2interp.tests")
class Contrast(L.Layer):
    """An operation of which TensorFlow knows no gradient, and on demand one that is not followed."""

    def __init__(self, rolled):
        super().__init__()
        self.rolled = rolled

    def call(self, image):
        image = tf.image.adjust_contrast(image, 2.0)
        return tf.roll(image, shift=[2], axis=[1]) if self.rolled else image


@pytest.mark.parametrize(("rolled", "origin"), [(False, "theory"), (True, "tiled")])
def test_an_operation_without_gradient_is_no_obstacle(rolled, origin):
    def network(image):
        image = conv(3, 2)(Contrast(rolled)(image))
        return L.Add()([conv(3, 2)(image), L.Conv2D(4, 1, strides=2)(image)])

    probe = Probe(built(network, SQUARE))
    assert probe.cells("last").origin == origin
    assert grad_cam(probe, np.ones((1, *SQUARE), np.float32), logit(0), "last").values.shape == (1, 64, 64)


def test_a_gate_for_the_whole_image_moves_no_cell():
    def gated(image):
        image = conv(3, 2)(image)
        gate = L.Conv2D(4, 1, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(image))
        return conv(3, 2)(L.Multiply()([image, gate]))

    plain = Probe(built(lambda image: conv(3, 2)(conv(3, 2)(image)), SQUARE)).cells("last")
    assert Probe(built(gated, SQUARE)).cells("last").y == plain.y


def test_joined_channels_count_each_where_shares_are_not_measured(monkeypatch):
    """Else the one channel of each step of a dense block would draw hundreds to its own place."""
    monkeypatch.setattr(geometry, "MOST", 0)
    probe = Probe(
        built(lambda image: L.Concatenate()([conv(1, 2, channels=15)(image), conv(3, 2, channels=1)(image)]), SQUARE)
    )
    assert probe.cells("last").y[5] == pytest.approx(2 * 5 + 1 / 16)


def test_a_network_for_any_size_has_a_geometry_for_each():
    image = keras.Input((None, None, 3))
    last = L.Activation("linear", name="last")(conv(3, 2)(image))
    probe = Probe(keras.Model(image, L.Dense(2)(L.GlobalAveragePooling2D()(last))))
    assert probe.cells("last", (32, 40)).plane == (16, 20)
    assert probe.cells("last", (33, 41)).y[5] == 10
    assert probe.cells("last", (32, 40)).y[5] == 11
