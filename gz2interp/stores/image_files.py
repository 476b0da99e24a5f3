"""The pixels of one galaxy from its file or files: FITS extensions, cubes, one file a band, NumPy arrays."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable
from gz2interp.stores.fits_headers import band_of, celestial, position_angle, psf_fwhm, to_nanomaggies, unit_of

__all__ = ["NUMPY_SUFFIXES", "SUFFIXES", "Pixels", "read_pixels"]

NUMPY_SUFFIXES: Final = (".npy", ".npz")
SUFFIXES: Final = (".fits", ".fit", ".fits.gz", ".fits.bz2", *NUMPY_SUFFIXES)

_log = logging.getLogger(__name__)

_DAMAGED: Final = (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, zipfile.BadZipFile)
"""What astropy and NumPy raise over files that are cut short or are something else."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """What files hold, before it is a cutout.

    Attributes
    ----------
    image : float32 (y, x, band)
        Nanomaggies per pixel; not finite where nothing was measured. East is left where north is up, as on the sky.
    unit : str
        As given.
    pixel_scale : float
        [arcsec]; NaN where the file does not say.
    position_angle : float
        Of +y, east of north [deg]; 0 where the file does not say.
    psf_fwhm : float per band
        [arcsec].
    wcs : WCS or None
        Of the file; None where it has none.
    mirrored : bool
        Whether the file has east on the right, so that its columns stand here in reverse order.
    """

    image: NDArray[np.float32]
    unit: str = "nanomaggy (assumed)"
    pixel_scale: float = float("nan")
    position_angle: float = 0.0
    psf_fwhm: tuple[float, ...] = ()
    wcs: WCS | None = None
    mirrored: bool = False

    def place(self, ra: float, dec: float) -> tuple[float, float] | None:
        """Where a position [deg] lies in `image`: (x, y) from 0, not finite where it cannot; None if nothing says."""
        if self.wcs is None or not np.isfinite([ra, dec]).all():
            return None
        x, y = (float(pixel) for pixel in self.wcs.world_to_pixel_values(ra, dec))
        return (self.image.shape[1] - 1 - x if self.mirrored else x), y

    def sky(self, x: float, y: float) -> tuple[float, float]:
        """The position (ra, dec) [deg] of a place in `image`, from 0; NaN where nothing says."""
        if self.wcs is None:
            return float("nan"), float("nan")
        ra, dec = self.wcs.pixel_to_world_values(self.image.shape[1] - 1 - x if self.mirrored else x, y)
        return float(ra), float(dec)


@dataclass(frozen=True, eq=False)
class _Plane:
    """One band's array with its header."""

    values: NDArray[Any]
    header: fits.Header


def read_pixels(paths: Sequence[Path], bands: Sequence[str]) -> Pixels:
    """The pixels of one galaxy.

    Parameters
    ----------
    paths : sequence of Path
        One file with all bands, or one file per band in the bands' order.
    bands : sequence of str

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: a file is damaged, or does not hold these bands.
    """
    try:
        if len(paths) == len(bands) > 1:
            return _from_planes([_only_plane(path) for path in paths], ", ".join(path.name for path in paths))
        (path,) = paths
        if path.suffix.lower() in NUMPY_SUFFIXES:
            return Pixels(_bands_last(_numpy_array(path, bands), bands, path.name))
        return _from_planes(_planes(path, bands), path.name)
    except _DAMAGED as error:
        raise _failed(f"{paths[0].name} cannot be read: {error}") from error


def _numpy_array(path: Path, bands: Sequence[str]) -> NDArray[Any]:
    # Pickled arrays run code when they are loaded: they stay closed, and NumPy says so. It is handed an open file since
    # it forgets to close what it opened and could not read.
    with path.open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        arrays = {"": stored} if isinstance(stored, np.ndarray) else dict(stored)
    if set(bands) <= set(arrays):
        return np.stack([arrays[band] for band in bands])
    if len(arrays) != 1:
        raise _failed(f"{path.name} holds {', '.join(arrays)}; one array, or one per band, was expected")
    return next(iter(arrays.values()))


