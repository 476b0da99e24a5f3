"""An image that is not in the survey, read so that it can be processed like the survey's galaxies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError, choices
from gz2interp.results import Cutout
from gz2interp.stores.fits_headers import is_known_unit
from gz2interp.stores.image_files import DISPLAY_SUFFIXES, SUFFIXES, RawPixels, image_window, mask_invalid, read_pixels
from gz2interp.stores.survey import Survey

__all__ = ["SCALE_TOLERANCE", "OutsideGalaxy", "outside_galaxy", "outside_image"]


SCALE_TOLERANCE: Final = 0.05
"""Largest relative difference of the pixel scale from the survey's: networks are sensitive to apparent sizes."""


@dataclass(frozen=True, eq=False)
class OutsideGalaxy:
    """A galaxy that is not in the survey.

    Attributes
    ----------
    cutout : Cutout
        Shaped like the survey's.
    ra, dec : float
        Of its centre [deg]; NaN where the file has no WCS.
    """

    cutout: Cutout
    ra: float
    dec: float


def outside_image(path: str | Path, survey: Survey) -> NDArray[np.float32]:
    """Read one galaxy from a file as a batch of one: float32 (1, y, x, band), nanomaggies, 0 where not valid.

    Parameters and errors are those of `outside_galaxy`.
    """
    return outside_galaxy(path, survey).cutout.image[None]


def outside_galaxy(path: str | Path, survey: Survey) -> OutsideGalaxy:
    """Read one galaxy from a file, cut to the shape of the survey's cutouts.

    Parameters
    ----------
    path : path
        FITS (an extension per band, or a cube), ``.npy`` or ``.npz``, or JPEG or PNG for a survey of such; the galaxy
        is in the middle. Read in the same way as by `trainer ingest`: see `gz2interp.stores.image_files`.
    survey : Survey
        The image has to match its bands, shape, unit and pixel scale.

    Raises
    ------
    InputError
        There is no such file, or it does not hold the survey's bands, is too small, has pixels of another size, is
        in a unit that cannot be compared, or has no valid pixel.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(
            f"There is no file {file}", f"An image of one galaxy: {choices((*SUFFIXES, *DISPLAY_SUFFIXES), 20)}"
        )
    try:
        pixels = read_pixels([file], survey.bands)
        _check_unit(file, pixels, survey)
        framed = image_window(pixels, survey.shape, central=survey.header.central)
        _check_scale(file, framed, survey)
        image, valid = mask_invalid(framed.image, survey.bands)
    except CutoutUnavailable as error:
        expected = f"One galaxy in the middle, in the bands of {survey.name}: {' '.join(survey.bands)}"
        reason = error.reason if file.name in error.reason else f"{file.name}: {error.reason}"
        raise InputError(reason, expected) from error
    height, width = pixels.image.shape[:2]
    # The middle of the window, which lies half a pixel off where an odd number of pixels is cut to an even one.
    y, x = ((side - part) // 2 + (part - 1) / 2 for side, part in zip((height, width), survey.shape, strict=True))
    cutout = Cutout(
        image=image,
        valid=valid,
        source="outside",
        pixel_scale=framed.pixel_scale,
        position_angle=framed.position_angle,
        native_unit=framed.unit,
        psf_fwhm=framed.psf_fwhm,
        note=framed.note,
    )
    return OutsideGalaxy(cutout, *pixels.sky(x, y))


def _check_unit(file: Path, pixels: RawPixels, survey: Survey) -> None:
    units = survey.journal.native_units(survey.rows_committed)
    if pixels.is_display or pixels.unit in units:
        return
    if pixels.calibrated and units and not any(is_known_unit(unit.split(", ")[0], 1.0, 1.0) for unit in units):
        raise InputError(
            f"The pixels of {file.name} are in {pixels.unit}",
            f"Those of {survey.name} are in {choices(units)}, which has no known zero point",
            "Give the image in the survey's unit",
        )
    if not pixels.calibrated:
        raise InputError(
            f"The pixels of {file.name} are in {pixels.unit}",
            f"{survey.name} holds nanomaggies, and only units with a zero point can be turned into them",
            "Calibrate the image, and let BUNIT say nanomaggy or Jy",
        )


def _check_scale(file: Path, pixels: RawPixels, survey: Survey) -> None:
    low, high = survey.journal.pixel_scales(survey.rows_committed)
    if (
        not low * (1 - SCALE_TOLERANCE) <= pixels.pixel_scale <= high * (1 + SCALE_TOLERANCE)
        and np.isfinite([low, high, pixels.pixel_scale]).all()
    ):
        theirs = f'{low:.4g}"' if high < low * (1 + SCALE_TOLERANCE) else f'{low:.4g}" to {high:.4g}"'
        raise InputError(
            f'A pixel of {file.name} is {pixels.pixel_scale:.4g}" wide',
            f"Those of {survey.name} are {theirs}, and the network was trained at that scale",
            "Resample the image, flux conserved",
        )
