"""Where a frame set shows nothing bright, and what the sky is like there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.painting import Noise
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from trainer.sources.detection import segment
from trainer.sources.frame_sets import Counts, Frame
from trainer.sources.noise import scatter
from trainer.sources.seeing import seeing_of

__all__ = ["CELL", "EmptySky", "empty_sky"]

Mask = NDArray[np.bool_]

CELL: Final = 8
"""Pixels along a side of the squares into which a frame is divided."""

BRIGHT, CLEAR = 20.5, 6.0
"""No object brighter than that in r has a pixel within so many arcsec of the middle."""

TILES: Final = (4, 8)
"""In which the sky's noise is measured, along y and x: a chip is read by two amplifiers, one for each half along x."""

HALF = CUTOUT_SIZE // 2


@dataclass(frozen=True, eq=False)
class EmptySky:
    """What must be known of a frame set to choose places on it; some 100 kB.

    Attributes
    ----------
    free : bool (cell y, cell x)
        Whether all pixels of a square of the r frame may be the middle of a cutout.
    fwhm : float per band
        Of the PSF [arcsec].
    sigma : float64 (band, tile y, tile x)
        Scatter of the sky [nanomaggies per pixel].
    shape : (int, int)
        Of the r frame (y, x).
    wcs : WCS per band
    counts : Counts or None per band
    reason : str
        Why nothing can be painted onto it; "" if it can.
    """

    free: Mask
    fwhm: tuple[float, ...]
    sigma: NDArray[np.float64]
    shape: tuple[int, int]
    wcs: tuple[WCS, ...]
    counts: tuple[Counts | None, ...]
    reason: str = ""

    def middles(self, x: int, y: int) -> NDArray[np.float64]:
        """The middle of the cutout around a pixel of the r frame, in the pixels of each band (band, 2), x first."""
        # Of 64 pixels the middle is the corner of four: half a pixel before the first of the second half.
        sky = self.wcs[BANDS.index("r")].pixel_to_world_values(x - 0.5, y - 0.5)
        return np.array([wcs.world_to_pixel_values(*sky) for wcs in self.wcs], np.float64)

    def noise(self, x: int, y: int) -> Noise:
        """Of the sky around a pixel of the r frame, with the camera's gain where it is known."""
        down, across = (place * tiles // size for place, tiles, size in zip((y, x), TILES, self.shape, strict=True))
        sigma = tuple(round(float(value), 6) for value in self.sigma[:, down, across])
        columns = slice(x - HALF, x + HALF)
        if any(counts is None for counts in self.counts):
            return Noise(sigma, electrons_per_count=(0.0,) * len(BANDS))
        known = [counts for counts in self.counts if counts is not None]
        per_nanomaggy = (counts.electrons / float(counts.nanomaggies[columns].mean()) for counts in known)
        return Noise(sigma, tuple(round(value, 3) for value in per_nanomaggy), tuple(c.electrons for c in known))


def empty_sky(frames: Sequence[Frame]) -> EmptySky:
    """Survey a frame set.

    Parameters
    ----------
    frames : sequence of Frame
        In u g r i z.
    """
    seeing = seeing_of(frames)
    main = frames[BANDS.index("r")]
    free = _free(frames, main)
    return EmptySky(
        free=free,
        fwhm=tuple(round(fwhm, 4) for fwhm in seeing.fwhm),
        sigma=np.stack([_sigma(frame.data) for frame in frames]),
        shape=(main.data.shape[0], main.data.shape[1]),
        wcs=tuple(frame.wcs for frame in frames),
        counts=tuple(frame.counts for frame in frames),
        reason=seeing.reason or ("" if free.any() else "nowhere is the sky empty"),
    )


def _free(frames: Sequence[Frame], main: Frame) -> Mask:
    height, width = main.data.shape
    apart = max(_offset(frame, main) for frame in frames)
    margin = HALF + apart + 1
    free = _clear(main.data)
    for frame in frames:
        if not np.isfinite(frame.data).all():
            free &= ~_near(~np.isfinite(frame.data), margin, free.shape)
    middle = np.zeros_like(free)
    middle[margin : height - margin, margin : width - margin] = True
    whole = (free & middle)[: height // CELL * CELL, : width // CELL * CELL]
    return np.asarray(whole.reshape(height // CELL, CELL, width // CELL, CELL).all(axis=(1, 3)))


def _clear(data: NDArray[np.float32]) -> Mask:
    """Pixels with no pixel of a bright object near them."""
    objects = segment(data)
    bright = objects.names[objects.flux > 10 ** (0.4 * (22.5 - BRIGHT))]
    taken = np.isin(objects.labels, bright)
    if not taken.any():
        return np.ones(data.shape, np.bool_)
    return np.asarray(ndimage.distance_transform_edt(~taken) * NATIVE_PIXEL_SCALE > CLEAR)


def _near(holes: Mask, margin: int, shape: tuple[int, ...]) -> Mask:
    """Middles of cutouts that would hold one of the holes, on a frame of that shape."""
    near = np.zeros(shape, np.bool_)
    grown = ndimage.maximum_filter(holes, 2 * margin + 1)
    height, width = (min(sizes) for sizes in zip(shape, holes.shape, strict=True))
    near[:height, :width] = grown[:height, :width]
    return near


def _offset(frame: Frame, main: Frame) -> int:
    """By how many pixels a band lies beside r at most."""
    y, x = (np.array([0, size - 1]) for size in main.data.shape)
    corners = np.array(np.meshgrid(x, y)).reshape(2, -1)
    there = frame.wcs.world_to_pixel_values(*main.wcs.pixel_to_world_values(*corners))
    sizes = np.array(frame.data.shape[::-1]) - main.data.shape[::-1]
    return int(np.ceil(np.abs(there - corners).max() + np.abs(sizes).max()))


def _sigma(data: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.array_split(data, TILES[0], axis=0)
    return np.array([[scatter(tile[::2, ::2]) for tile in np.array_split(row, TILES[1], axis=1)] for row in rows])
