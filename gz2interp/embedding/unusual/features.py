"""What a layer says of a whole galaxy: the mean of each channel over the image, its scatter, and its highest value.

The mean alone, which a network's head sees, drowns what happens at one place; scatter and highest value keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["STATISTICS", "feature_names", "features_of"]

Floats = NDArray[np.float32]

STATISTICS: Final = {"mean": "on average", "scatter": "in its contrast", "highest": "at its brightest place"}
"""Name to how it is told."""


def features_of(values: Floats) -> Floats:
    """Features float32 (n, feature) of a layer's activations (n, y, x, channel), or (n, channel), which stay."""
    if values.ndim == 2:
        return values
    flat = values.reshape(len(values), -1, values.shape[-1])
    parts = flat.mean(axis=1), flat.std(axis=1), flat.max(axis=1)
    return np.concatenate(parts, axis=1).astype(np.float32)


def feature_names(layer: str, shape: Sequence[int]) -> list[str]:
    """In words, in the order of `features_of`: the layer's shape is (y, x, channel) or (channel,)."""
    channels = shape[-1]
    if len(shape) == 1:
        return [f"channel {channel} of {layer}" for channel in range(channels)]
    return [f"channel {channel} of {layer} {words}" for words in STATISTICS.values() for channel in range(channels)]
