"""Toy networks with planted filters, whose most activating image is known, to test feature images.

Each network stretches its images as asinh(flux / sky), in a layer named ``scaled``, applies one filter as wide as the
image, in a layer named ``detector``, and returns as its one logit ten times the cosine between image and filter. Among
images without negative flux, the filter's positive part, at any brightness, has the highest logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.network.quiet import keras

__all__ = [
    "PlantedNetwork",
    "bar_network",
    "bar_plane",
    "blind_network",
    "blue_minus_red_network",
    "disc_plane",
    "filter_correlation",
    "ring_network",
    "ring_plane",
]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Model = Any

layers = keras.layers


@dataclass(frozen=True, eq=False)
class PlantedNetwork:
    """A network and its filter.

    Attributes
    ----------
    filter : float32 (y, x, band)
        Weights of the detector. Since flux cannot be negative, the best image is the positive part, and 0 elsewhere.
    """

    model: Model
    filter: Floats


def bar_network(sky: ArrayLike, size: int = 64, angle: float = 30.0) -> PlantedNetwork:
    """A bar of Gaussian profile in all bands, `angle` degrees from +x to +y, with negative weights on both sides.

    Parameters
    ----------
    sky : float (band,)
        Scatter of the sky [nanomaggies].
    """
    return _planted(bar_plane(size, size, angle), np.ones(np.size(sky)), sky)


def ring_network(sky: ArrayLike, size: int = 64, radius: float = 14.0) -> PlantedNetwork:
    """A ring of Gaussian profile around the centre, in all bands, with negative weights inside and outside.

    Parameters
    ----------
    sky : float (band,)
    radius : float
        [pixel].
    """
    return _planted(ring_plane(size, size, radius), np.ones(np.size(sky)), sky)


def blue_minus_red_network(sky: ArrayLike, size: int = 64, blue: int = 1, red: int = 3) -> PlantedNetwork:
    """The flux of one band around the centre, weighted by a Gaussian, minus that of another band."""
    weights = np.zeros(np.size(sky))
    weights[blue], weights[red] = 1.0, -1.0
    return _planted(disc_plane(size, size), weights, sky)


def blind_network(sky: ArrayLike, size: int = 64) -> PlantedNetwork:
    """A network whose ReLU, in a layer named ``dead``, is never active: its feature images cannot be made."""
    planted = ring_network(sky, size)
    scored = planted.model.get_layer("detector").output
    dead = layers.ReLU(name="dead")(layers.Rescaling(0.0, -1.0, name="lowered")(scored))
    logits = layers.Dense(1, use_bias=False, name="logits")(layers.GlobalAveragePooling2D()(dead))
    return PlantedNetwork(keras.Model(planted.model.inputs, layers.Activation("sigmoid")(logits)), planted.filter)


def filter_correlation(image: ArrayLike, planted: PlantedNetwork, sky: ArrayLike) -> float:
    """Correlation of an image with the positive part of the filter.

    The image is stretched as in the network; the correlation is over all pixels of the bands with weights.

    Parameters
    ----------
    image : float (y, x, band), nanomaggies
    sky : float (band,)
    """
    bands = np.abs(planted.filter).max(axis=(0, 1)) > 0
    stretched = np.arcsinh(np.asarray(image, np.float64) / np.asarray(sky))[..., bands]
    best = np.maximum(planted.filter, 0)[..., bands]
    return float(np.corrcoef(stretched.ravel(), best.ravel())[0, 1])


def bar_plane(side: int, size: int, angle: float = 30.0) -> Doubles:
    """Weights of a bar, (side, side), as long and wide as in an image of `size` pixels."""
    along, across = _turned(side, angle)
    ends = np.exp(-((along / (0.14 * size)) ** 4))
    return np.asarray(
        ends * (np.exp(-((across / (0.03 * size)) ** 2)) - 0.5 * np.exp(-((across / (0.06 * size)) ** 2)))
    )


def ring_plane(side: int, size: int, radius: float = 14.0) -> Doubles:
    """Weights of a ring, (side, side), as wide as in an image of `size` pixels."""
    away = np.hypot(*_turned(side, 0.0)) - radius
    return np.asarray(np.exp(-((away / (0.03 * size)) ** 2)) - 0.5 * np.exp(-((away / (0.06 * size)) ** 2)))


def disc_plane(side: int, size: int) -> Doubles:
    """Weights of a Gaussian, (side, side), as wide as in an image of `size` pixels."""
    return np.asarray(np.exp(-((np.hypot(*_turned(side, 0.0)) / (0.15 * size)) ** 2)))


def _planted(plane: NDArray[np.floating], weights: ArrayLike, sky: ArrayLike) -> PlantedNetwork:
    kernel = (plane[..., None] * np.asarray(weights)).astype(np.float32)
    kernel /= np.sqrt((kernel**2).sum())
    image = keras.Input(kernel.shape, name="nanomaggies")
    relative = layers.Rescaling((1 / np.asarray(sky, np.float64)).tolist(), name="in_sky_sigma")(image)
    scaled = layers.Rescaling(1.0, name="scaled")(keras.ops.arcsinh(relative))
    detector = layers.Conv2D(1, kernel.shape[:2], use_bias=False, name="detector")(scaled)
    length = keras.ops.sqrt(keras.ops.sum(keras.ops.square(scaled), axis=(1, 2, 3), keepdims=True) + 1.0)
    purity = layers.Flatten(name="purity")(detector / length)
    logits = layers.Dense(1, use_bias=False, name="logits")(purity)
    model = keras.Model(image, layers.Activation("sigmoid")(logits))
    model.get_layer("detector").set_weights([kernel[..., None]])
    model.get_layer("logits").set_weights([np.full((1, 1), 10.0, np.float32)])
    return PlantedNetwork(model, kernel)


def _turned(size: int, angle: float) -> tuple[Doubles, Doubles]:
    y, x = (axis - (size - 1) / 2 for axis in np.mgrid[:size, :size].astype(np.float64))
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return cosine * x + sine * y, cosine * y - sine * x
