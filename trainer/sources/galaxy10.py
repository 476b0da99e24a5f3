"""Galaxy10: one HDF5 file of labelled colour images, those of SDSS or of the DESI Legacy Surveys (DECaLS).

The files are those of astroNN (https://astronn.readthedocs.io/en/latest/galaxy10.html): ``images`` uint8 (n, y, x, 3),
``ans`` (n,) and, in some versions, ``ra``, ``dec`` [deg], ``redshift`` and ``pxscale`` [arcsec].
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError, choices
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import CUTOUT_SIZE, DEC, DISPLAY_BANDS, GALAXY_ID, LABEL, RA
from gz2interp.stores.decoding import Dataset, check_hdf5, hdf5_datasets, hdf5_rows
from gz2interp.stores.image_files import display_pixels, image_window, mask_invalid
from gz2interp.stores.reading import DamagedFile, reading
from trainer.sources.judging import sky_sigma

__all__ = ["CLASSES", "Galaxy10Source", "catalog_of_galaxy10"]

CLASSES: Final = {
    69: (
        "face_on_disk_without_spiral",
        "smooth_round",
        "smooth_in_between",
        "smooth_cigar",
        "edge_on_rounded_bulge",
        "edge_on_boxy_bulge",
        "edge_on_no_bulge",
        "face_on_tight_spiral",
        "face_on_medium_spiral",
        "face_on_loose_spiral",
    ),
    256: (
        "disturbed",
        "merging",
        "round_smooth",
        "in_between_round_smooth",
        "cigar_shaped_smooth",
        "barred_spiral",
        "unbarred_tight_spiral",
        "unbarred_loose_spiral",
        "edge_on_without_bulge",
        "edge_on_with_bulge",
    ),
}
"""Names of the ten classes by the width of the images: 69 pixels for SDSS, 256 for DECaLS."""

_BLOCK: Final = 64
"""Images read at once, so that memory does not grow with the file."""
_MAX_SIDE: Final = 1024
"""Largest side of an image and of an HDF5 chunk [pixel]; the published files have 256."""


def catalog_of_galaxy10(path: Path) -> pd.DataFrame:
    """The catalogue of a Galaxy10 file.

    Returns
    -------
    DataFrame
        ``galaxy_id`` (the number of the image in the file, from 0), ``ra``, ``dec`` [deg] (NaN where the file has
        none), ``label``, ``galaxy10_class`` (0 to 9) and, where the file has them, ``redshift`` and ``pxscale``.

    Raises
    ------
    InputError
        The file is damaged, or is not Galaxy10.
    """
    with _opened(path) as file:
        count, width = file.count, file.datasets["images"].shape[2]
        classes = file.column("ans")
        if classes is None or not np.isin(classes, range(10)).all():
            raise _not_galaxy10(path, "'ans' does not hold a class from 0 to 9 for each image")
        names = CLASSES.get(width, tuple(f"class_{number}" for number in range(10)))
        nothing = np.full(count, np.nan)
        position = {name: file.column(name) for name in (RA, DEC)}
        columns: dict[str, Any] = {GALAXY_ID: np.arange(count, dtype=np.int64)}
        columns |= {name: nothing if values is None else values.astype(float) for name, values in position.items()}
        columns[LABEL] = pd.array(np.array(names, dtype=object)[classes.astype(int)], dtype="str")
        columns["galaxy10_class"] = classes.astype(np.int64)
        more = {name: file.column(name) for name in ("redshift", "pxscale")}
        columns |= {name: values.astype(float) for name, values in more.items() if values is not None}
        return pd.DataFrame(columns)


class Galaxy10Source:
    """The images of a Galaxy10 file, area-averaged to the cutouts' shape.

    Parameters
    ----------
    path : path
        ``Galaxy10.h5`` or ``Galaxy10_DECals.h5``.
    bands : tuple of str
        `gz2interp.schema.DISPLAY_BANDS`.
    shape : (int, int)
        (y, x).
    pixel_scale : float, optional
        Pixel scale [arcsec] of files without ``pxscale``.
    central : float
        The central fraction of the images' width that becomes the cutout.
    """

    name = "galaxy10"

    def __init__(
        self,
        path: str | Path,
        *,
        bands: tuple[str, ...] = DISPLAY_BANDS,
        shape: tuple[int, int] = (CUTOUT_SIZE, CUTOUT_SIZE),
        pixel_scale: float = float("nan"),
        central: float = 1.0,
    ) -> None:
        if bands != DISPLAY_BANDS:
            raise InputError(f"Galaxy10 has no bands {' '.join(bands)}", f"The bands {' '.join(DISPLAY_BANDS)}")
        self.path, self.bands, self.shape = Path(path), bands, shape
        self.pixel_scale, self.central = pixel_scale, central
        self._first, self._block = 0, np.empty((0, 0, 0, 3), np.uint8)
        with _opened(self.path) as file:
            self._file, scales = file, file.column("pxscale")
        self._scales = np.full(file.count, pixel_scale) if scales is None else scales.astype(float)

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        number = galaxy.galaxy_id
        if not 0 <= number < len(self._scales):
            raise CutoutUnavailable("missing", f"{self.path.name} has no image {number}")
        pixels = image_window(
            display_pixels(self._image(number), float(self._scales[number])), self.shape, central=self.central
        )
        image, valid = mask_invalid(pixels.image, self.bands)
        return Cutout(
            image=image,
            valid=valid,
            source=self.name,
            pixel_scale=pixels.pixel_scale,
            native_unit=pixels.unit,
            sky_sigma=sky_sigma(image, valid),
            psf_fwhm=(float("nan"),) * len(self.bands),
        )

    def _image(self, number: int) -> NDArray[np.uint8]:
        if not self._first <= number < self._first + len(self._block):
            self._first = number // _BLOCK * _BLOCK
            with reading(self.path, CutoutUnavailable):
                self._block = self._file.rows("images", self._first, self._first + _BLOCK)
        image: NDArray[np.uint8] = self._block[number - self._first]
        return image


@dataclass(frozen=True)
class _Galaxy10File:
    """A Galaxy10 file, read in a separate process because a damaged HDF5 file can crash its reader."""

    path: Path
    datasets: Mapping[str, Dataset]

    @property
    def count(self) -> int:
        return self.datasets["images"].shape[0]

    def rows(self, name: str, first: int, last: int) -> NDArray[Any]:
        dataset = self.datasets[name]
        length = min(last, dataset.shape[0]) - first
        size = length * math.prod(dataset.shape[1:]) * np.dtype(dataset.dtype).itemsize
        rows = hdf5_rows(self.path, name, first, last, size)
        if rows.shape != (length, *dataset.shape[1:]):
            raise DamagedFile(f"its {name} have changed")
        return rows

    def column(self, name: str) -> NDArray[Any] | None:
        """A column with one number per image, None if the file has no such column."""
        dataset = self.datasets.get(name)
        if dataset is None or dataset.shape != (self.count,) or np.dtype(dataset.dtype).kind not in "fiu":
            return None
        return self.rows(name, 0, self.count)


@contextmanager
def _opened(path: Path) -> Iterator[_Galaxy10File]:
    """Open a file and check that it is Galaxy10."""
    with reading(path, InputError, expected="Galaxy10: HDF5 with 'images' and 'ans'"):
        check_hdf5(path)
        file = _Galaxy10File(path, hdf5_datasets(path))
        images = file.datasets.get("images")
        if images is None or len(images.shape) != 4 or images.shape[3] != 3 or images.dtype != "|u1":
            raise _not_galaxy10(path, f"it holds {choices(file.datasets)}")
        if max(*images.shape[1:3], *images.chunks, 0) > _MAX_SIDE:
            raise _not_galaxy10(
                path, f"its images are {images.shape[1]} x {images.shape[2]} in chunks of {images.chunks or None}"
            )
        if not file.count:
            raise _not_galaxy10(path, "it holds no image")
        yield file


def _not_galaxy10(path: Path, why: str) -> InputError:
    return InputError(f"{path.name} is not Galaxy10: {why}", "'images' uint8 (n, y, x, 3) and 'ans' (n,)")
