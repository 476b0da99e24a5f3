"""Toy networks: some with attributions known analytically, and one small network built in every way.

The variants of `plain_network` all have its weights, and so must give the same outputs.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from gz2interp.network.quiet import keras

__all__ = [
    "CLASS_NAMES",
    "SHAPE",
    "augmented_network",
    "dense_softmax_network",
    "linear_network",
    "nested_network",
    "one_filter_network",
    "plain_network",
    "pooled_network",
    "residual_network",
    "separate_softmax_network",
    "sequential_network",
    "shared_activation_network",
    "sigmoid_network",
    "subclassed_network",
]

Model = Any
Tensor = Any

SHAPE: Final = (16, 16, 5)
CLASS_NAMES: Final = ("smooth", "spiral", "edge-on")

layers = keras.layers


def linear_network(weights: ArrayLike) -> Model:
    """Logits that are sums of weighted pixels: the weights are the gradient.

    Parameters
    ----------
    weights : float (y, x, band, class)
    """
    weights = np.asarray(weights, np.float32)
    image = keras.Input(weights.shape[:3], name="image")
    logits = layers.Dense(weights.shape[3], use_bias=False, name="logits")(layers.Flatten()(image))
    model = keras.Model(image, layers.Softmax()(logits), name="linear")
    model.get_layer("logits").set_weights([weights.reshape(-1, weights.shape[3])])
    return model


def one_filter_network(size: int = 16, stride: int = 4, band: int = 2, weight: float = 3.0) -> Model:
    """One filter, "block", takes the mean of blocks of one band; the logit is the mean of the blocks times `weight`.

    So the Grad-CAM of the one logit, in cells, is the mean of the block times weight / number of cells.
    """
    image = keras.Input((size, size, 5), name="image")
    block = layers.Conv2D(1, stride, strides=stride, use_bias=False, name="block")(image)
    logits = layers.Dense(1, use_bias=False, name="logits")(layers.GlobalAveragePooling2D()(block))
    model = keras.Model(image, layers.Activation("sigmoid")(logits), name="one_filter")
    kernel = np.zeros((stride, stride, 5, 1), np.float32)
    kernel[:, :, band] = 1 / stride**2
    model.get_layer("block").set_weights([kernel])
    model.get_layer("logits").set_weights([np.full((1, 1), weight, np.float32)])
    return model


def plain_network(seed: int = 0) -> Model:
    """Functional: scaled, conv1, pool1, conv2, mean, logits, softmax."""
    image = keras.Input(SHAPE, name="image")
    logits = layers.Dense(3, name="logits")(_trunk(layers.Rescaling(0.5, 0.1, name="scaled")(image)))
    return _seeded(keras.Model(image, layers.Softmax()(logits), name="plain"), seed)


def nested_network(seed: int = 0) -> Model:
    """The same with its convolutions in a network of their own, "backbone", as in transfer learning."""
    inner = keras.Input(SHAPE)
    backbone = keras.Model(inner, _trunk(inner), name="backbone")
    image = keras.Input(SHAPE, name="image")
    logits = layers.Dense(3, name="logits")(backbone(layers.Rescaling(0.5, 0.1, name="scaled")(image)))
    return _seeded(keras.Model(image, layers.Softmax()(logits), name="nested"), seed)


def sequential_network(seed: int = 0) -> Model:
    """The same as a Sequential."""
    parts = [
        layers.Rescaling(0.5, 0.1, name="scaled"),
        *_convolutions(),
        layers.Dense(3, name="logits"),
        layers.Softmax(),
    ]
    return _seeded(keras.Sequential([keras.Input(SHAPE), *parts], name="sequential"), seed)


def augmented_network(seed: int = 0) -> Model:
    """The same with augmentation and dropout inside, which must be inactive."""
    augment = keras.Sequential(
        [keras.Input(SHAPE), layers.RandomFlip(seed=1), layers.RandomRotation(0.5, seed=2)], name="augment"
    )
    image = keras.Input(SHAPE, name="image")
    features = _trunk(augment(layers.Rescaling(0.5, 0.1, name="scaled")(image)))
    logits = layers.Dense(3, name="logits")(layers.Dropout(0.5, seed=3)(features))
    return _seeded(keras.Model(image, layers.Softmax()(logits), name="augmented"), seed)


def dense_softmax_network(seed: int = 0) -> Model:
    """The same without a layer named logits: its last Dense, "predictions", has softmax for an activation."""
    image = keras.Input(SHAPE, name="image")
    features = _trunk(layers.Rescaling(0.5, 0.1, name="scaled")(image))
    answer = layers.Dense(3, activation="softmax", name="predictions")(features)
    return _seeded(keras.Model(image, answer, name="dense_softmax"), seed)


def separate_softmax_network(seed: int = 0) -> Model:
    """The same without a layer named logits: a Dense, "evidence", and softmax as an operation that is no layer."""
    image = keras.Input(SHAPE, name="image")
    features = _trunk(layers.Rescaling(0.5, 0.1, name="scaled")(image))
    answer = keras.ops.softmax(layers.Dense(3, name="evidence")(features))
    return _seeded(keras.Model(image, answer, name="separate_softmax"), seed)


def shared_activation_network(seed: int = 0) -> Model:
    """The same with one ReLU layer, "relu", used after both convolutions."""
    relu = layers.ReLU(name="relu")
    image = keras.Input(SHAPE, name="image")
    scaled = layers.Rescaling(0.5, 0.1, name="scaled")(image)
    first = layers.MaxPooling2D(name="pool1")(relu(layers.Conv2D(6, 3, padding="same", name="conv1")(scaled)))
    second = relu(layers.Conv2D(8, 3, padding="same", name="conv2")(first))
    logits = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="mean")(second))
    return _seeded(keras.Model(image, layers.Softmax()(logits), name="shared_activation"), seed)


@keras.saving.register_keras_serializable(package="gz2interp.testing")
class Subclassed(keras.Model):
    """The same as a class with a `call` of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.scaled = layers.Rescaling(0.5, 0.1, name="scaled")
        self.parts = _convolutions()
        self.logits = layers.Dense(3, name="logits")

    def call(self, images: Tensor) -> Tensor:
        features = self.scaled(images)
        for part in self.parts:
            features = part(features)
        return keras.ops.softmax(self.logits(features))


