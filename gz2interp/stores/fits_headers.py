"""World coordinates, units, zero points and PSF widths from FITS headers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from astropy.coordinates import FK5, ICRS, BarycentricMeanEcliptic, Galactic, SkyCoord, Supergalactic
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray

from gz2interp.schema import UNIT
from gz2interp.stores.band_names import header_bands

__all__ = [
    "band_of",
    "beam_area",
    "celestial",
    "is_asinh",
    "is_known_unit",
    "is_magnitude",
    "position_angle",
    "psf_fwhm",
    "to_nanomaggies",
    "unit_of",
    "zero_point",
]

_JANSKY: Final = 1.0 / 3.631e-6
"""Nanomaggies per jansky: AB magnitude 0 is 3631 Jy, or 1e9 nanomaggies."""

_BASES: Final = {
    **dict.fromkeys(("maggy", "maggies", "maggie", "mgy", "mgys"), 1e9),
    **dict.fromkeys(("jy", "jansky", "janskys", "janskies"), _JANSKY),
}
_PREFIXES: Final = {
    **dict.fromkeys(("", "1"), 1.0),
    **dict.fromkeys(("m", "milli"), 1e-3),
    **dict.fromkeys(("u", "µ", "μ", "micro"), 1e-6),
    **dict.fromkeys(("n", "nano"), 1e-9),
    **dict.fromkeys(("k", "kilo"), 1e3),
    "mega": 1e6,
}
_FLUX_WORD: Final = re.compile(
    f"({'|'.join(sorted(filter(None, _PREFIXES), key=len, reverse=True))})?"
    f"({'|'.join(sorted(_BASES, key=len, reverse=True))})"
)
_CGS: Final = re.compile(r"erg(s)?(/s|s-1)(/cm2|cm-2)(/hz|hz-1)")
_SI: Final = re.compile(r"w(/m2|m-2)(/hz|hz-1)")
_NUMBER: Final = re.compile(r"(?:(\d+(?:\.\d*)?(?:e[-+]?\d+)?)|(10(?:\^|\*\*)\(?[-+]?\d+\)?))[*. ]?(?=[a-zµμ])")
_AREAS: Final = {
    **dict.fromkeys(("/pixel", "/pix", "pixel-1", "pix-1", "/px", "pixel^-1", "pix^-1"), "pixel"),
    **dict.fromkeys(("/sr", "sr-1", "/steradian"), "sr"),
    **dict.fromkeys(("/arcsec2", "/arcsec^2", "/sqarcsec", "arcsec-2", "/square_arcsec"), "arcsec"),
    **dict.fromkeys(("/beam", "beam-1"), "beam"),
}
_ARCSEC2: Final = float(np.radians(1 / 3600) ** 2)
"""One square arcsecond [sr]."""

_ZERO_POINT_CARDS: Final = (
    *("MAGZERO", "MAGZPT", "MAGZP", "MAG_ZP", "MAGZEROP", "MAG_ZERO", "ZEROPNT", "ZEROPOINT", "ZEROPOIN", "ZEROPT"),
    *("PHOTZP", "PHOT_ZP", "PHOTOZP", "ZP", "ZPT", "ABZP", "ZPAB", "ZP_AB", "MAGZPAB", "FPA.ZP"),
)
_SYSTEM_CARDS: Final = ("PHOTSYS", "PHOTSYST", "MAGSYS", "MAG_SYS", "ZPSYS", "MAGTYPE", "MAGUNIT")
_NANOMAGGY: Final = 22.5
"""Magnitude of one nanomaggy."""

_DEGREE_WORDS: Final = {
    **{name: (1.0, name) for name in ("deg", "rad", "arcmin", "arcsec", "mas")},
    **dict.fromkeys(("degree", "degrees", "degs", "deg."), (1.0, "deg")),
    **dict.fromkeys(("hour", "hours", "h", "hr", "hrs", "hourangle"), (15.0, "deg")),
    **dict.fromkeys(("radian", "radians"), (1.0, "rad")),
}
"""Spellings of the unit of an axis: the factor, and the unit as the standard spells it."""

LARGEST_PIXEL: Final = 0.5
"""[deg] A WCS without CDELT or CD has pixels of 1 degree by default, which is no measured size."""


def celestial(header: fits.Header) -> WCS | None:
    """The WCS of a header in ICRS, right ascension first.

    Returns
    -------
    WCS or None
        None where the header has none, or no pixel scale. A WCS in FK4, FK5 of another equinox, galactic or ecliptic
        coordinates, or with declination first, becomes a tangential one about the centre of the image. FK5 of J2000
        is taken for ICRS: they differ by 0.03 arcsec.
    """
    # astropy warns of old headers (RADECSYS, DATE-OBS in TAI) that it repairs.
    with warnings.catch_warnings(action="ignore"):
        standard = _numeric_equinox(_standard_units(header))
        wcs = WCS(standard, naxis=2)
        if not wcs.has_celestial and int(header.get("NAXIS", 0)) > 2:
            wcs = WCS(standard)
            wcs = wcs.celestial if wcs.has_celestial else wcs
        if not wcs.has_celestial or not _has_scale(wcs):
            return None
        frame = _frame(wcs)
        if frame is None:
            return None
        plain = isinstance(frame, ICRS) or (isinstance(frame, FK5) and abs(frame.equinox.jyear - 2000.0) < 1e-6)
        if plain and (wcs.wcs.lngtyp.strip(), wcs.wcs.lng) == ("RA", 0):
            return wcs
        return _tangential(wcs, frame, header)


def _frame(wcs: WCS) -> Any:
    """The celestial frame of a WCS; None for others, such as that of a planet."""
    kind = wcs.wcs.lngtyp.strip()
    if kind == "RA":
        return wcs_to_celestial_frame(wcs)
    if kind == "ELON":
        equinox = wcs.wcs.equinox if np.isfinite(wcs.wcs.equinox) else 2000.0
        return BarycentricMeanEcliptic(equinox=Time(equinox, format="jyear"))
    return {"GLON": Galactic(), "SLON": Supergalactic()}.get(kind)


def _standard_units(header: fits.Header) -> fits.Header:
    """The header with the units of its axes as the standard spells them."""
    spelt = {axis: str(header.get(f"CUNIT{axis}", "")).strip() for axis in (1, 2)}
    if all(_DEGREE_WORDS.get(word.lower(), (1.0, word)) == (1.0, word) for word in spelt.values()):
        return header
    changed = header.copy()
    for axis, word in ((axis, word.lower()) for axis, word in spelt.items()):
        factor, unit = _DEGREE_WORDS.get(word, (1.0, header.get(f"CUNIT{axis}", "deg")))
        changed[f"CUNIT{axis}"] = unit
        for card in (f"CRVAL{axis}", f"CDELT{axis}", f"CD{axis}_1", f"CD{axis}_2"):
            if card in changed and factor != 1.0:
                changed[card] = float(changed[card]) * factor
    return changed


def _numeric_equinox(header: fits.Header) -> fits.Header:
    """The header with its equinox as a number, which wcslib needs, instead of a text such as ``'J2000.0'``."""
    text = header.get("EQUINOX")
    year = re.search(r"\d{4}(?:\.\d*)?", text) if isinstance(text, str) else None
    if year is None:
        return header
    changed = header.copy()
    changed["EQUINOX"] = float(year[0])
    return changed


def _has_scale(wcs: WCS) -> bool:
    matrix = np.asarray(wcs.pixel_scale_matrix, dtype=np.float64)
    if not np.isfinite(matrix).all():
        return False
    area = abs(float(np.linalg.det(matrix)))
    return bool(0.0 < area < LARGEST_PIXEL**2)


def _tangential(wcs: WCS, frame: Any, header: fits.Header) -> WCS:
    """A gnomonic WCS in ICRS that agrees with another one to first order at the centre of the image."""
    size = [int(header.get(f"NAXIS{axis}", 0)) for axis in (1, 2)]
    middle = np.array(
        [(length - 1) / 2 if length else place - 1 for length, place in zip(size, wcs.wcs.crpix, strict=True)]
    )
    steps = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    x, y = (middle + steps).T
    sky = wcs.pixel_to_world_values(x, y)
    longitude, latitude = sky[wcs.wcs.lng], sky[wcs.wcs.lat]
    place = SkyCoord(longitude, latitude, unit="deg", frame=frame).icrs
    xi, eta = _gnomonic(np.radians(place.ra.deg), np.radians(place.dec.deg))
    new = WCS(naxis=2)
    new.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    new.wcs.cunit = ["deg", "deg"]
    new.wcs.crval = [place.ra.deg[0], place.dec.deg[0]]
    new.wcs.crpix = middle + 1
    new.wcs.cd = np.degrees([[xi[1] - xi[2], xi[3] - xi[4]], [eta[1] - eta[2], eta[3] - eta[4]]]) / 2
    new.wcs.set()
    return new


def _gnomonic(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates [rad] on the plane that touches the sphere at the first position; positions in [rad]."""
    turn, dec0 = ra - ra[0], dec[0]
    depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(turn)
    xi = np.cos(dec) * np.sin(turn) / depth
    return xi, (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(turn)) / depth


