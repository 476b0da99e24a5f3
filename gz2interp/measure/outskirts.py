"""Properties of an image outside its galaxy: noise, background, centring, smoothness, and the PSF's width.

Everything is measured in the outskirts and robustly, so that a large galaxy does not look noisy, nor its sky bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from gz2interp.errors import InputError
from gz2interp.measure.bars import FWHM, fitted_ellipses

__all__ = ["ABOVE", "FRAME", "PORTION", "MeasuredImages", "frame_of", "measure", "planes", "signal_of", "star_widths"]


Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer]

PORTION = 64
"""Galaxies measured at a time."""

FRAME = 0.33
"""Pixels farther from the middle than this share of the cutout's width are its outskirts."""

TO_SIGMA = 1.4826
"""A Gaussian's standard deviation over its median absolute deviation."""

SMOOTHED = 1.5
"""Width of the Gaussian under which the galaxy is looked for [pixel]."""

ABOVE = 3.0
"""Standard deviations above the sky at which a galaxy ends, under that Gaussian."""

NEAR = 0.1
"""Of the cutout's width: the galaxy's peak is as near to the middle as that."""

MARGIN = 3
"""Pixels by which it is then made larger: there is more light than one sees."""

CLIPPED = 2.5
"""Standard deviations beyond which a pixel is no sky."""

SOFTEST = 1e-4
"""A sky so quiet, as a share of the brightest pixels, counts as noisy as that: pictures without noise exist."""


@dataclass(frozen=True, eq=False)
class MeasuredImages:
    """Galaxies with what is known of their nuisances.

    Attributes
    ----------
    images : float32 (n, y, x, band)
    valid : bool (n, y, x)
    sigma : float32 (n, band)
        Noise of the sky, from its high frequencies, in the images' unit.
    plane : float32 (n, 3, band)
        Background: its level in the middle, and its rises to the edges along x and y.
    galaxy : bool (n, y, x)
        Where the galaxy is.
    centre : float32 (n, 2)
        Of its light, y and x from the middle [pixel].
    correlation : float32 (n,)
        Of the noise of neighbouring pixels.
    fwhm : float32 (n, band)
        Width of the PSF [pixel]; NaN where unknown.
    """

    images: Floats
    valid: Bools
    sigma: Floats
    plane: Floats
    galaxy: Bools
    centre: Floats
    correlation: Floats
    fwhm: Floats

    def __len__(self) -> int:
        return len(self.images)

    def of(self, rows: Ints) -> MeasuredImages:
        """Some of them."""
        return MeasuredImages(*(getattr(self, field.name)[rows] for field in fields(self)))


def measure(images: ArrayLike, valid: ArrayLike | None = None, fwhm: ArrayLike | None = None) -> MeasuredImages:
    """Measure galaxies, a portion at a time.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    valid : bool (n, y, x), optional
        By default every pixel is valid.
    fwhm : float (n, band), optional
        Of the PSF [pixel].

    Raises
    ------
    InputError
        The arrays do not fit one another, or the images are smaller than 8 pixels.
    """
    pixels = np.asarray(images, np.float32)
    if pixels.ndim != 4 or min(pixels.shape[1:3], default=0) < 8:
        raise InputError(f"Images of shape {pixels.shape} were given", "(n, y, x, band) with at least 8 pixels a side")
    mask = np.ones(pixels.shape[:3], np.bool_) if valid is None else np.asarray(valid, np.bool_)
    widths = np.full((len(pixels), pixels.shape[3]), np.nan, np.float32) if fwhm is None else np.asarray(fwhm)
    if mask.shape != pixels.shape[:3] or widths.shape != (len(pixels), pixels.shape[3]):
        raise InputError(
            f"Masks {mask.shape} and widths {widths.shape} were given with images {pixels.shape}",
            "valid (n, y, x) and fwhm (n, band)",
        )
    starts = range(0, max(len(pixels), 1), PORTION)
    parts = [_measured(pixels[first : first + PORTION], mask[first : first + PORTION]) for first in starts]
    sigma, plane, galaxy, centre, correlation = (np.concatenate(part) for part in zip(*parts, strict=True))
    return MeasuredImages(pixels, mask, sigma, plane, galaxy, centre, correlation, widths.astype(np.float32))


def planes(plane: Floats, shape: tuple[int, int]) -> Floats:
    """The light of backgrounds (n, 3, band), float32 (n, y, x, band)."""
    light = _terms(shape).reshape(-1, 3) @ plane
    return np.asarray(light.reshape(len(plane), *shape, plane.shape[2]), np.float32)


