"""Cutouts from whole SDSS frames that lie in a folder: one frame set serves all its galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE
from gz2interp.stores.resampling import north_up, resample
from trainer.catalog.identity import unit_vectors
from trainer.sources.detection import find_objects
from trainer.sources.frame_sets import Frame, find_frame_sets, read_frame
from trainer.sources.judging import sky_sigma
from trainer.sources.seeing import Seeing, seeing_of

__all__ = ["SdssFrames", "cut_out", "find_objects"]


class SdssFrames:
    """Cutouts from a folder of ``frame-[ugriz]-RUN-CAMCOL-FIELD.fits``, also ``.bz2`` and ``.gz``.

    Parameters
    ----------
    folder : path
    bands : tuple of str
    shape : (int, int)
        (y, x).
    field : float
        Full width of a cutout on the sky [arcsec]; by default that of native pixels.
    open_sets : int
        How many frame sets stay in memory, 61 MB each. Galaxies in the order of the sky, or of the fields, need few.

    Notes
    -----
    Every cutout is turned north up, east left, whatever the direction of the scan, so that position angles of one
    catalogue mean the same in all images. Pixels that any band lacks are not valid, and 0 in all bands. Of several
    frame sets that show a galaxy, the one that holds it farthest from its edge is taken, and the next where that one
    lacks a band or cannot be read; what cannot be read is not tried again.

    The PSF's width is that on the frame, from its stars (see `trainer.sources.seeing`), before pixels add their own.
    Turning the pixels north leaves it as it is: at native scale stars are wider by less than 0.1 % afterwards.
    """

    name = "sdss_frames"

    def __init__(
        self,
        folder: str | Path,
        *,
        bands: tuple[str, ...] = BANDS,
        shape: tuple[int, int] = (CUTOUT_SIZE, CUTOUT_SIZE),
        field: float = CUTOUT_SIZE * NATIVE_PIXEL_SCALE,
        open_sets: int = 2,
    ) -> None:
        self.folder, self.bands, self.shape, self.field = Path(folder), bands, shape, field
        self._sets = {frames.name: frames for frames in find_frame_sets(self.folder, bands)}
        self._placed = [
            (frames.name, frames.footprint) for frames in self._sets.values() if frames.footprint is not None
        ]
        self._centres = np.array([place.centre for _, place in self._placed]).reshape(-1, 3)
        self._radii = np.array([place.radius for _, place in self._placed])
        self._frames = lru_cache(maxsize=open_sets)(self._read)
        self._refused = dict[str, tuple[str, str]]()  # status and reason of the sets that cannot be read
        self._seeing = dict[str, Seeing]()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        showing = self._find(galaxy)
        frames = next((frames for frames in map(self._opened, showing) if frames is not None), None)
        if frames is None:
            raise CutoutUnavailable(*self._refused[showing[0]])
        return cut_out(frames, galaxy, self.shape, self.field / self.shape[1])

    def _find(self, galaxy: Galaxy) -> list[str]:
        """The frame sets that show a galaxy, the deepest first; at least one."""
        if not np.isfinite([galaxy.ra, galaxy.dec]).all():
            raise CutoutUnavailable("missing", "the catalogue gives no position")
        # A circle around each frame first: maps of the sky are slow to ask, and mistaken far from their middle.
        apart = np.linalg.norm(self._centres - unit_vectors(galaxy.ra, galaxy.dec), axis=1)
        near = [self._placed[place] for place in np.flatnonzero(apart <= self._radii)]
        depths = {name: place.depth(galaxy.ra, galaxy.dec) for name, place in near}
        showing = [name for name in sorted(depths, key=depths.__getitem__, reverse=True) if depths[name] > 0.0]
        if showing:
            return showing
        dark = [name for name, frames in self._sets.items() if frames.footprint is None]
        where = f"ra {galaxy.ra:.5f}, dec {galaxy.dec:+.5f}"
        if dark:
            reason = f"no readable frame shows {where}; the frames of {', '.join(dark[:3])} cannot be read"
            raise CutoutUnavailable("failed", reason)
        raise CutoutUnavailable("out_of_footprint", f"{where} is on none of the {len(self._sets)} frame sets")

    def _opened(self, name: str) -> tuple[Frame, ...] | None:
        if name in self._refused:
            return None
        try:
            return self._frames(name)
        except CutoutUnavailable as error:
            self._refused[name] = error.status, error.reason
            return None

    def _read(self, name: str) -> tuple[Frame, ...]:
        paths = self._sets[name].paths
        missing = [band for band in self.bands if band not in paths]
        if missing:
            raise CutoutUnavailable("missing", f"frame set {name} has no frame in {', '.join(missing)}")
        frames = tuple(read_frame(paths[band]) for band in self.bands)
        if name not in self._seeing:  # two seconds: known for good when the set itself has left the memory
            self._seeing[name] = seeing_of(frames, self.bands)
        return tuple(map(_through, frames, self._seeing[name].fwhm))


def _through(frame: Frame, fwhm: float) -> Frame:
    """The frame with the width of its PSF, unless its header says it."""
    return frame if np.isfinite(frame.psf_fwhm) else replace(frame, psf_fwhm=fwhm)


def cut_out(frames: Sequence[Frame], galaxy: Galaxy, shape: tuple[int, int], pixel_scale: float) -> Cutout:
    """One galaxy from the frames of a set, north up, east left, flux conserved.

    Parameters
    ----------
    frames : sequence of Frame
        In the cutout's order of bands; each has its own map of the sky.
    galaxy : Galaxy
    shape : (int, int)
        (y, x).
    pixel_scale : float
        [arcsec].
    """
    target = north_up(galaxy.ra, galaxy.dec, pixel_scale, shape)
    planes = [resample(frame.data, frame.wcs, target, shape) for frame in frames]
    valid = np.logical_and.reduce([covered for _, covered in planes])
    image = np.stack([flux for flux, _ in planes], axis=-1) * valid[..., None]
    return Cutout(
        image=image,
        valid=valid,
        source=SdssFrames.name,
        pixel_scale=pixel_scale,
        position_angle=0.0,
        native_unit=", ".join(dict.fromkeys(frame.unit for frame in frames)),
        sky_sigma=sky_sigma(image, valid),
        psf_fwhm=tuple(frame.psf_fwhm for frame in frames),
    )
