"""Pieces of real sky between the objects of SDSS frames, to paint galaxies on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from astropy.stats import sigma_clipped_stats
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.painting import Background, Psf, Recipe
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from gz2interp.stores.arrays import SHARD_ROWS
from trainer.sources.detection import detect
from trainer.sources.frame_sets import Frame, FrameSet, find_frame_sets, read_frame
from trainer.sources.sdss_frames import SdssFrames
from trainer.sources.seeing import psf_of, stellar_fwhm

__all__ = ["RealSky"]

Floats = NDArray[np.float32]

REFERENCE: Final = BANDS.index("r")

BRIGHT: Final = 6.3
"""Nothing that bright in r (20.5 mag) stands [nanomaggies] ..."""

APART: Final = 15.0
"""... within so many pixels of the middle; it may stand farther out."""

TRIES: Final = 500
"""Places looked at before a field counts as full."""

HALF: Final = CUTOUT_SIZE // 2


@dataclass(frozen=True, eq=False)
class Field:
    """One frame set, opened.

    Attributes
    ----------
    frames : tuple of Frame
        u g r i z.
    objects : float (n, 2)
        x, y of the bright objects in r [pixel].
    sky_sigma : float per band
        [nanomaggies per pixel].
    psf : Psf
    """

    frames: tuple[Frame, ...]
    objects: NDArray[np.float64]
    sky_sigma: tuple[float, ...]
    psf: Psf


class RealSky:
    """Real sky for the galaxies of a survey, found in a folder of ``frame-[ugriz]-RUN-CAMCOL-FIELD.fits``.

    Parameters
    ----------
    folder : path
    seed : int
        With the row it decides the place.

    Raises
    ------
    InputError
        No frame set in the folder has all five bands.

    Notes
    -----
    Pixels are taken as the telescope gave them, each band to its nearest pixel, for a resampling would correlate their
    noise. The rows of one shard lie on one frame set, so that one at a time is in memory.
    """

    def __init__(self, folder: str | Path, seed: int) -> None:
        found = find_frame_sets(Path(folder), BANDS)
        self._sets = [frames for frames in found if set(BANDS) <= set(frames.paths)]
        if not self._sets:
            raise InputError(
                f"None of the {len(found)} frame sets in {folder} has all of the bands {' '.join(BANDS)}",
                "At least one that has",
            )
        self._seed, self._lock = seed, Lock()
        self._open: tuple[str, Field] | None = None

    @property
    def names(self) -> list[str]:
        """Of the frame sets, in the order in which they are used."""
        return [frames.name for frames in self._sets]

    def seen(self, recipe: Recipe, row: int) -> Recipe:
        """The recipe with the PSF and the noise of its place, and no background of its own.

        Raises
        ------
        InputError
            The frames cannot be read, are not of native pixels, or show too few stars.
        """
        field = self._field(row)
        noise = replace(recipe.noise, sky_sigma=field.sky_sigma)
        return replace(recipe, psf=field.psf, noise=noise, background=Background())

    def cutout(self, row: int) -> Cutout:
        """The piece of sky of a row.

        Raises
        ------
        InputError
            As `seen`, or nowhere on the frame is there room.
        """
        field = self._field(row)
        x, y = self._place(field, row)
        ra, dec = field.frames[REFERENCE].wcs.pixel_to_world_values(x + 0.5, y + 0.5)
        image = np.stack([_cut(frame, float(ra), float(dec)) for frame in field.frames], axis=-1)
        valid = np.asarray(np.isfinite(image).all(axis=-1))
        return Cutout(
            image=np.where(valid[..., None], image, 0).astype(np.float32),
            valid=valid,
            source=SdssFrames.name,
            pixel_scale=NATIVE_PIXEL_SCALE,
            native_unit="nanomaggy",
            sky_sigma=field.sky_sigma,
            psf_fwhm=field.psf.fwhm,
        )

    def _place(self, field: Field, row: int) -> tuple[int, int]:
        """The pixel below and left of the middle."""
        height, width = field.frames[REFERENCE].data.shape
        rng = np.random.default_rng([self._seed, row, 1])
        for _ in range(TRIES):
            x, y = int(rng.integers(2 * HALF, width - 2 * HALF)), int(rng.integers(2 * HALF, height - 2 * HALF))
            if not len(field.objects) or np.hypot(*(field.objects - (x, y)).T).min() > APART:
                return x, y
        raise InputError(
            f"In {TRIES} tries no empty sky was found on frame set {self._set_of(row).name}", "Frames with less on them"
        )

    def _set_of(self, row: int) -> FrameSet:
        return self._sets[row // SHARD_ROWS % len(self._sets)]

    def _field(self, row: int) -> Field:
        frames = self._set_of(row)
        with self._lock:
            if self._open is None or self._open[0] != frames.name:
                self._open = None  # the old one may go before the new one comes
                self._open = frames.name, _opened(frames)
            return self._open[1]


def _opened(frames: FrameSet) -> Field:
    try:
        read = tuple(read_frame(frames.paths[band]) for band in BANDS)
    except CutoutUnavailable as error:
        raise InputError(
            f"Frame set {frames.name} cannot be painted on: {error.reason}", "Frames that are whole"
        ) from None
    scales = proj_plane_pixel_scales(read[REFERENCE].wcs) * 3600
    if not np.allclose(scales, NATIVE_PIXEL_SCALE, rtol=0.01):
        raise InputError(
            f"The pixels of frame set {frames.name} are {scales.max():.3f} arcsec wide", "0.396: as SDSS gave them"
        )
    fwhm = stellar_fwhm([frame.data for frame in read], REFERENCE)
    if not np.isfinite(fwhm).all():
        raise InputError(
            f"Too few stars on frame set {frames.name} tell the width of its PSF", "Five isolated ones or more"
        )
    flux, x, y = detect(read[REFERENCE].data).T
    return Field(read, np.column_stack([x, y])[flux > BRIGHT], tuple(map(_sigma, read)), psf_of(fwhm))


def _sigma(frame: Frame) -> float:
    """Of a ninth of the pixels. Not by medians: the camera's whole counts would round them by a fifth."""
    pixels = frame.data[::3, ::3]
    return float(sigma_clipped_stats(pixels[np.isfinite(pixels)], sigma=3.5, maxiters=10)[2])


def _cut(frame: Frame, ra: float, dec: float) -> Floats:
    """The pixels about a position; NaN beyond the frame."""
    x, y = frame.wcs.world_to_pixel_values(ra, dec)
    left, low = round(float(x) + 0.5) - HALF, round(float(y) + 0.5) - HALF
    height, width = frame.data.shape
    if left < 0 or low < 0 or left + 2 * HALF > width or low + 2 * HALF > height:
        return np.full((2 * HALF, 2 * HALF), np.nan, np.float32)
    return frame.data[low : low + 2 * HALF, left : left + 2 * HALF]
