"""Resampling of a frame onto another grid of pixels, with conserved flux."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area
from numpy.typing import NDArray
from reproject import reproject_exact, reproject_interp

__all__ = ["COARSE", "north_up", "resample"]

COARSE = 1.5
"""Width in native pixels above which cutout pixels are averages over areas; finer ones are interpolated."""

_MARGIN = 8
"""Native pixels read beyond the cutout, more than a cubic spline rings."""


def north_up(ra: float, dec: float, pixel_scale: float, shape: tuple[int, int]) -> WCS:
    """A gnomonic WCS with north along +y and east along -x, centred on (ra, dec).

    Parameters
    ----------
    ra, dec : float
        [deg].
    pixel_scale : float
        [arcsec].
    shape : (int, int)
        (y, x).
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cdelt = [-pixel_scale / 3600.0, pixel_scale / 3600.0]
    return wcs


def resample(
    data: NDArray[np.float32], native: WCS, target: WCS, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Resample a frame onto another grid.

    Parameters
    ----------
    data : float32 (y, x)
        Flux per native pixel; not finite where not measured.
    shape : (int, int)
        (y, x) of the target.

    Returns
    -------
    flux : float32 (y, x)
        Flux per target pixel, 0 where not valid.
    valid : bool (y, x)
        True where all contributing pixels were measured.

    Notes
    -----
    The resamplers of `reproject` treat pixels as samples of surface brightness; to conserve flux the result is
    multiplied by the ratio of the pixel areas. At about native scale and finer a bicubic spline is sampled; on coarser
    grids (more than 1.5 native pixels wide) it would miss light between its samples, so areas are overlapped exactly.
    """
    window = _window(data.shape, native, target, shape)
    nothing = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    if window is None:
        return nothing
    patch, patch_wcs = data[window], native[window]
    holes = ~np.isfinite(patch)
    ratio = proj_plane_pixel_area(target) / proj_plane_pixel_area(native)
    sound = (np.where(holes, 0.0, patch).astype(np.float64), patch_wcs)
    if ratio > COARSE**2:
        bright, covered = reproject_exact(sound, target, shape_out=shape, parallel=False)
        covered = covered > 1.0 - 1e-6
    else:
        bright, covered = reproject_interp(sound, target, shape_out=shape, order="bicubic")
        covered = covered > 0.0
    valid = (covered > 0) & np.isfinite(bright) & ~_hole_mask(holes, patch_wcs, target, shape)
    return np.where(valid, bright * ratio, 0.0).astype(np.float32), valid


def _window(frame: tuple[int, ...], native: WCS, target: WCS, shape: tuple[int, int]) -> tuple[slice, slice] | None:
    """The part of the frame that the target needs; None where they do not meet."""
    edge_y, edge_x = np.array([-0.5, shape[0] - 0.5]), np.array([-0.5, shape[1] - 0.5])
    corners = target.pixel_to_world_values(*map(np.ravel, np.meshgrid(edge_x, edge_y)))
    x, y = native.world_to_pixel_values(*corners)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    rows, columns = _span(y, frame[0]), _span(x, frame[1])
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _hole_mask(holes: NDArray[np.bool_], native: WCS, target: WCS, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Target pixels to which a hole contributes."""
    if not holes.any():
        return np.zeros(shape, dtype=bool)
    share, _ = reproject_interp((holes.astype(np.float64), native), target, shape_out=shape, order="bilinear")
    return np.asarray(np.nan_to_num(share, nan=1.0) > 1e-6)


def _span(places: NDArray[np.float64], length: int) -> slice:
    first = int(np.floor(places.min())) - _MARGIN
    last = int(np.ceil(places.max())) + _MARGIN + 1
    return slice(max(first, 0), min(last, length))
