"""Where a cutout lies on the sky."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS

__all__ = ["cutout_wcs"]


def cutout_wcs(ra: float, dec: float, pixel_scale: float, position_angle: float, shape: tuple[int, int]) -> WCS:
    """The tangential projection of a cutout whose middle is the galaxy's catalogue position.

    Parameters
    ----------
    ra, dec : float
        [deg]
    pixel_scale : float
        [arcsec]
    position_angle : float
        Of the +y axis, east of north [deg]; +x then points west of it, as on the sky.
    shape : (y, x)
        In pixels. FITS counts from 1 and in the order (x, y), so the middle of 64 pixels is 32.5.

    Notes
    -----
    Cutouts that a source cuts in whole pixels, as from a folder of images, have the galaxy up to half a pixel from
    their middle along x and y, and up to two where an image leaves no better window: this WCS is off by as much.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    angle, degrees = np.deg2rad(position_angle), pixel_scale / 3600
    wcs.wcs.cd = degrees * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.set()
    return wcs