def _measured(images: Floats, valid: Bools) -> tuple[Floats, Floats, Bools, Floats, Floats]:
    outskirts = frame_of(images.shape[1:3])[None] & valid
    sigma = _noise(images, outskirts)
    plane = _background(images, outskirts, sigma)
    galaxy = _galaxies(signal_of(images, plane, sigma), valid)
    # Once more, without what of the galaxy reaches into the outskirts; where nothing is left, as before.
    enough = (outskirts & ~galaxy).sum(axis=(1, 2), keepdims=True) > 0.2 * outskirts.sum(axis=(1, 2), keepdims=True)
    sky = np.where(enough, outskirts & ~galaxy, outskirts)
    sigma = _noise(images, sky)
    plane = _background(images, sky, sigma)
    signal = signal_of(images, plane, sigma)
    galaxy = _galaxies(signal, valid)
    return sigma, plane, galaxy, _centres(signal, galaxy), _correlation(images - planes(plane, images.shape[1:3]), sky)


def frame_of(shape: Sequence[int]) -> Bools:
    """The outskirts of a cutout, bool (y, x)."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    far = np.hypot(y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2)
    return np.asarray(far > FRAME * min(shape))


def _noise(images: Floats, sky: Bools) -> Floats:
    """From second differences along both axes, which know neither planes nor what is smooth, (n, band)."""
    rows = images[:, 2:] - 2 * images[:, 1:-1] + images[:, :-2]
    curved = (rows[:, :, 2:] - 2 * rows[:, :, 1:-1] + rows[:, :, :-2]) / 6
    sigma = TO_SIGMA * _median(np.abs(curved), sky[:, 1:-1, 1:-1])
    brightest = np.quantile(np.abs(images), 0.999, axis=(1, 2))
    return np.asarray(np.maximum(sigma, np.maximum(SOFTEST * brightest, 1e-30)), np.float32)


def _background(images: Floats, sky: Bools, sigma: Floats) -> Floats:
    """A plane through the pixels of the sky, what stands out left out, (n, 3, band)."""
    terms = _terms(images.shape[1:3]).reshape(-1, 3)
    pixels = images.reshape(len(images), -1, images.shape[3])
    level = _median(images, sky)
    spread = TO_SIGMA * _median(np.abs(images - level[:, None, None]), sky)
    in_sky = sky.reshape(len(images), -1)[..., None]
    used = in_sky & (np.abs(pixels - level[:, None]) < 3 * np.maximum(spread, sigma)[:, None])
    plane = np.zeros((len(images), 3, images.shape[3]), np.float32)
    for _ in range(4):
        plane = _fitted(terms, pixels, used.astype(np.float32))
        rest = pixels - terms @ plane
        used = in_sky & (np.abs(rest) < CLIPPED * sigma[:, None])
    return plane


def _fitted(terms: Floats, pixels: Floats, weights: Floats) -> Floats:
    """Weighted least squares of each galaxy and band, held to a plane of zero by almost nothing."""
    pairs = (terms[:, :, None] * terms[:, None, :]).reshape(-1, 9)
    squares = (weights.transpose(0, 2, 1) @ pairs).reshape(len(weights), -1, 3, 3)
    products = (weights * pixels).transpose(0, 2, 1) @ terms
    held = squares + 1e-6 * np.eye(3)
    return np.asarray(np.moveaxis(np.linalg.solve(held, products[..., None])[..., 0], 1, 2), np.float32)


def _terms(shape: Sequence[int]) -> Floats:
    """1, x and y from -1 to 1 across the cutout, (y, x, 3)."""
    y, x = ((2 * np.arange(side) + 1) / side - 1 for side in shape)
    return np.stack(np.broadcast_arrays(1.0, x[None, :], y[:, None]), axis=-1).astype(np.float32)


def signal_of(images: Floats, plane: Floats, sigma: Floats) -> Floats:
    """All bands together above the background under a Gaussian, in units of its own noise, float32 (n, y, x).

    Parameters
    ----------
    images : float32 (n, y, x, band)
    plane : float32 (n, 3, band)
    sigma : float32 (n, band)
    """
    above = (images - planes(plane, images.shape[1:3])) / sigma[:, None, None]
    together = above.sum(axis=3) / np.sqrt(images.shape[3])
    smooth = ndimage.gaussian_filter(together, (0, SMOOTHED, SMOOTHED))
    return np.asarray(smooth * (2 * np.sqrt(np.pi) * SMOOTHED), np.float32)


def _galaxies(signal: Floats, valid: Bools) -> Bools:
    return np.stack([_galaxy(part, mask) for part, mask in zip(signal, valid, strict=True)])


def _galaxy(signal: Floats, valid: Bools) -> Bools:
    """The connected light nearest to the middle that has its like opposite its peak, and a margin about it.

    Galaxies look much the same turned by half a turn; a star or a neighbour on one side, whose light runs into the
    galaxy's, does not.
    """
    y, x = np.mgrid[: signal.shape[0], : signal.shape[1]].astype(float)
    far = np.hypot(y - (signal.shape[0] - 1) / 2, x - (signal.shape[1] - 1) / 2)
    pieces, count = ndimage.label((signal > ABOVE) & valid)
    if not count:
        return np.asarray(far < 0.1 * min(signal.shape))
    light = pieces == pieces.flat[np.where(pieces > 0, far, np.inf).argmin()]
    near = light & (far < max(far[light].min() + 1, NEAR * min(signal.shape)))
    peak = np.unravel_index(np.where(near, signal, -np.inf).argmax(), signal.shape)
    return np.asarray(ndimage.binary_dilation(light & _turned(light, peak), iterations=MARGIN))


def _turned(light: Bools, peak: Sequence[np.intp]) -> Bools:
    """Turned by half a turn about a pixel."""
    y, x = (2 * int(place) - np.arange(side) for place, side in zip(peak, light.shape, strict=True))
    inside = ((y >= 0) & (y < len(y)))[:, None] & ((x >= 0) & (x < len(x)))[None, :]
    return np.asarray(light[np.clip(y, 0, len(y) - 1)[:, None], np.clip(x, 0, len(x) - 1)[None, :]] & inside)


def _centres(signal: Floats, galaxy: Bools) -> Floats:
    light = np.where(galaxy, np.maximum(signal, 0), 0) + 1e-12
    y, x = (np.arange(side) - (side - 1) / 2 for side in signal.shape[1:])
    total = light.sum(axis=(1, 2))
    moments = (np.einsum("nyx,y->n", light, y), np.einsum("nyx,x->n", light, x))
    return np.asarray(np.stack(moments, axis=1) / total[:, None], np.float32)


def _correlation(residual: Floats, sky: Bools) -> Floats:
    """Of the noise of neighbours: how much less next pixels differ than pixels three apart, the bands' median (n,)."""
    near, far = (
        _median(np.abs(residual[:, :, step:] - residual[:, :, :-step]), sky[:, :, step:] & sky[:, :, :-step])
        for step in (1, 3)
    )
    ratio = np.where(far > 0, near / np.where(far > 0, far, 1), 1.0)
    return np.asarray(1 - np.median(ratio, axis=1) ** 2, np.float32)