def position_angle(wcs: WCS) -> float:
    """Direction of the +y axis, east of north [deg], in -180 to 180."""
    east, north = wcs.pixel_scale_matrix[:, 1]
    return float(np.degrees(np.arctan2(east, north)))


def unit_of(header: fits.Header) -> str:
    """BUNIT, or the unit that follows from a zero point.

    Where there is neither, the nanomaggies of an SDSS frame are assumed, as the text then says. ``FLUXMAG0`` is the
    flux of AB magnitude 0 (HSC, LSST). Another zero point is in AB magnitudes if the name or comment of its card, or a
    card such as ``PHOTSYS``, says so; otherwise pixels are counts in an unknown magnitude system.
    """
    unit = str(header.get("BUNIT", "")).strip()
    if unit:
        return unit
    flux = header.get("FLUXMAG0")
    if isinstance(flux, (int, float)) and 0 < flux < np.inf:
        return f"{1e9 / flux:.8g} {UNIT} (by FLUXMAG0)"
    card, magnitude = zero_point(header)
    if not card:
        return f"{UNIT} (assumed)"
    if _is_ab(header, card) and -50 < magnitude < 100:
        return f"{10 ** (0.4 * (_NANOMAGGY - magnitude)):.8g} {UNIT} (by {card} = {magnitude:g}, AB)"
    return f"{UNIT} (by {card} = {magnitude:g})" if magnitude == _NANOMAGGY else "counts (assumed)"


