"""Toy networks with one linear filter, and the best image that the survey's light allows, found without the loop.

A network stretches its images as s = asinh(flux / sky), looks at every fourth place with one filter of 41 by 41 pixels
(a convolution, zeros around the image, a ReLU), and takes for its one logit the mean over all places, or the greatest.
The same weights, times one number a band, are used in every band.

**What is allowed**, defined before anything was measured: stretched light of each band that is not below 0, at no place
above `ImagePrior.reach` of that band nor above its `highest`, and on no ring about the middle brighter in the mean than
`ImagePrior.profile`. With colours of the survey's own the same holds for the grey light, and a pixel's bands follow
from its grey light and one of the colours at the corners of the range of `ImagePrior.colours`, or the middle of it.

**What is best.** Both logits are convex in s, so that a best image lies on the border of what is allowed. For the
greatest place it is that which the filter, laid at one place, asks for: a linear programme (of each band, or of the
grey light), solved for the place where the filter finds most light and for the middle; the better counts. For the mean
it is climbed to (Frank & Wolfe 1956: each step goes to what the gradient asks for, a linear programme again) from three
starts; the best counts. A convex function may have several summits, and with colours of the survey's own the grey light
is shared out as if what it gains grew in proportion to it: it is the best that was found, and may be exceeded.

**Likeness** of an image and the best one: correlation of their stretched light over all pixels, in the bands in which
the filter has weights, less each one's mean, after the circular shift of the image for which it is greatest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.signal import correlate
from scipy.sparse import csr_array

from gz2interp.features.image_prior import ImagePrior, ring_weights
from gz2interp.network.quiet import keras
from gz2interp.testing.planted import bar_plane, disc_plane, ring_plane

__all__ = ["POOLS", "SHAPES", "LinearPlant", "best_correlation", "best_image", "linear_plant"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Model = Any

layers = keras.layers

SIDE, STRIDE = 41, 4
"""Of the filter, and between the places that it looks at [pixel]."""

SHAPES: Final = ("bar", "ring", "blue minus red")
POOLS: Final = ("mean", "max")

STARTS, CLIMB = 3, 12
"""Of the search for the best mean, and steps of each at most."""


@dataclass(frozen=True, eq=False)
class LinearPlant:
    """A network and its filter.

    Attributes
    ----------
    plane : float64 (41, 41)
        Weights of the filter.
    weights : float64 (band,)
        Of the bands.
    pool : str
        ``"mean"`` or ``"max"``.
    """

    model: Model
    plane: Doubles
    weights: Doubles
    pool: str

    @property
    def bands(self) -> NDArray[np.bool_]:
        """Those in which the filter has weights."""
        return np.asarray(self.weights != 0)

    def value(self, stretched: Doubles) -> float:
        """The logit of a stretched image (y, x, band), found without the network."""
        heard = np.maximum(self._heard(stretched), 0)
        return float(heard.mean() if self.pool == "mean" else heard.max())

    def gradient(self, stretched: Doubles) -> Doubles:
        """Of the mean, (y, x, band)."""
        active = np.zeros(stretched.shape[:2])
        active[::STRIDE, ::STRIDE] = self._heard(stretched) > 0
        plane = _everywhere(active, self.plane[::-1, ::-1])
        return np.asarray(plane[..., None] * self.weights)

    def at(self, y: int, x: int, height: int, width: int) -> Doubles:
        """The filter laid with its middle at a place of an image, (y, x, band)."""
        laid = np.zeros((height + 2 * SIDE, width + 2 * SIDE))
        top, left = y - SIDE // 2 + SIDE, x - SIDE // 2 + SIDE
        laid[top : top + SIDE, left : left + SIDE] = self.plane
        return np.asarray(laid[SIDE:-SIDE, SIDE:-SIDE, None] * self.weights)

    def _heard(self, stretched: Doubles) -> Doubles:
        return _everywhere(stretched @ self.weights, self.plane)[::STRIDE, ::STRIDE]


def linear_plant(shape: str, pool: str, sky: ArrayLike, size: int = 64) -> LinearPlant:
    """A network with a filter of one of `SHAPES`.

    Parameters
    ----------
    sky : float (band,)
        Scatter of the sky [nanomaggies].
    size : int
        Of the images.
    """
    planes = {"bar": bar_plane, "ring": ring_plane, "blue minus red": disc_plane}
    plane = planes[shape](SIDE, size)
    weights = np.ones(np.size(sky))
    if shape == "blue minus red":
        weights[:] = 0
        weights[1], weights[3] = 1, -1
    plane /= np.linalg.norm(plane) * np.linalg.norm(weights)
    image = keras.Input((size, size, len(weights)), name="nanomaggies")
    relative = layers.Rescaling((1 / np.asarray(sky, np.float64)).tolist(), name="in_sky_sigma")(image)
    scaled = layers.Rescaling(1.0, name="scaled")(keras.ops.arcsinh(relative))
    around = layers.ZeroPadding2D(SIDE // 2, name="around")(scaled)
    heard = layers.Conv2D(1, SIDE, STRIDE, use_bias=False, activation="relu", name="detector")(around)
    pooled = (layers.GlobalAveragePooling2D() if pool == "mean" else layers.GlobalMaxPooling2D())(heard)
    logits = layers.Dense(1, use_bias=False, name="logits")(pooled)
    model = keras.Model(image, layers.Activation("sigmoid")(logits))
    model.get_layer("detector").set_weights([(plane[..., None] * weights)[..., None].astype(np.float32)])
    model.get_layer("logits").set_weights([np.ones((1, 1), np.float32)])
    return LinearPlant(model, plane, weights, pool)


def best_image(plant: LinearPlant, light: ImagePrior, own_colours: bool = True) -> Doubles:
    """The best stretched image that is allowed (y, x, band), as the head of this file defines it."""
    asked_for = _Allowed(light, own_colours)
    height, width, bands = light.shape
    if plant.pool == "max":
        most = plant.at(height // 2, width // 2, height, width)
        room = _everywhere(light.reach[..., -1], np.maximum(plant.plane, 0))[::STRIDE, ::STRIDE]
        y, x = (STRIDE * int(each) for each in np.unravel_index(int(room.argmax()), room.shape))
        found = [asked_for(most), asked_for(plant.at(y, x, height, width))]
    else:
        generator = np.random.default_rng(0)
        found = [_climbed(plant, asked_for, generator.exponential(size=(height, width, bands))) for _ in range(STARTS)]
    return max(found, key=plant.value)


def best_correlation(stretched: ArrayLike, best: Doubles, plant: LinearPlant) -> float:
    """Correlation of two stretched images (y, x, band) after the best shift, as the head of this file defines it."""
    first, second = (np.asarray(each, np.float64)[..., plant.bands] for each in (stretched, best))
    first, second = first - first.mean(), second - second.mean()
    waves = np.fft.fft2(first, axes=(0, 1)).conj() * np.fft.fft2(second, axes=(0, 1))
    across = np.fft.ifft2(waves.sum(axis=-1)).real
    return float(across.max() / max(np.linalg.norm(first) * np.linalg.norm(second), 1e-12))


def _climbed(plant: LinearPlant, asked_for: _Allowed, start: Doubles) -> Doubles:
    here = asked_for(plant.gradient(start))
    for _ in range(CLIMB):
        further = asked_for(plant.gradient(here))
        if plant.value(further) <= plant.value(here) * (1 + 1e-6):
            break
        here = further
    return here


def _everywhere(plane: ArrayLike, weights: Doubles) -> Doubles:
    return np.asarray(correlate(plane, weights, mode="same", method="fft"))


class _Allowed:
    """Called with a gradient (y, x, band): the allowed stretched image that goes farthest along it."""

    def __init__(self, light: ImagePrior, own_colours: bool) -> None:
        self.light, self.own_colours = light, own_colours
        height, width, _ = light.shape
        weights = ring_weights(height, width)
        self.means = csr_array((weights / weights.sum(axis=0)).T.astype(np.float64))
        self.top = np.arcsinh(light.highest.astype(np.float64) / light.sky)
        low, high = light.colours.astype(np.float64)
        corners = np.array([*product(*zip(low, high, strict=True)), (low + high) / 2])
        fainter = np.concatenate([np.zeros((len(corners), 1)), corners.cumsum(axis=1)], axis=1)  # than the first band
        shares = 10 ** (0.4 * fainter) / light.sky
        self.shares = shares / shares.mean(axis=1, keepdims=True)

    def __call__(self, gradient: Doubles) -> Doubles:
        if self.own_colours:
            return self._coloured(gradient)
        reach = np.minimum(self.light.reach[..., :-1].astype(np.float64), self.top)
        return np.stack([self._filled(gradient[..., b], reach[..., b], b) for b in range(len(self.top))], axis=-1)

    def _coloured(self, gradient: Doubles) -> Doubles:
        """The grey light by what it can gain, and then each pixel's best colours."""
        reach = self.light.reach[..., -1].astype(np.float64)
        gains = np.max([(gradient * self._bands(reach, share)).sum(axis=-1) for share in self.shares], axis=0)
        grey = self._filled(gains / reach, reach, -1)
        each = [self._bands(grey, share) for share in self.shares]
        best = np.argmax([(gradient * lit).sum(axis=-1) for lit in each], axis=0)
        return np.asarray(np.take_along_axis(np.stack(each), best[None, ..., None], axis=0)[0])

    def _bands(self, grey: Doubles, share: Doubles) -> Doubles:
        return np.asarray(np.minimum(np.arcsinh(np.sinh(grey)[..., None] * share), self.top))

    def _filled(self, gains: Doubles, reach: Doubles, which: int) -> Doubles:
        """Light (y, x) of the greatest gain below the reach and with rings below the profile."""
        wanted = np.flatnonzero(gains.ravel() > 0)
        lit = np.zeros(gains.size)
        if len(wanted):
            bounds = np.stack([np.zeros(len(wanted)), reach.ravel()[wanted]], axis=1)
            profile = self.light.profile[:, which].astype(np.float64)
            scale = gains.max()
            solved = linprog(-gains.ravel()[wanted] / scale, self.means[:, wanted], profile, bounds=bounds)
            lit[wanted] = solved.x
        return lit.reshape(gains.shape)
