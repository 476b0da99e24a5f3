"""Cutouts from image files in a folder: FITS, NumPy, JPEG or PNG, one file per galaxy or one per band."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS, CUTOUT_SIZE
from gz2interp.stores.image_files import RawPixels, image_window, mask_invalid, read_pixels
from trainer.sources.folder_index import FolderIndex, ImageFiles, catalog_of_folder, find_images
from trainer.sources.judging import sky_sigma

__all__ = ["MAX_OFF_CENTRE", "FolderSource", "catalog_of_folder"]

MAX_OFF_CENTRE: Final = 2.0
"""Largest distance of a galaxy from the centre of its cutout along x or y [pixel], where the image is too small for a
better window. Up to half a pixel follows from not resampling; the rest allows for differing pixel conventions."""

_log = logging.getLogger(__name__)


class FolderSource:
    """Images in a folder, matched to galaxies by a catalogue's ``file`` column, or by the files' names.

    Parameters
    ----------
    catalog : DataFrame, optional
        A column ``file`` (path below the folder) identifies the image of each row; without it the file names do, see
        `trainer.sources.folder_index.FolderIndex`. Numbers in names are then rows of the catalogue; if rows of the
        original table were dropped, create the catalogue with `catalog_of_folder`, which uses the original row numbers.
    bands : tuple of str
        Bands of the files; also the order of the planes of a cube.
    shape : (int, int)
        (y, x). Larger images are cropped without resampling; smaller ones fail.
    pixel_scale : float, optional
        [arcsec], of files without this information, such as NumPy arrays.
    central : float
        For display images (JPEG, PNG): the central fraction of their width that becomes the cutout. They are
        area-averaged to the cutout's shape.

    Notes
    -----
    A pixel is valid where every band is finite. Bands with a different WCS are resampled to the pixels of r, or of the
    first band, see `gz2interp.stores.image_files.read_pixels`. Images keep their orientation, and the position angle
    is recorded; images with east on the right are mirrored, so that all cutouts have the same parity.

    With a WCS in the file and a position in the catalogue, the window is centred on the galaxy to the nearest whole
    pixel, so that the galaxy lies within half a pixel of the centre along x and y. The offset is larger if the window
    would leave the image or the image is as large as the cutout; beyond `MAX_OFF_CENTRE` there is no cutout. Without
    WCS or position, the central window is cut, half a pixel off centre where an odd width is cut to an even one.
    """

    name = "folder"

    def __init__(
        self,
        folder: str | Path,
        catalog: pd.DataFrame | None = None,
        *,
        bands: tuple[str, ...] = BANDS,
        shape: tuple[int, int] = (CUTOUT_SIZE, CUTOUT_SIZE),
        pixel_scale: float = float("nan"),
        central: float = 1.0,
    ) -> None:
        self.folder, self.bands, self.shape = Path(folder), bands, shape
        self.pixel_scale, self.central = pixel_scale, central
        images = find_images(self.folder, bands)
        self._index = FolderIndex(images)
        self._by_file = {image.paths[0].relative_to(self.folder).as_posix(): image for image in images}
        self._files = catalog["file"].tolist() if catalog is not None and "file" in catalog else None
        self._sizes = set[tuple[int, ...]]()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        files = self._find(galaxy)
        if files.missing_bands:
            names = ", ".join(path.name for path in files.paths)
            raise CutoutUnavailable("failed", f"no file of {' '.join(files.missing_bands)} lies beside {names}")
        pixels = self._crop(read_pixels(files.paths, self.bands), galaxy)
        image, valid = mask_invalid(pixels.image, self.bands)
        return Cutout(
            image=image,
            valid=valid,
            source=self.name,
            pixel_scale=pixels.pixel_scale,
            position_angle=pixels.position_angle,
            native_unit=pixels.unit,
            sky_sigma=sky_sigma(image, valid),
            psf_fwhm=pixels.psf_fwhm or (float("nan"),) * len(self.bands),
            note=pixels.note,
        )

    def _find(self, galaxy: Galaxy) -> ImageFiles:
        if self._files is None:
            files = self._index.of(galaxy)
            problem = f"no file of {self.folder.name} shows galaxy {galaxy.galaxy_id} by id, position or number"
        else:
            file = self._files[galaxy.row]
            files = self._by_file.get(file) if isinstance(file, str) else None
            problem = f"{self.folder.name} has no {file}" if isinstance(file, str) else "the catalogue names no file"
        if files is None:
            raise CutoutUnavailable("missing", problem)
        return files

    def _crop(self, pixels: RawPixels, galaxy: Galaxy) -> RawPixels:
        size = pixels.image.shape[:2]
        if not np.isfinite(pixels.pixel_scale):
            pixels = replace(pixels, pixel_scale=self.pixel_scale)
        position = pixels.place(galaxy.ra, galaxy.dec)
        fits_in = size[0] >= self.shape[0] and size[1] >= self.shape[1]
        if size != self.shape and fits_in and size not in self._sizes:
            self._sizes.add(size)
            how = (
                "averaged"
                if pixels.is_display
                else f"cropped about {'their middle' if position is None else 'the galaxy'}"
            )
            _log.info("Images of %d x %d are %s, first of %s", *size, how, galaxy.galaxy_id)
        first = _first_pixel(position, size, self.shape) if position is not None and fits_in else None
        return image_window(pixels, self.shape, first, self.central)


def _first_pixel(position: tuple[float, float], size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """First row and column of the window inside the image whose centre is nearest to the position (x, y)."""
    ideal = np.array(position[::-1]) - (np.array(shape) - 1) / 2
    # Positions on the opposite hemisphere are not finite.
    first = np.clip(np.rint(np.nan_to_num(ideal)), 0, np.subtract(size, shape)).astype(np.int64)
    off = np.abs(ideal - first).max()
    if not off <= MAX_OFF_CENTRE:
        where = f"{off:.1f} pixels" if np.isfinite(off) else "half the sky"
        raise CutoutUnavailable(
            "failed",
            f"by its WCS the galaxy lies {where} from the centre of the cutout; {MAX_OFF_CENTRE:g} are allowed",
        )
    return int(first[0]), int(first[1])
