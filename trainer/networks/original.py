"""The network of the original project, layer by layer, for comparison.

Notes on differences: any number of bands and classes. Two classes have one sigmoid output, as in the original, more
have a softmax. The activation is part of the last Dense layer, so there is no layer named logits.
"""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras

layers = keras.layers

__all__ = ["original"]


def original(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probability (n, 1) of the second of two classes, or (n, class) of more, of scaled pixels (n, y, x, band).

    Its dropout is fixed; `dropout` is ignored.
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
