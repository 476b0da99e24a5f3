"""Cutouts that lie in a folder already: FITS, NumPy, JPEG or PNG files, one a galaxy or one a band."""

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
from gz2interp.stores.image_files import RawPixels, image_window, read_pixels, without_gaps
from trainer.sources.folder_index import FolderIndex, ImageFiles, catalog_of_folder, find_images
from trainer.sources.judging import sky_sigma

__all__ = ["OFF_CENTRE", "FolderSource", "catalog_of_folder"]

OFF_CENTRE: Final = 2.0
"""How far a galaxy may lie from the middle of its cutout along x or y [pixel], where an image leaves no better window.

Half a pixel remains wherever pixels stay untouched; the rest is for positions and headers that differ by a convention.
"""

_log = logging.getLogger(__name__)


class FolderSource:
    """Images in a folder, matched to galaxies by a catalogue's ``file`` column, or by the files' names.

    Parameters
    ----------
    folder : path
    catalog : DataFrame, optional
        If it has a column ``file``, row by row the path below the folder, this decides; else the names do, see
        `trainer.sources.folder_index.FolderIndex`. Numbers in names are then rows of the catalogue; if it was read from
        a table of which rows were dropped, let `catalog_of_folder` make it, which knows the table's own.
    bands : tuple of str
        What the files hold; also the order of the planes of a cube.
    shape : (int, int)
        (y, x). A larger image is cropped, its pixels untouched; a smaller one fails, since nothing here invents sky.
    pixel_scale : float, optional
        [arcsec] of files that do not say, such as NumPy's.
    central : float
        Of colour images made for the eye: the share of their width that becomes the cutout, about the middle. They are
        averaged over areas to the cutout's shape.

    Notes
    -----
    A pixel is valid where every band is finite. Bands that lie elsewhere by their own WCS are resampled on the pixels
    of r, or of the first band, see `gz2interp.stores.image_files.read_pixels`. Images keep their orientation, and the
    position angle is recorded; only one with east on the right is mirrored, so that all galaxies are seen from the
    same side.

    Where the file has a WCS and the catalogue a position, the window lies about the galaxy, to the nearest whole pixel:
    the galaxy is then up to half a pixel from the middle along x and y. If the window would leave the image, or the
    image is just as large as the cutout, the offset is greater; beyond `OFF_CENTRE` the galaxy has no cutout. Without
    WCS or position, the middle of the image is the middle of the cutout, or half a pixel beside it where an odd number
    of pixels is cut to an even one.
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
        pixels = self._framed(read_pixels(files.paths, self.bands), galaxy)
        image, valid = without_gaps(pixels.image, self.bands)
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
            found = self._index.of(galaxy)
            wanted = f"no file of {self.folder.name} shows galaxy {galaxy.galaxy_id} by id, position or number"
        else:
            file = self._files[galaxy.row]
            found = self._by_file.get(file) if isinstance(file, str) else None
            wanted = f"{self.folder.name} has no {file}" if isinstance(file, str) else "the catalogue names no file"
        if found is None:
            raise CutoutUnavailable("missing", wanted)
        return found

    def _framed(self, pixels: RawPixels, galaxy: Galaxy) -> RawPixels:
        size = pixels.image.shape[:2]
        if not np.isfinite(pixels.pixel_scale):
            pixels = replace(pixels, pixel_scale=self.pixel_scale)
        place = pixels.place(galaxy.ra, galaxy.dec)
        fits_in = size[0] >= self.shape[0] and size[1] >= self.shape[1]
        if size != self.shape and fits_in and size not in self._sizes:
            self._sizes.add(size)
            how = (
                "averaged"
                if pixels.is_display
                else f"cropped about {'their middle' if place is None else 'the galaxy'}"
            )
            _log.info("Images of %d x %d are %s, first of %s", *size, how, galaxy.galaxy_id)
        first = _about(place, size, self.shape) if place is not None and fits_in else None
        return image_window(pixels, self.shape, first, self.central)


def _about(place: tuple[float, float], size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """First row and column of the window inside the image whose middle is nearest to the place (x, y)."""
    wanted = np.array(place[::-1]) - (np.array(shape) - 1) / 2
    # A place that is not finite lies on the other half of the sky.
    first = np.clip(np.rint(np.nan_to_num(wanted)), 0, np.subtract(size, shape)).astype(np.int64)
    off = np.abs(wanted - first).max()
    if not off <= OFF_CENTRE:
        where = f"{off:.1f} pixels" if np.isfinite(off) else "half the sky"
        raise CutoutUnavailable(
            "failed",
            f"by the image's own WCS the galaxy lies {where} from the middle of the cutout; {OFF_CENTRE:g} are allowed",
        )
    return int(first[0]), int(first[1])
