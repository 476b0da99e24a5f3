"""What a FITS header says of its pixels: where they lie, how large they are, in which unit and through which filter."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from gz2interp.schema import UNIT

__all__ = ["band_of", "celestial", "is_known_unit", "position_angle", "psf_fwhm", "to_nanomaggies", "unit_of"]

_JANSKY: Final = 1.0 / 3.631e-6
"""Nanomaggies of one jansky: magnitude 0 of the AB system is 3631 Jy, and 1e9 nanomaggies."""

_IN_NANOMAGGIES: Final = {
    "nanomaggy": 1.0,
    "nanomaggies": 1.0,
    "nmgy": 1.0,
    "maggy": 1e9,
    "maggies": 1e9,
    "mgy": 1e9,
    "jy": _JANSKY,
    "mjy": 1e-3 * _JANSKY,
    "ujy": 1e-6 * _JANSKY,
    "microjy": 1e-6 * _JANSKY,
    "njy": 1e-9 * _JANSKY,
}


def celestial(header: fits.Header) -> WCS | None:
    """The header's map of the sky, right ascension first; None where it has none, or one of other coordinates."""
    # Old headers (RADECSYS, DATE-OBS in TAI) are repaired by astropy; that it did so helps nobody here.
    with warnings.catch_warnings(action="ignore"):
        wcs = WCS(header, naxis=2)
    return wcs if wcs.has_celestial and (wcs.wcs.lngtyp.strip(), wcs.wcs.lng) == ("RA", 0) else None


def position_angle(wcs: WCS) -> float:
    """Direction of the +y axis, east of north [deg], in -180 to 180."""
    east, north = wcs.pixel_scale_matrix[:, 1]
    return float(np.degrees(np.arctan2(east, north)))


def unit_of(header: fits.Header) -> str:
    """BUNIT as it stands; where there is none, the nanomaggies of an SDSS frame are assumed, and said to be."""
    return str(header.get("BUNIT", "")).strip() or f"{UNIT} (assumed)"


def to_nanomaggies(unit: str) -> float:
    """What to multiply with. A unit without a known zero point (counts, say) stays as it is: the factor is 1."""
    return _IN_NANOMAGGIES.get(_word(unit), 1.0)


def is_known_unit(unit: str) -> bool:
    """Whether `to_nanomaggies` knows the unit's zero point."""
    return _word(unit) in _IN_NANOMAGGIES


def _word(unit: str) -> str:
    # Case decides between milli and mega: nobody measures galaxies in megajansky per pixel, so mJy it is.
    return unit.split(" (")[0].lower().replace("/pixel", "").replace("/pix", "").strip()


def psf_fwhm(header: fits.Header) -> float:
    """Full width of the point spread function [arcsec], NaN where the header does not say."""
    value = next((header[key] for key in ("PSF_FWHM", "PSFFWHM", "SEEING") if key in header), np.nan)
    return float(value) if isinstance(value, (int, float)) else np.nan


def band_of(header: fits.Header, bands: Sequence[str]) -> str | None:
    """The band that EXTNAME, FILTER or BAND names, such as ``U``, ``sdss_u`` or ``SDSSu``; None if none does."""
    for key in ("EXTNAME", "FILTER", "BAND"):
        word = str(header.get(key, "")).strip().lower()
        found = re.fullmatch(r"(?:.*[^a-z]|sdss)?(" + "|".join(map(re.escape, bands)) + r")'?", word)
        if found:
            return found[1]
    return None
