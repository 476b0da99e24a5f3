"""Images in units of their sky's standard deviation, and ellipses of equal surface brightness.

As `gz2interp.measure.outskirts` measures noise and background, but of a whole block of galaxies at once and without
looking for where each galaxy ends: cheap enough for every galaxy of a survey.

Ellipse fits are the features that Astronomaly takes of galaxies (Lochner & Bassett 2021, Astronomy and Computing 36,
100481, after Jedrzejewski 1987, MNRAS 226, 747). Here one centre, axis ratio and angle serve all ellipses of a galaxy:
what a twisting or lopsided galaxy leaves then is left for all to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Isophotes", "SkyNormalizedImages", "above_sky", "isophotes", "sums"]


Floats = NDArray[np.float32]

OUTER: Final = 0.38
"""Pixels farther from the middle than this share of the width are sky."""

MIDDLE: Final = 0.12
"""Pixels nearer to the middle than this share of the width say how bright a galaxy is in each band."""

TO_SIGMA: Final = 1.4826
CLIPPED: Final = 2.5
FITS: Final = 3
SOFTEST: Final = 1e-4
"""A sky so quiet, as a share of the brightest pixels, counts as noisy as that."""

FAINTEST: Final = 0.02
"""No band weighs less than one in which the galaxy's pixels have this many standard deviations."""


class SkyNormalizedImages:
    """Images above their sky.

    Attributes
    ----------
    bands : float32 (n, pixel, band)
        In standard deviations of the sky.
    together : float32 (n, pixel)
        The bands' sum, each with the weight that its signal has in the middle, in its own noise.
    sigma : float32 (n, band)
        Noise of the sky, in the images' unit.
    shape : (int, int)
        Of the images.
    y, x : float32 (pixel,)
        Of each pixel, from the middle.
    """

    def __init__(self, images: Floats) -> None:
        count, height, width, bands = images.shape
        self.shape = (height, width)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self.y, self.x = (y - (height - 1) / 2).ravel(), (x - (width - 1) / 2).ravel()
        far = np.hypot(self.y, self.x) / min(height, width)
        outer = far > OUTER
        self.sigma = _noise(images, outer.reshape(height, width))
        terms = np.stack([np.ones_like(self.x), 2 * self.x / width, 2 * self.y / height], axis=1)
        pixels = images.reshape(count, -1, bands)
        plane = _plane(pixels[:, outer], terms[outer], self.sigma)
        self.bands = np.asarray((pixels - terms @ plane) / self.sigma[:, None], np.float32)
        weights = np.maximum(self.bands[:, far < MIDDLE].mean(axis=1), FAINTEST)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        self.together = np.asarray((self.bands @ weights[..., None])[..., 0], np.float32)

    def __len__(self) -> int:
        return len(self.bands)

    def plane_of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (n, pixel, ...) as images (n, y, x, ...)."""
        return values.reshape(len(values), *self.shape, *values.shape[2:])


def above_sky(images: NDArray[np.floating]) -> SkyNormalizedImages:
    """Images float (n, y, x, band) above their sky; what is not finite counts as nothing."""
    return SkyNormalizedImages(np.nan_to_num(np.asarray(images, np.float32), posinf=0, neginf=0))


def _noise(images: Floats, outer: NDArray[np.bool_]) -> Floats:
    """From second differences along both axes, which know neither planes nor what is smooth (n, band)."""
    rows = images[:, 2:] - 2 * images[:, 1:-1] + images[:, :-2]
    curved = (rows[:, :, 2:] - 2 * rows[:, :, 1:-1] + rows[:, :, :-2]) / 6
    sigma = TO_SIGMA * np.median(np.abs(curved[:, outer[1:-1, 1:-1]][:, ::2]), axis=1)
    brightest = np.abs(images).max(axis=(1, 2))
    return np.asarray(np.maximum(sigma, np.maximum(SOFTEST * brightest, 1e-30)), np.float32)


def _plane(pixels: Floats, terms: Floats, sigma: Floats) -> Floats:
    """A plane through the sky, what stands out left out (n, 3, band)."""
    plane = np.zeros((len(pixels), 3, pixels.shape[2]), np.float32)
    plane[:, 0] = np.median(pixels[:, ::2], axis=1)
    pairs = (terms[:, :, None] * terms[:, None, :]).reshape(-1, 9)
    for _ in range(FITS):
        rest = pixels - terms @ plane
        inliers = (np.abs(rest) < CLIPPED * sigma[:, None]).astype(np.float32)
        squares = (inliers.transpose(0, 2, 1) @ pairs).reshape(len(pixels), -1, 3, 3) + np.eye(3, dtype=np.float32)
        products = (inliers * rest).transpose(0, 2, 1) @ terms
        plane += np.moveaxis(np.linalg.solve(squares, products[..., None])[..., 0], 1, 2)
    return plane


Integers = NDArray[np.int64]

SMOOTHED: Final = 1.5
WEIGHT: Final = 3.0
"""Widths of the Gaussians under which the middle is looked for [pixel]."""

FARTHEST: Final = 4.0
"""Pixels by which it may be off the cutout's middle."""