def _planes(path: Path, bands: Sequence[str]) -> list[_Plane]:
    images = _images(path)
    named = {band_of(header, bands): _Plane(values, header) for values, header in images if values.ndim == 2}
    if set(bands) <= set(named):
        return [named[band] for band in bands]
    cubes = [_Plane(values, header) for values, header in images if values.ndim == 3]
    if len(cubes) == 1:
        cube = np.moveaxis(_bands_last(cubes[0].values, bands, path.name), -1, 0)
        return [_Plane(plane, cubes[0].header) for plane in cube]
    if len(images) == len(bands) and set(named) == {None}:
        return [_Plane(values, header) for values, header in images]
    found = ", ".join(f"{band_of(header, bands) or 'no band'} {values.shape}" for values, header in images) or "nothing"
    raise _failed(f"{path.name} holds {found}; an image for each of {', '.join(bands)}, or one cube, was expected")


def _only_plane(path: Path) -> _Plane:
    images = [(values, header) for values, header in _images(path) if values.ndim == 2]
    if not images:
        raise _failed(f"{path.name} holds no image of two dimensions")
    return _Plane(*images[0])


def _images(path: Path) -> list[tuple[NDArray[Any], fits.Header]]:
    """Arrays and headers of all images in a FITS file, without axes of length 1."""
    # A warning about a truncated file is followed by the error that counts.
    with warnings.catch_warnings(action="ignore"), fits.open(path, memmap=False) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None]
        return [(np.squeeze(hdu.data), hdu.header) for hdu in images]


def _from_planes(planes: Sequence[_Plane], name: str) -> Pixels:
    shapes = {plane.values.shape for plane in planes}
    if len(shapes) > 1:
        raise _failed(f"The bands of {name} differ in shape: {', '.join(map(str, sorted(shapes)))}")
    units = [unit_of(plane.header) for plane in planes]
    scaled = [plane.values * np.float64(to_nanomaggies(unit)) for plane, unit in zip(planes, units, strict=True)]
    wcs = celestial(planes[0].header)
    mirrored = wcs is not None and bool(np.linalg.det(wcs.pixel_scale_matrix) > 0)
    if mirrored:
        _log.info("%s has east on the right: it is mirrored, left to right, as the sky is", name)
    image = _single(np.stack(scaled, axis=-1))
    return Pixels(
        image=image[:, ::-1] if mirrored else image,
        unit=", ".join(dict.fromkeys(units)),
        pixel_scale=float(np.mean(proj_plane_pixel_scales(wcs))) * 3600.0 if wcs else float("nan"),
        position_angle=position_angle(wcs) if wcs else 0.0,  # mirroring leaves the columns' direction as it is
        psf_fwhm=tuple(psf_fwhm(plane.header) for plane in planes),
        wcs=wcs,
        mirrored=mirrored,
    )


def _bands_last(array: NDArray[Any], bands: Sequence[str], name: str) -> NDArray[np.float32]:
    """(band, y, x) or (y, x, band) as (y, x, band); refuses what could be either, and what are no numbers."""
    if array.dtype.kind not in "fiu":
        raise _failed(f"{name} holds values of type {array.dtype}; real numbers were expected")
    first, last = (array.ndim == 3 and array.shape[axis] == len(bands) for axis in (0, -1))
    if first == last:
        could_be = "could be either" if first else "is neither"
        raise _failed(f"{name} is {array.shape}, which {could_be} (band, y, x) or (y, x, band) of {len(bands)} bands")
    return _single(np.moveaxis(array, 0, -1) if first else array)


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    """In single precision; what is beyond it becomes infinite, and so not measured."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def _failed(reason: str) -> CutoutUnavailable:
    return CutoutUnavailable("failed", reason)
