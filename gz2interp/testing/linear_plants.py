"""Toy networks with one linear filter, and the best image under the survey's image prior by linear programming.

A network stretches its images as s = asinh(flux / sky), convolves them with one filter of 41 by 41 pixels (stride 4,
zero padding, ReLU), and returns as its one logit the mean or the maximum over all positions. The filter is the same in
every band, times one weight per band.

**Constraints**: in each band, stretched flux from 0 to `ImagePrior.reach` and at most `highest`, with ring means about
the centre of at most `ImagePrior.profile`. With `own_colours` the same holds for the grey flux, and a pixel's bands
follow from its grey flux and one of the colours at the corners or the centre of the range of `ImagePrior.colours`.

**Best image**: both logits are convex in s, so that a best image lies on the boundary of the constraints. For the
maximum it solves a linear programme with the filter at one position: the position with the most flux under the filter,
or the centre, whichever is better. For the mean it is the best of three runs of the Frank & Wolfe (1956) algorithm,
each step of which solves a linear programme. A convex function may have several maxima, and with `own_colours` the grey
flux is distributed as if the gain were linear in it, so that a better image may exist.

**Correlation** of an image with the best one: of the stretched flux over all pixels of the bands with weights, at the
circular shift for which it is greatest.
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
"""Of the filter, and of the convolution [pixel]."""

SHAPES: Final = ("bar", "ring", "blue minus red")
POOLS: Final = ("mean", "max")

STARTS, CLIMB = 3, 12
"""Runs of the Frank-Wolfe algorithm, and steps of each at most."""


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
        """The bands with weights."""
        return np.asarray(self.weights != 0)

    def value(self, stretched: Doubles) -> float:
        """The logit of a stretched image (y, x, band), computed without the network."""
        activations = np.maximum(self._filtered(stretched), 0)
        return float(activations.mean() if self.pool == "mean" else activations.max())

    def gradient(self, stretched: Doubles) -> Doubles:
        """Of the mean, (y, x, band)."""
        active = np.zeros(stretched.shape[:2])
        active[::STRIDE, ::STRIDE] = self._filtered(stretched) > 0
        plane = _everywhere(active, self.plane[::-1, ::-1])
        return np.asarray(plane[..., None] * self.weights)

    def at(self, y: int, x: int, height: int, width: int) -> Doubles:
        """The filter centred at a position of an image, (y, x, band)."""
        padded = np.zeros((height + 2 * SIDE, width + 2 * SIDE))
        top, left = y - SIDE // 2 + SIDE, x - SIDE // 2 + SIDE
        padded[top : top + SIDE, left : left + SIDE] = self.plane
        return np.asarray(padded[SIDE:-SIDE, SIDE:-SIDE, None] * self.weights)

    def _filtered(self, stretched: Doubles) -> Doubles:
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
    detector = layers.Conv2D(1, SIDE, STRIDE, use_bias=False, activation="relu", name="detector")(around)
    pooled = (layers.GlobalAveragePooling2D() if pool == "mean" else layers.GlobalMaxPooling2D())(detector)
    logits = layers.Dense(1, use_bias=False, name="logits")(pooled)
    model = keras.Model(image, layers.Activation("sigmoid")(logits))
    model.get_layer("detector").set_weights([(plane[..., None] * weights)[..., None].astype(np.float32)])
    model.get_layer("logits").set_weights([np.ones((1, 1), np.float32)])
    return LinearPlant(model, plane, weights, pool)


def best_image(plant: LinearPlant, prior: ImagePrior, own_colours: bool = True) -> Doubles:
    """The best stretched image under the constraints (y, x, band), as defined in the module's docstring."""
    solve = _BestAlongGradient(prior, own_colours)
    height, width, bands = prior.shape
    if plant.pool == "max":
        most = plant.at(height // 2, width // 2, height, width)
        room = _everywhere(prior.reach[..., -1], np.maximum(plant.plane, 0))[::STRIDE, ::STRIDE]
        y, x = (STRIDE * int(k) for k in np.unravel_index(int(room.argmax()), room.shape))
        candidates = [solve(most), solve(plant.at(y, x, height, width))]
    else:
        generator = np.random.default_rng(0)
        starts = [generator.exponential(size=(height, width, bands)) for _ in range(STARTS)]
        candidates = [_maximise_mean(plant, solve, start) for start in starts]
    return max(candidates, key=plant.value)


def best_correlation(stretched: ArrayLike, best: Doubles, plant: LinearPlant) -> float:
    """Correlation of two stretched images (y, x, band) at the best shift, as defined in the module's docstring."""
    first, second = (np.asarray(image, np.float64)[..., plant.bands] for image in (stretched, best))
    first, second = first - first.mean(), second - second.mean()
    waves = np.fft.fft2(first, axes=(0, 1)).conj() * np.fft.fft2(second, axes=(0, 1))
    across = np.fft.ifft2(waves.sum(axis=-1)).real
    return float(across.max() / max(np.linalg.norm(first) * np.linalg.norm(second), 1e-12))


def _maximise_mean(plant: LinearPlant, solve: _BestAlongGradient, start: Doubles) -> Doubles:
    image = solve(plant.gradient(start))
    for _ in range(CLIMB):
        following = solve(plant.gradient(image))
        if plant.value(following) <= plant.value(image) * (1 + 1e-6):
            break
        image = following
    return image


def _everywhere(plane: ArrayLike, weights: Doubles) -> Doubles:
    return np.asarray(correlate(plane, weights, mode="same", method="fft"))


class _BestAlongGradient:
    """The stretched image under the constraints with the greatest product with a gradient (y, x, band)."""

    def __init__(self, prior: ImagePrior, own_colours: bool) -> None:
        self.prior, self.own_colours = prior, own_colours
        height, width, _ = prior.shape
        weights = ring_weights(height, width)
        self.means = csr_array((weights / weights.sum(axis=0)).T.astype(np.float64))
        self.top = np.arcsinh(prior.highest.astype(np.float64) / prior.sky)
        low, high = prior.colours.astype(np.float64)
        corners = np.array([*product(*zip(low, high, strict=True)), (low + high) / 2])
        fainter = np.concatenate([np.zeros((len(corners), 1)), corners.cumsum(axis=1)], axis=1)  # than the first band
        shares = 10 ** (0.4 * fainter) / prior.sky
        self.shares = shares / shares.mean(axis=1, keepdims=True)

    def __call__(self, gradient: Doubles) -> Doubles:
        if self.own_colours:
            return self._coloured(gradient)
        reach = np.minimum(self.prior.reach[..., :-1].astype(np.float64), self.top)
        return np.stack([self._filled(gradient[..., b], reach[..., b], b) for b in range(len(self.top))], axis=-1)

    def _coloured(self, gradient: Doubles) -> Doubles:
        """The grey flux of the greatest gain, and then each pixel's best colours."""
        reach = self.prior.reach[..., -1].astype(np.float64)
        gains = np.max([(gradient * self._bands(reach, share)).sum(axis=-1) for share in self.shares], axis=0)
        grey = self._filled(gains / reach, reach, -1)
        candidates = [self._bands(grey, share) for share in self.shares]
        best = np.argmax([(gradient * lit).sum(axis=-1) for lit in candidates], axis=0)
        return np.asarray(np.take_along_axis(np.stack(candidates), best[None, ..., None], axis=0)[0])

    def _bands(self, grey: Doubles, share: Doubles) -> Doubles:
        return np.asarray(np.minimum(np.arcsinh(np.sinh(grey)[..., None] * share), self.top))

    def _filled(self, gains: Doubles, reach: Doubles, which: int) -> Doubles:
        """Stretched flux (y, x) of the greatest gain within the reach and with ring means within the profile."""
        pixels = np.flatnonzero(gains.ravel() > 0)
        lit = np.zeros(gains.size)
        if len(pixels):
            bounds = np.stack([np.zeros(len(pixels)), reach.ravel()[pixels]], axis=1)
            profile = self.prior.profile[:, which].astype(np.float64)
            scale = gains.max()
            solution = linprog(-gains.ravel()[pixels] / scale, self.means[:, pixels], profile, bounds=bounds)
            lit[pixels] = solution.x
        return lit.reshape(gains.shape)
