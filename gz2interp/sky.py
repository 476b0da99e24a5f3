"""Sky coordinates: the WCS of a cutout, and sexagesimal notation."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS
from numpy.typing import ArrayLike

__all__ = ["cutout_wcs", "sexagesimal"]


def cutout_wcs(ra: float, dec: float, pixel_scale: float, position_angle: float, shape: tuple[int, int]) -> WCS:
    """Tangential projection of a cutout centred on the galaxy's catalogue position.

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


def sexagesimal(degrees: ArrayLike, *, hours: bool) -> list[str]:
    """Angles as texts in base 60, correct to 0.0001 arcsec; carries are propagated, so that no text contains a 60.

    Parameters
    ----------
    degrees : array-like (n,)
        [deg]
    hours : bool
        ``hh:mm:ss.sssss``, from 0 h to 24 h, for right ascensions; else ``+dd:mm:ss.ssss`` for declinations.

    Returns
    -------
    list of str
        "" for an angle that is not finite.

    Examples
    --------
    >>> sexagesimal([350.0, 359.9999999999], hours=True), sexagesimal([-0.5], hours=False)
    (['23:20:00.00000', '00:00:00.00000'], ['-00:30:00.0000'])
    """
    places, unit = (5, 15.0) if hours else (4, 1.0)
    scale = 10**places
    texts = []
    for angle in np.atleast_1d(np.asarray(degrees, np.float64)):
        if not np.isfinite(angle):
            texts.append("")
            continue
        ticks = round(abs(float(angle % 360 if hours else angle)) / unit * 3600 * scale)
        seconds, fraction = divmod(ticks, scale)
        whole = seconds // 3600 % 24 if hours else seconds // 3600
        sign = "" if hours else "-" if angle < 0 and ticks else "+"
        texts.append(f"{sign}{whole:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:0{places}d}")
    return texts
