"""What several layers say of images: features of the whole, and of each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.unusual.places import cells_of, feature_names, features_of
from gz2interp.network.answers import LayerInfo

__all__ = ["Door", "Look", "Looks", "stages_of"]

Floats = NDArray[np.float32]

SCALED: Final = "scaled"
"""The layer of a network of ours that scales the images."""


class Door(Protocol):
    """The part of a probe that is needed here."""

    layers: tuple[LayerInfo, ...]

    def layer(self, name: str) -> LayerInfo:
        """A layer by its name."""

    def activations(self, images: Floats, layer: str, pooled: bool = False) -> Floats:
        """What a layer says of each image."""


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of some images.

    Attributes
    ----------
    features : float32 (n, feature)
        Of all layers.
    cells : float32 (n, y, x, channel), optional
        Of the first spatial layer; None where no layer is spatial.
    """

    features: Floats
    cells: Floats | None


class Looks:
    """Layers of a network, asked together.

    Parameters
    ----------
    door : Door
    layers : sequence of str
        By default the last layer of each size of plane: see `stages_of`.
    bands : sequence of str
        Of the images: a layer in front of all weights has them for channels.

    Attributes
    ----------
    layers : tuple of str
    near : str
        The first spatial one, nearest to the pixels; "" if none is spatial.
    feature_names : list of str
        In words.
    """

    def __init__(self, door: Door, layers: Sequence[str] = (), bands: Sequence[str] = ()) -> None:
        self._door = door
        self.infos = tuple(door.layer(name) for name in layers) if layers else stages_of(door.layers)
        self.layers = tuple(info.name for info in self.infos)
        self.near = next((info.name for info in self.infos if info.spatial), "")
        self.feature_names = [
            name
            for info in self.infos
            for name in feature_names(info.name, info.shape, bands if _is_image(info, bands) else ())
        ]

    def __call__(self, images: Floats) -> Look:
        """Ask every layer about the images (n, y, x, band)."""
        features, cells = [], None
        for info in self.infos:
            values = self._door.activations(images, info.name)
            features.append(features_of(values))
            if info.name == self.near:
                cells = cells_of(values)
        return Look(np.concatenate(features, axis=1), cells)


def _is_image(info: LayerInfo, bands: Sequence[str]) -> bool:
    """Whether a layer's channels are the bands of the scaled image."""
    return info.name.split("/")[-1] == SCALED and info.spatial and info.shape[-1] == len(bands)


def stages_of(layers: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """The last layer of each size of plane, in the network's order; all layers where none is spatial.

    The first are near the pixels, and know colours and small things; the last know what the classes need.
    """
    last = {info.shape[:2]: info for info in layers if info.spatial}
    if not last:
        return tuple(layers[-1:])
    return tuple(info for info in layers if info in last.values())
