"""The network of the original project, layer by layer, so that its results can be met and its explanations compared.

Notes on differences: it takes any number of bands and classes. With two classes its answer is one sigmoid, as it was;
with more it is a softmax. The activation stays inside the last Dense layer, so there is no layer named logits.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras

layers = keras.layers

__all__ = ["original"]


def original(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probability (n, 1) of the second of two classes, or (n, class) of more, of scaled pixels (n, y, x, band).

    It brings its own dropout, which `dropout` does not change.
    """
    features = layers.Conv2D(32, 6, activation="relu", name="conv1")(pixels)
    features = layers.Dropout(0.5, name="dropout1")(features)
    features = layers.Conv2D(64, 5, activation="relu", name="conv2")(features)
    features = layers.MaxPooling2D(name="pool1")(features)
    features = layers.Dropout(0.25, name="dropout2")(features)
    features = layers.Conv2D(128, 2, activation="relu", name="conv3")(features)
    features = layers.MaxPooling2D(name="pool2")(features)
    features = layers.Dropout(0.25, name="dropout3")(features)
    features = layers.Conv2D(128, 3, activation="relu", name="conv4")(features)
    features = layers.Dropout(0.25, name="dropout4")(features)
    features = layers.Flatten(name="flat")(features)
    features = layers.Dense(64, activation="relu", name="dense")(features)
    features = layers.Dropout(0.5, name="dropout5")(features)
    if class_count == 2:
        return layers.Dense(1, activation="sigmoid", name="probability")(features)
    return layers.Dense(class_count, activation="softmax", name="probabilities")(features)
