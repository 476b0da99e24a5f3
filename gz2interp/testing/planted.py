"""Toy networks with planted filters: it is known what excites them most, so a feature image can be judged.

Each stretches its images as asinh(flux / sky), in a layer named ``scaled``, looks at them with one filter as wide as
the image, in a layer named ``detector``, and takes for its one logit the normalised correlation of both: ten times the
cosine between image and filter. Of all images without negative light the one that is the filter's positive part,
however bright, has the highest.
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
    """A network and what its filter seeks.

    Attributes
    ----------
    filter : float32 (y, x, band)
        Weights of the detector. Light cannot be negative: what it seeks are its positive parts, and dark elsewhere.
    """

    model: Model
    filter: Floats


def bar_network(sky: ArrayLike, size: int = 64, angle: float = 30.0) -> PlantedNetwork:
    """A bar of Gaussian profile in all bands, `angle` degrees from +x to +y, with dark to both sides.

    Parameters
    ----------
    sky : float (band,)
        Scatter of the sky [nanomaggies].
    """
    return _planted(bar_plane(size, size, angle), np.ones(np.size(sky)), sky)


def ring_network(sky: ArrayLike, size: int = 64, radius: float = 14.0) -> PlantedNetwork:
    """A ring of Gaussian profile around the middle, in all bands, with dark inside and outside.

    Parameters
    ----------
    sky : float (band,)
    radius : float
        [pixel].
    """
    return _planted(ring_plane(size, size, radius), np.ones(np.size(sky)), sky)


def blue_minus_red_network(sky: ArrayLike, size: int = 64, blue: int = 1, red: int = 3) -> PlantedNetwork:
    """One band's light around the middle, under a Gaussian, less that of another."""
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
    """Correlation of an image with what the filter seeks.

    The image is stretched as the network does it; both are compared in the bands in which the filter has weights, over
    all pixels, less their means.

    Parameters
    ----------
    image : float (y, x, band), nanomaggies
    sky : float (band,)
    """
    looked_at = np.abs(planted.filter).max(axis=(0, 1)) > 0
    seen = np.arcsinh(np.asarray(image, np.float64) / np.asarray(sky))[..., looked_at]
    sought = np.maximum(planted.filter, 0)[..., looked_at]
    return float(np.corrcoef(seen.ravel(), sought.ravel())[0, 1])


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
    y, x = (each - (size - 1) / 2 for each in np.mgrid[:size, :size].astype(np.float64))
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return cosine * x + sine * y, cosine * y - sine * x
