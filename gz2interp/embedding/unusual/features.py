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

STATISTICS: Final = ("mean", "contrast", "maximum")
"""Over the image, of each channel: contrast is the standard deviation."""


def features_of(values: Floats) -> Floats:
    """Features float32 (n, feature) of a layer's activations (n, y, x, channel), or (n, channel), which stay."""
    if values.ndim == 2:
        return values
    flat = values.reshape(len(values), -1, values.shape[-1])
    parts = flat.mean(axis=1), flat.std(axis=1), flat.max(axis=1)
    return np.concatenate(parts, axis=1).astype(np.float32)


def feature_names(layer: str, shape: Sequence[int], bands: Sequence[str] = ()) -> list[str]:
    """In words, in the order of `features_of`: the layer's shape is (y, x, channel) or (channel,).

    Parameters
    ----------
    layer : str
    shape : sequence of int
    bands : sequence of str, optional
        Where the layer's channels are the image's bands.
    """
    names = [f"the image in {band}" for band in bands] or [f"channel {k} of layer {layer}" for k in range(shape[-1])]
    return names if len(shape) == 1 else [f"{statistic} of {name}" for statistic in STATISTICS for name in names]