def zero_point(header: fits.Header) -> tuple[str, float]:
    """The card with a photometric zero point and its value [mag]; "" and NaN where there is none."""
    for card in _ZERO_POINT_CARDS:
        value = header.get(card)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value):
            return card, float(value)
    return "", float("nan")


def _is_ab(header: fits.Header, card: str) -> bool:
    texts = [card.replace("_", " "), header.comments[card], *(str(header.get(name, "")) for name in _SYSTEM_CARDS)]
    return "AB" in card or any(re.search(r"\bAB(?:mag)?\b", text, re.IGNORECASE) for text in texts)


def is_asinh(header: fits.Header) -> bool:
    """Whether the pixels are inverse hyperbolic sines of flux, as in the stacks of Pan-STARRS 1."""
    return "BSOFTEN" in header and "BOFFSET" in header


def to_nanomaggies(unit: str, pixel_area: float = float("nan"), beam: float = float("nan")) -> float:
    """Factor that converts pixel values to nanomaggies per pixel.

    Parameters
    ----------
    unit : str
        As in BUNIT: maggies and janskys with their prefixes, ``erg/s/cm2/Hz``, ``W/m2/Hz``, each per pixel (the
        default), per steradian, per square arcsecond or per beam.
    pixel_area : float
        [sr]; NaN where unknown.
    beam : float
        Area of the beam [sr]; NaN where unknown.

    Returns
    -------
    float
        1 where the unit has no known zero point (counts, for example), or is per an unknown area.
    """
    factor = _factor(unit, pixel_area, beam)
    return 1.0 if factor is None else factor


