"""Toy networks with planted filters: it is known what excites them most, so a feature image can be judged.

Each stretches its images as asinh(flux / sky), in a layer named ``scaled``, looks at them with one filter as wide as the
image, in a layer named ``detector``, or shifted everywhere, and takes that for its one logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.network.quiet import keras

__all__ = ["Planted", "bar_network", "blind_network", "blue_minus_red_network", "likeness", "ring_network"]

Floats = NDArray[np.float32]
Model = Any

layers = keras.layers


@dataclass(frozen=True, eq=False)
class Planted:
    """A network and what its filter seeks.

    Attributes
    ----------
    model : keras.Model
    filter : float32 (y, x, band)
        Weights of the detector. Light cannot be negative: what it seeks are its positive parts, and dark elsewhere.
    """

    model: Model
    filter: Floats


def bar_network(
    sky: ArrayLike, size: int = 64, angle: float = 30.0, anywhere: bool = False
) -> Planted:
    """A bar of Gaussian profile in all bands, `angle` degrees from +x to +y, with dark to both sides.

    Parameters
    ----------
    sky : float (band,)
        Scatter of the sky [nanomaggies].
    size : int
    angle : float
    anywhere : bool
        Whether the bar is looked for everywhere: the best place counts.
    """
    along, across = _turned(size, angle)
    ends = np.exp(-((along / (0.14 * size)) ** 4))
    bar = ends * (np.exp(-((across / (0.03 * size)) ** 2)) - 0.5 * np.exp(-((across / (0.06 * size)) ** 2)))
    return _planted(bar, np.ones(np.size(sky)), sky, anywhere)


def ring_network(sky: ArrayLike, size: int = 64, radius: float = 14.0) -> Planted:
    """A ring of Gaussian profile around the middle, in all bands, with dark inside and outside.

    Parameters
    ----------
    sky : float (band,)
    size : int
    radius : float
        [pixel].
    """
    away = np.hypot(*_turned(size, 0.0)) - radius
    ring = np.exp(-((away / (0.03 * size)) ** 2)) - 0.5 * np.exp(-((away / (0.06 * size)) ** 2))
    return _planted(ring, np.ones(np.size(sky)), sky, False)


def blue_minus_red_network(sky: ArrayLike, size: int = 64, blue: int = 1, red: int = 3) -> Planted:
    """The mean of one band's light less that of another's."""
    weights = np.zeros(np.size(sky))
    weights[blue], weights[red] = 1.0, -1.0
    return _planted(np.ones((size, size)), weights, sky, False)


def blind_network(sky: ArrayLike, size: int = 64) -> Planted:
    """A network whose ReLU, in a layer named ``dead``, is never active: its feature images cannot be made."""
    planted = ring_network(sky, size)
    scored = planted.model.get_layer("detector").output
    dead = layers.ReLU(name="dead")(layers.Rescaling(0.0, -1.0, name="lowered")(scored))
    logits = layers.Dense(1, use_bias=False, name="logits")(layers.GlobalAveragePooling2D()(dead))
    return Planted(keras.Model(planted.model.inputs, layers.Activation("sigmoid")(logits)), planted.filter)


def likeness(image: ArrayLike, planted: Planted, sky: ArrayLike, shifted: bool = False) -> float:
    """Correlation of an image with what the filter seeks, the best over all shifts if it seeks that anywhere.

    The image is stretched as the network does it; both are compared in the bands in which the filter has weights, over
    all pixels, less their means.

    Parameters
    ----------
    image : float (y, x, band), nanomaggies
    planted : Planted
    sky : float (band,)
    shifted : bool
    """
    looked_at = np.abs(planted.filter).max(axis=(0, 1)) > 0
    seen = np.arcsinh(np.asarray(image, np.float64) / np.asarray(sky))[..., looked_at]
    sought = np.maximum(planted.filter, 0).astype(np.float64)[..., looked_at]
    seen, sought = (each - each.mean() for each in (seen, sought))
    waves = np.fft.fft2(seen, axes=(0, 1)) * np.conj(np.fft.fft2(sought, axes=(0, 1)))
    products = np.fft.ifft2(waves, axes=(0, 1)).real.sum(axis=-1)
    best = products.max() if shifted else products[0, 0]
    return float(best / np.sqrt((seen**2).sum() * (sought**2).sum()))


def _planted(plane: NDArray[np.floating], weights: ArrayLike, sky: ArrayLike, anywhere: bool) -> Planted:
    kernel = (plane[..., None] * np.asarray(weights)).astype(np.float32)
    kernel /= np.sqrt((kernel**2).sum())
    image = keras.Input(kernel.shape, name="nanomaggies")
    relative = layers.Rescaling((1 / np.asarray(sky, np.float64)).tolist(), name="in_sky_sigma")(image)
    scaled = layers.Rescaling(1.0, name="scaled")(keras.ops.arcsinh(relative))
    padding = "same" if anywhere else "valid"
    detector = layers.Conv2D(1, kernel.shape[:2], padding=padding, use_bias=False, name="detector")(scaled)
    best = layers.GlobalMaxPooling2D(name="best")(detector)
    logits = layers.Dense(1, use_bias=False, name="logits")(best)
    model = keras.Model(image, layers.Activation("sigmoid")(logits))
    model.get_layer("detector").set_weights([kernel[..., None]])
    model.get_layer("logits").set_weights([np.ones((1, 1), np.float32)])
    return Planted(model, kernel)


def _turned(size: int, angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = (each - (size - 1) / 2 for each in np.mgrid[:size, :size].astype(np.float64))
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return cosine * x + sine * y, cosine * y - sine * x
