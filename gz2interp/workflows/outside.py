"""An image that is not in the survey, read so that whatever is asked of the survey's galaxies can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError, choices
from gz2interp.results import Cutout
from gz2interp.stores.fits_headers import is_known_unit
from gz2interp.stores.image_files import SUFFIXES, Pixels, read_pixels
from gz2interp.stores.survey import Survey

__all__ = ["SCALE_TOLERANCE", "OutsideGalaxy", "outside_galaxy", "outside_image"]

SCALE_TOLERANCE: Final = 0.05
"""How far the pixels may differ in size from the survey's: a network sees galaxies, and not arcseconds."""


@dataclass(frozen=True, eq=False)
class OutsideGalaxy:
    """A galaxy that is not in the survey.

    Attributes
    ----------
    cutout : Cutout
        Shaped like the survey's.
    ra, dec : float
        Of its middle [deg]; NaN where the file does not say.
    """

    cutout: Cutout
    ra: float
    dec: float


def outside_image(path: str | Path, survey: Survey) -> NDArray[np.float32]:
    """The pixels of one galaxy from a file, as a batch of one: float32 (1, y, x, band), nanomaggies, 0 where not valid.

    Parameters and errors are those of `outside_galaxy`.
    """
    return outside_galaxy(path, survey).cutout.image[None]


def outside_galaxy(path: str | Path, survey: Survey) -> OutsideGalaxy:
    """One galaxy from a file, shaped like the survey's cutouts.

    Parameters
    ----------
    path : path
        FITS (an extension per band, or a cube), ``.npy`` or ``.npz``; the galaxy is in the middle. A larger image is
        cropped about its middle, its pixels untouched.
    survey : Survey
        Whose bands, shape, unit and size of pixels it has to match.

    Raises
    ------
    InputError
        There is no such file, or it does not hold the survey's bands, is too small, has pixels of another size, is
        in a unit that cannot be compared, or has no valid pixel.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"There is no file {file}", f"An image of one galaxy: {choices(SUFFIXES)}")
    try:
        pixels = read_pixels([file], survey.bands)
    except CutoutUnavailable as error:
        raise InputError(error.reason, f"The bands of {survey.name}: {' '.join(survey.bands)}, in one file") from error
    _check_unit(file, pixels, survey)
    _check_scale(file, pixels, survey)
    top, left = _window(file, pixels, survey.shape)
    image = pixels.image[top : top + survey.shape[0], left : left + survey.shape[1]]
    y, x = top + (survey.shape[0] - 1) / 2, left + (survey.shape[1] - 1) / 2
    return OutsideGalaxy(_measured(file, _cutout(image, pixels)), *pixels.sky(x, y))


def _check_unit(file: Path, pixels: Pixels, survey: Survey) -> None:
    strange = [unit for unit in pixels.unit.split(", ") if not is_known_unit(unit)]
    if strange and pixels.unit not in survey.journal.native_units(survey.rows_committed):
        raise InputError(
            f"The pixels of {file.name} are in {', '.join(strange)}",
            f"{survey.name} holds nanomaggies, and only units with a zero point can be turned into them",
            "Calibrate the image, and let BUNIT say nanomaggy or Jy",
        )


def _check_scale(file: Path, pixels: Pixels, survey: Survey) -> None:
    low, high = survey.journal.pixel_scales(survey.rows_committed)
    if (
        not low * (1 - SCALE_TOLERANCE) <= pixels.pixel_scale <= high * (1 + SCALE_TOLERANCE)
        and np.isfinite([low, high, pixels.pixel_scale]).all()
    ):
        theirs = f'{low:.4g}"' if high < low * (1 + SCALE_TOLERANCE) else f'{low:.4g}" to {high:.4g}"'
        raise InputError(
            f'A pixel of {file.name} is {pixels.pixel_scale:.4g}" wide',
            f"Those of {survey.name} are {theirs}, and the network knows galaxies at that size",
            "Resample the image, flux conserved",
        )


def _window(file: Path, pixels: Pixels, shape: tuple[int, int]) -> tuple[int, int]:
    """First row and column of the middle of the image."""
    height, width = pixels.image.shape[:2]
    if height < shape[0] or width < shape[1]:
        raise InputError(
            f"{file.name} has {height} x {width} pixels",
            f"At least {shape[0]} x {shape[1]}, with the galaxy in the middle",
            "Cut a larger field: sky is not invented here",
        )
    return (height - shape[0]) // 2, (width - shape[1]) // 2


def _cutout(image: NDArray[np.float32], pixels: Pixels) -> Cutout:
    return Cutout(
        image=image,
        valid=np.asarray(np.isfinite(image).all(axis=-1)),
        source="outside",
        pixel_scale=pixels.pixel_scale,
        position_angle=pixels.position_angle,
        native_unit=pixels.unit,
        psf_fwhm=pixels.psf_fwhm,
    )


def _measured(file: Path, cutout: Cutout) -> Cutout:
    """With zeros where nothing was measured, as a survey keeps them."""
    if not cutout.valid.any():
        raise InputError(f"{file.name} has no valid pixel", "Finite numbers in every band")
    return replace(cutout, image=np.where(cutout.valid[..., None], cutout.image, np.float32(0.0)))
