"""How our networks end: the mean of each channel over the image, and one number a class."""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras

layers = keras.layers

__all__ = ["classified"]


def classified(features: Any, class_count: int, dropout: float = 0.0) -> Any:
    """Probabilities (n, class) of features (n, y, x, channel), through the layers ``pooled`` and ``logits``.

    Parameters
    ----------
    features : tensor (n, y, x, channel)
    class_count : int
    dropout : float
        Share of the channels that each step of training forgets.
    """
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    kept = layers.Dropout(dropout, name="dropout")(pooled) if dropout else pooled
    logits = layers.Dense(class_count, name="logits")(kept)
    return layers.Activation("softmax", name="probabilities")(logits)