SEEN: Final = 0.6
"""Of the smoothed image [sigma]: where the mean circle falls below it, a galaxy's shape ends."""

CLIPS: Final = 3


@dataclass(frozen=True, eq=False)
class Isophotes:
    """Galaxies and their ellipses; annuli are one pixel wide.

    Attributes
    ----------
    above : SkyNormalizedImages
    axis_ratio : float (n,)
    radius : float32 (n, pixel)
        Geometric mean of the axes of the ellipse through each pixel.
    along, across : float32 (n, pixel)
        Of each pixel along the major and the minor axis.
    turned : int64 (n, pixel)
        The pixel on the opposite side.
    area : float64 (n, annulus)
        Pixels.
    profile, scatter : float64 (n, annulus, band + 1)
        What stands out left out; the last is all bands together.
    rest : float32 (n, pixel, band + 1)
        Pixels above the profile, in the scatter of their annulus.
    """

    above: SkyNormalizedImages
    axis_ratio: NDArray[np.float64]
    radius: Floats
    along: Floats
    across: Floats
    turned: Integers
    area: NDArray[np.float64]
    profile: NDArray[np.float64]
    scatter: NDArray[np.float64]
    rest: Floats

    @property
    def error(self) -> NDArray[np.float64]:
        """Of the profile of all bands together (n, annulus)."""
        return np.asarray(self.scatter[..., -1] / np.sqrt(self.area))


def isophotes(above: SkyNormalizedImages) -> Isophotes:
    """Fit the ellipses of a block of galaxies."""
    smooth = ndimage.gaussian_filter(above.plane_of(above.together), (0, SMOOTHED, SMOOTHED)).reshape(len(above), -1)
    y0, x0 = _middles(above, smooth)
    dy, dx = above.y - y0[:, None], above.x - x0[:, None]
    turned = _turned(above, y0, x0)
    extent = _extents(smooth, np.hypot(dy, dx), above.shape)
    axis_ratio, angle = _ellipses(smooth, turned, dy, dx, extent)
    cosine, sine = (part.astype(np.float32)[:, None] for part in (np.cos(angle), np.sin(angle)))
    along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
    root = np.sqrt(axis_ratio).astype(np.float32)[:, None]
    radius = np.hypot(along * root, across / root)
    return Isophotes(above, axis_ratio, radius, along, across, turned, *_annuli(above, radius))


def sums(values: Floats, places: Integers, count: int) -> NDArray[np.float64]:
    """Of values (n, pixel, ...) at each of `count` places, float64 (n, count, ...), by the places (n, pixel)."""
    n = len(places)
    flat = (np.arange(n)[:, None] * count + places).ravel()
    columns = values.reshape(n * places.shape[1], -1).T
    binned = [np.bincount(flat, column, n * count).reshape(n, count) for column in columns]
    return np.asarray(np.stack(binned, axis=-1).reshape(n, count, *values.shape[2:]), np.float64)


def _middles(above: SkyNormalizedImages, smooth: Floats) -> tuple[Floats, Floats]:
    y0, x0 = np.zeros((2, len(above)), np.float32)
    light = np.maximum(smooth, 0)
    near = 1e-6 * (np.hypot(above.y, above.x) < FARTHEST)
    for _ in range(4):
        off = (above.y - y0[:, None]) ** 2 + (above.x - x0[:, None]) ** 2
        weight = light * np.exp(-off / (2 * WEIGHT**2)) + near
        total = weight.sum(axis=1)
        y0, x0 = (np.clip(weight @ axis / total, -FARTHEST, FARTHEST) for axis in (above.y, above.x))
    return y0.astype(np.float32), x0.astype(np.float32)


def _turned(above: SkyNormalizedImages, y0: Floats, x0: Floats) -> Integers:
    """To the nearest half pixel; outside of the image, the nearest inside."""
    height, width = above.shape
    rows, columns = (
        np.clip(np.rint(2 * middle + side - 1)[:, None] - np.arange(side), 0, side - 1).astype(np.int64)
        for middle, side in ((y0, height), (x0, width))
    )
    return np.asarray((rows[:, :, None] * width + columns[:, None, :]).reshape(len(above), -1), np.int64)


