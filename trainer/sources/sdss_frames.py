"""Cutouts from SDSS frames in a folder."""

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
from trainer.sources.frame_sets import Frame, find_frame_sets, read_frame
from trainer.sources.judging import sky_sigma
from trainer.sources.seeing import Seeing, seeing_of

__all__ = ["SdssFrames", "cut_out", "with_seeing"]


class SdssFrames:
    """Cutouts from a folder of ``frame-[ugriz]-RUN-CAMCOL-FIELD.fits``, also ``.bz2`` and ``.gz``.

    Parameters
    ----------
    shape : (int, int)
        (y, x).
    field : float
        Full width of a cutout [arcsec]; by default with native pixels.
    open_sets : int
        Frame sets kept in memory, 61 MB each; few are needed if galaxies are sorted by position or field.

    Notes
    -----
    Cutouts are resampled to north up, east left, whatever the direction of the scan. Pixels missing in any band are
    invalid, and 0 in all bands. If several frame sets contain a galaxy, the one with the galaxy farthest from its edge
    is used, or the next if a band is missing or unreadable; unreadable frame sets are not tried again.

    The PSF FWHM is measured on the stars of the frame (see `trainer.sources.seeing`) and excludes the pixel response.
    Resampling at native scale widens it by less than 0.1 %.
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
        self._footprints = [
            (frames.name, frames.footprint) for frames in self._sets.values() if frames.footprint is not None
        ]
        self._centres = np.array([footprint.centre for _, footprint in self._footprints]).reshape(-1, 3)
        self._radii = np.array([footprint.radius for _, footprint in self._footprints])
        self._frames = lru_cache(maxsize=open_sets)(self._read)
        self._refused = dict[str, tuple[str, str]]()  # status and reason of the sets that cannot be read
        self._seeing = dict[str, Seeing]()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        names = self._find(galaxy)
        frames = next(filter(None, map(self._open, names)), None)
        if frames is None:
            raise CutoutUnavailable(*self._refused[names[0]])
        return cut_out(frames, galaxy, self.shape, self.field / self.shape[1])

    def _find(self, galaxy: Galaxy) -> list[str]:
        """Names of the frame sets that contain a galaxy (at least one), farthest from the edge first."""
        if not np.isfinite([galaxy.ra, galaxy.dec]).all():
            raise CutoutUnavailable("missing", "the catalogue gives no position")
        # Circles first: WCS transformations are slow, and wrong far from the frame.
        distance = np.linalg.norm(self._centres - unit_vectors(galaxy.ra, galaxy.dec), axis=1)
        near = [self._footprints[place] for place in np.flatnonzero(distance <= self._radii)]
        depths = {name: footprint.depth(galaxy.ra, galaxy.dec) for name, footprint in near}
        names = [name for name in sorted(depths, key=depths.__getitem__, reverse=True) if depths[name] > 0.0]
        if names:
            return names
        unreadable = [name for name, frames in self._sets.items() if frames.footprint is None]
        where = f"ra {galaxy.ra:.5f}, dec {galaxy.dec:+.5f}"
        if unreadable:
            reason = f"no readable frame shows {where}; the frames of {', '.join(unreadable[:3])} cannot be read"
            raise CutoutUnavailable("failed", reason)
        raise CutoutUnavailable("out_of_footprint", f"{where} is on none of the {len(self._sets)} frame sets")

    def _open(self, name: str) -> tuple[Frame, ...] | None:
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
        if name not in self._seeing:  # takes two seconds, so it outlives the frames in memory
            self._seeing[name] = seeing_of(frames, self.bands)
        return with_seeing(frames, self._seeing[name])


def with_seeing(frames: Sequence[Frame], seeing: Seeing) -> tuple[Frame, ...]:
    """The frames with the measured PSF FWHM where their headers have none."""
    return tuple(
        frame if np.isfinite(frame.psf_fwhm) else replace(frame, psf_fwhm=fwhm)
        for frame, fwhm in zip(frames, seeing.fwhm, strict=True)
    )


def cut_out(frames: Sequence[Frame], galaxy: Galaxy, shape: tuple[int, int], pixel_scale: float) -> Cutout:
    """Cutout of one galaxy from the frames of a set, north up, east left, flux conserved.

    Parameters
    ----------
    frames : sequence of Frame
        In the order of the cutout's bands.
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
