"""Results of a probe: plain records of NumPy arrays, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gradients", "LayerInfo"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LayerInfo:
    """Name, kind and output shape of a layer.

    Attributes
    ----------
    name : str
        ``"conv5"``, or ``"backbone/conv5"`` inside a nested network. A layer that is used several times is listed once
        for each use: ``"relu#1"``, ``"relu#2"``.
    kind : str
        Its class, for example ``"Conv2D"``.
    shape : tuple of int
        (y, x, channel) or (channel,), for one image.
    """

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def spatial(self) -> bool:
        """Whether its output has more than one cell."""
        return len(self.shape) == 3 and self.shape[0] * self.shape[1] > 1


@dataclass(frozen=True, eq=False)
class Gradients:
    """A score, the values it was differentiated with respect to, and the derivative.

    Attributes
    ----------
    scores : float32 (n,)
    values : float32 (n, ...)
        The values at that place: the scaled images, for example, or a layer's activations.
    gradients : float32 (n, ...)
        Of each image's score with respect to its `values`.
    domain : str
        The place: ``"scaled"``, ``"input"`` or a layer's name.
    """

    scores: Floats
    values: Floats
    gradients: Floats
    domain: str