def _extents(smooth: Floats, far: Floats, shape: tuple[int, int]) -> NDArray[np.float64]:
    count = min(shape) // 2 - 1
    places = np.minimum(far.astype(np.int64), count)
    mean = sums(smooth, places, count + 1) / np.maximum(sums(np.ones_like(smooth), places, count + 1), 1)
    below = mean < SEEN
    below[:, :3], below[:, -1] = False, True
    return np.asarray(np.maximum(below.argmax(axis=1), 4), np.float64)


def _ellipses(
    smooth: Floats, turned: Integers, dy: Floats, dx: Floats, extent: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Axis ratio and angle by moments of the light that has its like opposite, on a scale on which its rim counts."""
    light = np.arcsinh(np.maximum(np.minimum(smooth, np.take_along_axis(smooth, turned, axis=1)) - SEEN, 0))
    radius, ratio, angle = np.hypot(dy, dx), np.ones(len(dy)), np.zeros(len(dy))
    xx, yy, xy = dx * dx, dy * dy, dx * dy
    for _ in range(3):
        weight = np.where(radius < extent[:, None], light, 0) + np.float32(1e-6) * (np.hypot(dy, dx) < FARTHEST)
        total = weight.sum(axis=1)
        a, b, c = (np.einsum("np,np->n", weight, array) / total for array in (xx, yy, xy))
        spread, mean = np.hypot((a - b) / 2, c), (a + b) / 2
        ratio = np.sqrt(np.clip((mean - spread) / (mean + spread), 0.02, 1)).astype(np.float64)
        angle = 0.5 * np.arctan2(2 * c, a - b)
        cosine, sine, root = np.cos(angle)[:, None], np.sin(angle)[:, None], np.sqrt(ratio)[:, None]
        radius = np.hypot((dx * cosine + dy * sine) * root, (dy * cosine - dx * sine) / root)
    return ratio, angle


def _annuli(
    above: SkyNormalizedImages, radius: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], Floats]:
    """Area, profile, scatter and what is left of each pixel; what stands out in all bands together is clipped."""
    count = int(0.625 * min(above.shape))
    places = np.minimum(radius.astype(np.int64), count - 1)
    area = np.maximum(sums(np.ones_like(radius), places, count), 1)
    inliers = np.ones_like(radius)
    for _ in range(CLIPS):
        mean, scatter = _mean_and_scatter(above.together, inliers, places, count)
        off = np.abs(above.together - np.take_along_axis(mean, places, axis=1))
        inliers = (off < CLIPPED * np.take_along_axis(scatter, places, axis=1)).astype(np.float32)
    every = np.concatenate([above.bands, above.together[..., None]], axis=-1)
    profile, scatter = _mean_and_scatter(every, inliers, places, count)
    rest = [_rest(every[..., k], profile[..., k], scatter[..., k], radius) for k in range(every.shape[-1])]
    return area, profile, scatter, np.ascontiguousarray(np.stack(rest, axis=-1))


def _rest(values: Floats, profile: NDArray[np.float64], scatter: NDArray[np.float64], radius: Floats) -> Floats:
    """Values (n, pixel) above the profile (n, annulus), in its scatter; both are linear between annuli's middles."""
    count = profile.shape[1]
    position = np.clip(radius - 0.5, 0, count - 1.001)
    lower = position.astype(np.int64)
    share, lower = position - lower, lower + np.arange(len(radius))[:, None] * count
    model, noise = (_between(array.astype(np.float32), lower, share) for array in (profile, scatter))
    return np.asarray((values - model) / noise)


def _between(annuli: Floats, lower: Integers, share: Floats) -> Floats:
    flat, steps = annuli.ravel(), np.diff(annuli, axis=1, append=annuli[:, -1:]).ravel()
    return np.asarray(flat[lower] + share * steps[lower])


def _mean_and_scatter(
    values: Floats, inliers: Floats, places: Integers, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each annulus; no annulus is quieter than the sky."""
    weights = inliers if values.ndim == 2 else inliers[..., None]
    number = np.maximum(sums(weights, places, count), 1)
    mean = sums(weights * values, places, count) / number
    square = sums(weights * values * values, places, count) / number
    return mean, np.maximum(np.sqrt(1.2 * np.maximum(square - mean**2, 0)), 1.0)
