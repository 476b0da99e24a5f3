"""Patches of empty sky from SDSS frames, as backgrounds for painted galaxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.painting import Background, Noise, Psf, Recipe
from gz2interp.painting.streams import stream
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from gz2interp.stores.fits_headers import position_angle
from trainer.sources.detection import segment
from trainer.sources.frame_sets import Frame, FrameCounts, find_frame_sets, read_frame
from trainer.sources.judging import scatter
from trainer.sources.sdss_frames import SdssFrames
from trainer.sources.seeing import seeing_of

__all__ = ["CELL", "EmptySky", "RealSky", "SkyPatch", "empty_sky"]


Mask = NDArray[np.bool_]

CELL: Final = 8
"""Side of the square cells into which a frame is divided [pixel]."""

BRIGHT_LIMIT, CLEAR_RADIUS = 20.5, 6.0
"""No pixel of an object brighter than this magnitude in r lies within this radius [arcsec] of a patch's centre."""

TILES: Final = (4, 8)
"""Tiles along y and x in which the sky noise is measured: each half of a chip along x has its own amplifier."""

HALF = CUTOUT_SIZE // 2


@dataclass(frozen=True, eq=False)
class EmptySky:
    """Properties of a frame set needed to choose positions on it; about 100 kB.

    Attributes
    ----------
    free : bool (cell y, cell x)
        Whether all pixels of a cell of the r frame may be the centre of a cutout.
    fwhm : float per band
        Of the PSF [arcsec].
    sigma : float64 (band, tile y, tile x)
        Scatter of the sky [nanomaggies per pixel].
    shape : (int, int)
        Of the r frame (y, x).
    reason : str
        Why the frame set cannot be used; "" if it can.
    """

    free: Mask
    fwhm: tuple[float, ...]
    sigma: NDArray[np.float64]
    shape: tuple[int, int]
    wcs: tuple[WCS, ...]
    counts: tuple[FrameCounts | None, ...]
    reason: str = ""

    def centres(self, x: int, y: int) -> NDArray[np.float64]:
        """Centre (x, y) of the cutout around a pixel of the r frame, in the pixels of each band (band, 2)."""
        # The centre of an even number of pixels lies half a pixel before the first one of the second half.
        sky = self.wcs[BANDS.index("r")].pixel_to_world_values(x - 0.5, y - 0.5)
        return np.array([wcs.world_to_pixel_values(*sky) for wcs in self.wcs], np.float64)

    def noise(self, x: int, y: int) -> Noise:
        """Noise of the sky around a pixel of the r frame, with the gain of the camera where it is known."""
        down, across = (pixel * tiles // size for pixel, tiles, size in zip((y, x), TILES, self.shape, strict=True))
        sigma = tuple(round(float(value), 6) for value in self.sigma[:, down, across])
        columns = slice(x - HALF, x + HALF)
        if any(counts is None for counts in self.counts):
            return Noise(sigma, electrons_per_count=(0.0,) * len(BANDS))
        calibrated = [counts for counts in self.counts if counts is not None]
        per_nanomaggy = (counts.electrons / float(counts.nanomaggies[columns].mean()) for counts in calibrated)
        return Noise(sigma, tuple(round(value, 3) for value in per_nanomaggy), tuple(c.electrons for c in calibrated))


def empty_sky(frames: Sequence[Frame]) -> EmptySky:
    """Measure a frame set in u g r i z."""
    seeing = seeing_of(frames)
    main = frames[BANDS.index("r")]
    free = _free_cells(frames, main)
    return EmptySky(
        free=free,
        fwhm=tuple(round(fwhm, 4) for fwhm in seeing.fwhm),
        sigma=np.stack([_sigma(frame.data) for frame in frames]),
        shape=(main.data.shape[0], main.data.shape[1]),
        wcs=tuple(frame.wcs for frame in frames),
        counts=tuple(frame.counts for frame in frames),
        reason=seeing.reason or ("" if free.any() else "no part of the sky is empty"),
    )


def _free_cells(frames: Sequence[Frame], main: Frame) -> Mask:
    height, width = main.data.shape
    offset = max(_offset(frame, main) for frame in frames)
    margin = HALF + offset + 1
    free = _far_from_bright(main.data)
    for frame in frames:
        if not np.isfinite(frame.data).all():
            free &= ~_near_holes(~np.isfinite(frame.data), margin, free.shape)
    inside = np.zeros_like(free)
    inside[margin : height - margin, margin : width - margin] = True
    whole = (free & inside)[: height // CELL * CELL, : width // CELL * CELL]
    return np.asarray(whole.reshape(height // CELL, CELL, width // CELL, CELL).all(axis=(1, 3)))


def _far_from_bright(data: NDArray[np.float32]) -> Mask:
    """Mask of pixels farther than `CLEAR_RADIUS` from any bright object."""
    objects = segment(data)
    bright = objects.names[objects.flux > 10 ** (0.4 * (22.5 - BRIGHT_LIMIT))]
    taken = np.isin(objects.labels, bright)
    if not taken.any():
        return np.ones(data.shape, np.bool_)
    return np.asarray(ndimage.distance_transform_edt(~taken) * NATIVE_PIXEL_SCALE > CLEAR_RADIUS)


def _near_holes(holes: Mask, margin: int, shape: tuple[int, ...]) -> Mask:
    """Mask of cutout centres whose cutouts would contain a hole, on a frame of the given shape."""
    near = np.zeros(shape, np.bool_)
    grown = ndimage.maximum_filter(holes, 2 * margin + 1)
    height, width = (min(sizes) for sizes in zip(shape, holes.shape, strict=True))
    near[:height, :width] = grown[:height, :width]
    return near


def _offset(frame: Frame, main: Frame) -> int:
    """Largest offset of a band from r [pixel]."""
    y, x = (np.array([0, size - 1]) for size in main.data.shape)
    corners = np.array(np.meshgrid(x, y)).reshape(2, -1)
    shifted = frame.wcs.world_to_pixel_values(*main.wcs.pixel_to_world_values(*corners))
    sizes = np.array(frame.data.shape[::-1]) - main.data.shape[::-1]
    return int(np.ceil(np.abs(shifted - corners).max() + np.abs(sizes).max()))


def _sigma(data: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.array_split(data, TILES[0], axis=0)
    return np.array([[scatter(tile[::2, ::2]) for tile in np.array_split(row, TILES[1], axis=1)] for row in rows])


Progress = Callable[[int, int], None]

SCALE_TOLERANCE: Final = 0.01
"""Relative tolerance of the pixel scale."""

ROWS_PER_SET: Final = 128
"""Consecutive galaxies that share a frame set, because opening one takes seconds."""


@dataclass(frozen=True)
class SkyPatch:
    """Position and properties of one patch of empty sky.

    Attributes
    ----------
    frame_set : str
        RUN-CAMCOL-FIELD.
    corners : (x, y) per band
        First pixel on each frame.
    psf : Psf
        Local PSF; its shift is the subpixel offset between the bands.
    noise : Noise
        Local sky noise and the gain of the camera.
    """

    frame_set: str
    corners: tuple[tuple[int, int], ...]
    psf: Psf
    noise: Noise


class RealSky:
    """Patches of empty sky, one per catalogue row, determined by the seed and the row.

    Parameters
    ----------
    folder : path
        Of SDSS frames in u g r i z.
    rows : int, optional
        Number of patches needed, which limits the frame sets that are measured; by default all are.
    progress : callable, optional
        Called with the number of usable frame sets so far, and the number needed.
    open_sets : int
        Frame sets kept in memory, 61 MB each.

    Raises
    ------
    InputError
        There is no such folder, or no frame set with all bands, enough stars and empty sky.

    Notes
    -----
    Empty means that no object brighter than 20.5 in r lies within 6 arcsec of the centre; the outer parts may contain
    objects. Pixels are cut without resampling, which preserves their noise: bands are shifted against each other by up
    to half a pixel, as in every cutout of native pixels, and painted light is shifted with them. Patches of one frame
    may overlap.
    """

    def __init__(
        self,
        folder: str | Path,
        seed: int,
        rows: int | None = None,
        progress: Progress | None = None,
        *,
        open_sets: int = 2,
    ) -> None:
        self._seed = seed
        self._sets = {frames.name: frames for frames in find_frame_sets(Path(folder), BANDS)}
        self._frames = lru_cache(maxsize=open_sets)(self._read)
        self._skies = dict[str, EmptySky]()
        self.left_out = dict[str, str]()
        """Rejected frame sets, with the reason."""
        needed = len(self._sets) if rows is None else min(-(-rows // ROWS_PER_SET), len(self._sets))
        names = sorted(self._sets)
        for number in stream(seed, "frame sets").permutation(len(names)):
            self._measure(names[number])
            if progress:
                progress(len(self._skies), needed)
            if len(self._skies) == needed:
                break
        if not self._skies:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in list(self.left_out.items())[:3])
            raise InputError(
                f"No frame set in {folder} can be painted onto ({reasons})",
                "frames in u g r i z of a field with a few isolated stars and empty sky between its objects",
            )

    @property
    def names(self) -> list[str]:
        """Names of the frame sets in use, in the order of use."""
        return list(self._skies)

    def observe(self, recipe: Recipe, row: int) -> Recipe:
        """The recipe with the PSF and noise of the patch of a row, and without a painted background."""
        patch = self.patch(row)
        return replace(recipe, psf=patch.psf, noise=patch.noise, background=Background())

    def patch(self, row: int) -> SkyPatch:
        """The patch of a row."""
        name = self.names[row // ROWS_PER_SET % len(self._skies)]
        sky, rng = self._skies[name], stream(self._seed, f"place of row {row}")
        cells = np.flatnonzero(sky.free)
        corner = np.array(np.unravel_index(cells[rng.integers(len(cells))], sky.free.shape)) * CELL
        y, x = (int(pixel) for pixel in corner + rng.integers(CELL, size=2))
        centres = sky.centres(x, y) + 0.5
        corners, offset = np.rint(centres).astype(int) - CUTOUT_SIZE // 2, centres - np.rint(centres)
        shift = (offset * NATIVE_PIXEL_SCALE).round(4) + 0.0  # no negative zeros
        psf = Psf(sky.fwhm, tuple((float(right), float(up)) for right, up in shift))
        return SkyPatch(name, tuple((int(left), int(low)) for left, low in corners), psf, sky.noise(x, y))

    def cutout(self, row: int) -> Cutout:
        """The sky of a row.

        Raises
        ------
        CutoutUnavailable
            The frames can no longer be read.
        """
        patch = self.patch(row)
        frames = self._frames(patch.frame_set)
        planes = [
            frame.data[y : y + CUTOUT_SIZE, x : x + CUTOUT_SIZE]
            for frame, (x, y) in zip(frames, patch.corners, strict=True)
        ]
        return Cutout(
            image=np.stack(planes, axis=-1),
            valid=np.ones((CUTOUT_SIZE, CUTOUT_SIZE), np.bool_),
            source=SdssFrames.name,
            pixel_scale=NATIVE_PIXEL_SCALE,
            position_angle=position_angle(frames[BANDS.index("r")].wcs),
            native_unit=", ".join(dict.fromkeys(frame.unit for frame in frames)),
            sky_sigma=patch.noise.sky_sigma,
            psf_fwhm=patch.psf.fwhm,
        )

    def _measure(self, name: str) -> None:
        try:
            frames = self._frames(name)
        except CutoutUnavailable as error:
            self.left_out[name] = error.reason
            return
        width = 3600 * float(proj_plane_pixel_scales(frames[BANDS.index("r")].wcs)[0])
        if abs(width / NATIVE_PIXEL_SCALE - 1) > SCALE_TOLERANCE:
            self.left_out[name] = f"its pixels are {width:.3f} arcsec wide, not {NATIVE_PIXEL_SCALE}"
            return
        sky = empty_sky(frames)
        if sky.reason:
            self.left_out[name] = sky.reason
        else:
            self._skies[name] = sky

    def _read(self, name: str) -> tuple[Frame, ...]:
        paths = self._sets[name].paths
        missing = [band for band in BANDS if band not in paths]
        if missing:
            raise CutoutUnavailable("missing", f"no frame in {', '.join(missing)}")
        return tuple(read_frame(paths[band]) for band in BANDS)