def subclassed_network(seed: int = 0) -> Model:
    """A `Subclassed`, built."""
    model = Subclassed(name="subclassed")
    model(np.zeros((1, *SHAPE), np.float32))
    return _seeded(model, seed)


def sigmoid_network(seed: int = 0) -> Model:
    """One output: the probability of the second of two classes."""
    image = keras.Input(SHAPE, name="image")
    answer = layers.Dense(1, activation="sigmoid", name="answer")(_trunk(image))
    return _seeded(keras.Model(image, answer, name="sigmoid"), seed)


def pooled_network(seed: int = 0) -> Model:
    """No Dense at all: a convolution with one channel per class, its mean, and softmax."""
    image = keras.Input(SHAPE, name="image")
    votes = layers.Conv2D(3, 3, name="votes")(layers.Conv2D(6, 3, activation="relu", name="conv1")(image))
    answer = layers.Softmax()(layers.GlobalAveragePooling2D(name="mean")(votes))
    return _seeded(keras.Model(image, answer, name="pooled"), seed)


def residual_network(seed: int = 0) -> Model:
    """A connection that skips the layer "conv2" and joins again in "join"."""
    image = keras.Input(SHAPE, name="image")
    first = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv1")(image)
    joined = layers.Add(name="join")([first, layers.Conv2D(6, 3, padding="same", name="conv2")(first)])
    logits = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="mean")(joined))
    return _seeded(keras.Model(image, layers.Softmax()(logits), name="residual"), seed)


def _convolutions() -> list[Any]:
    return [
        layers.Conv2D(6, 3, padding="same", activation="relu", name="conv1"),
        layers.MaxPooling2D(name="pool1"),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="conv2"),
        layers.GlobalAveragePooling2D(name="mean"),
    ]


def _trunk(tensor: Tensor) -> Tensor:
    for layer in _convolutions():
        tensor = layer(tensor)
    return tensor


def _seeded(model: Model, seed: int) -> Model:
    """The model with random weights, large enough that its outputs differ between images."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        fan_in = max(int(np.prod(weight.shape[:-1])), 1)
        weight.assign(rng.normal(0, 1.5 / np.sqrt(fan_in) if len(weight.shape) > 1 else 0.1, weight.shape))
    return model