def is_known_unit(unit: str, pixel_area: float = float("nan"), beam: float = float("nan")) -> bool:
    """Whether `to_nanomaggies` can convert the unit."""
    return _factor(unit, pixel_area, beam) is not None


def is_magnitude(unit: str) -> bool:
    """Whether the unit is logarithmic: magnitudes, per area or not."""
    return (
        re.match(r"(?:ab|st|vega)?\s*_?\(?mag(?:nitudes?|s)?(?![a-z])|dex|.*\bmag\(", unit.strip().lower()) is not None
    )


def _factor(unit: str, pixel_area: float, beam: float) -> float | None:
    word = unit.split(" (")[0].strip().lower().replace(" per ", "/")
    word = re.sub(r"\s*[*.]\s*(?=[a-zµμ])|\s+", " ", word)
    number = _NUMBER.match(word)
    scale = 1.0
    if number:
        scale = float(number[1]) if number[1] else 10.0 ** int(re.sub(r"^10|[^-+\d]", "", number[2]))
        word = word[number.end() :]
    word = (
        word.replace(" ", "").replace("**", "^").replace("^2", "2").replace("^-", "-").replace("(", "").replace(")", "")
    )
    word, area = _split_area(word)
    # An M is mega only per steradian: infrared maps are in MJy/sr, and galaxies are not given in MJy per pixel.
    mega = area == "sr" and re.match(r"\s*(?:[\d.e+*^ -]*)M", unit.strip()) is not None
    flux = _flux(word, mega)
    per = {"pixel": 1.0, "sr": pixel_area, "arcsec": pixel_area / _ARCSEC2, "beam": pixel_area / beam}[area]
    return None if flux is None or not np.isfinite(per) else scale * flux * per


def _split_area(word: str) -> tuple[str, str]:
    for suffix in sorted(_AREAS, key=len, reverse=True):
        if word.endswith(suffix):
            return word[: -len(suffix)], _AREAS[suffix]
    return word, "pixel"


def _flux(word: str, mega: bool) -> float | None:
    if _CGS.fullmatch(word):
        return 1e23 * _JANSKY
    if _SI.fullmatch(word):
        return 1e26 * _JANSKY
    match = _FLUX_WORD.fullmatch(word)
    if not match:
        return None
    return (1e6 if mega and match[1] == "m" else _PREFIXES[match[1] or ""]) * _BASES[match[2]]


def beam_area(header: fits.Header) -> float:
    """Area of a radio map's Gaussian beam [sr], from BMAJ and BMIN [deg]; NaN where the header has none."""
    axes = [header.get(card) for card in ("BMAJ", "BMIN")]
    if not all(isinstance(axis, (int, float)) and axis > 0 for axis in axes):
        return float("nan")
    major, minor = (float(np.radians(axis)) for axis in axes)
    return float(np.pi / (4 * np.log(2)) * major * minor)


def psf_fwhm(header: fits.Header) -> float:
    """Full width of the point spread function [arcsec], NaN where the header has none."""
    value = next((header[key] for key in ("PSF_FWHM", "PSFFWHM", "SEEING") if key in header), np.nan)
    return float(value) if isinstance(value, (int, float)) else np.nan


def band_of(header: fits.Header, bands: Sequence[str]) -> str | None:
    """The one band that a header names, such as ``U``, ``sdss_u`` or ``SDSSu``; None if it names none or several."""
    named = set(header_bands(header, bands).values())
    return named.pop() if len(named) == 1 else None