def _median(values: Floats, where: Bools) -> Floats:
    """Over the pixels that count, (n, band); 0 where none does."""
    medians = [
        np.median(part[mask], axis=0) if mask.any() else np.zeros(part.shape[-1])
        for part, mask in zip(values, where, strict=True)
    ]
    return np.asarray(medians, np.float32).reshape(len(values), values.shape[-1])


REACH = 6
"""Pixels on each side of a star that are looked at."""

BRIGHT = 60.0
"""Of a star's peak, all bands together under a Gaussian [standard deviations]."""

SEEN = 15.0
"""Of its peak in the band that is measured [standard deviations]: fainter ones look narrow or wide by chance."""

ROUND = 0.8
"""Axis ratio from which on it may be a star."""

WINGS = 1.13
"""By how much the wings of a Moffat profile widen what moments measure: found on painted stars of known width."""

MOST = 4
"""Stars looked at in a cutout, the brightest first."""


def star_widths(galaxies: MeasuredImages) -> Floats:
    """Full width at half maximum of the sharpest round object beside each galaxy, band by band.

    Parameters
    ----------
    galaxies : MeasuredImages

    Returns
    -------
    float32 (n, band)
        [pixel]; NaN where no bright object stands alone. An upper limit: a compact galaxy is wider than a star.
    """
    above = galaxies.images - planes(galaxies.plane, galaxies.images.shape[1:3])
    signal = signal_of(galaxies.images, galaxies.plane, galaxies.sigma)
    widths = np.full(galaxies.sigma.shape, np.nan, np.float32)
    for place in range(len(galaxies)):
        for y, x in _peaks(signal[place], galaxies.valid[place] & ~galaxies.galaxy[place]):
            stamp = above[place, y - REACH : y + REACH + 1, x - REACH : x + REACH + 1]
            widths[place] = np.fmin(widths[place], _widths(stamp, galaxies.sigma[place]))
    return widths


def _peaks(signal: Floats, sky: Bools) -> list[tuple[int, int]]:
    """Bright peaks whose whole stamp lies in the cutout and beside the galaxy, the brightest first."""
    tops = (signal == ndimage.maximum_filter(signal, size=5)) & (signal > BRIGHT) & sky
    tops[:REACH] = tops[-REACH:] = tops[:, :REACH] = tops[:, -REACH:] = False
    places = [(int(y), int(x)) for y, x in np.argwhere(tops)]
    return sorted(places, key=lambda at: -signal[at])[:MOST]


def _widths(stamp: Floats, sigma: Floats) -> Floats:
    ellipses = fitted_ellipses(np.maximum(np.moveaxis(stamp, -1, 0), 0), farthest=2.0)
    alone = (stamp.max(axis=(0, 1)) > SEEN * sigma) & (ellipses.minor >= ROUND * ellipses.major)
    return np.where(alone, FWHM * np.sqrt(ellipses.major * ellipses.minor) / WINGS, np.nan).astype(np.float32)
