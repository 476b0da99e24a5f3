"""What a layer says of each galaxy: images through a probe, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["LayerReader", "pooled_activations"]

Floats = NDArray[np.float32]


class LayerReader(Protocol):
    """The part of a probe that is needed here."""

    def activations(self, images: Floats, layer: str, pooled: bool = False) -> Floats:
        """Activations of a layer: (n, y, x, channel) or (n, channel)."""


def pooled_activations(probe: LayerReader, batches: Iterable[Floats], layer: str) -> Iterator[Floats]:
    """The spatial mean of each channel, for one batch of images after the other.

    Parameters
    ----------
    probe : LayerReader
    batches : iterable of float32 (n, y, x, band), nanomaggies
        Each batch is read when the one before has been answered, so memory does not grow with their number.
    layer : str
        A spatial layer, or a flat one, whose activations are taken as they are.

    Yields
    ------
    float32 (n, channel)
    """
    for images in batches:
        yield probe.activations(images, layer, pooled=True)
