"""Bands and kinds of planes by name: in the card of a header, the key of an array or the name of a file.

A text is split into words, and each word is compared with the survey's bands: ``g DECam SDSS c0001 4720.0 1520.0``,
``g.MP9601``, ``gp``, ``lsstg``, ``G_BAND``, ``HSC-G`` and ``g'`` are all g. There is no list of filters: a survey may
have bands of any name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

__all__ = [
    "FILTER_CARDS",
    "band_list",
    "bands_in",
    "header_bands",
    "is_auxiliary",
    "is_auxiliary_plane",
    "other_filter",
]

FILTER_CARDS: Final = (
    "FILTER",
    "FILTNAM",
    "FILTNAME",
    "FILTERID",
    "FILT",
    "BAND",
    "BANDPASS",
    "BANDNAME",
    "PHOTBAND",
    "WAVEBAND",
    "INSFILTE",
    "FILTER1",
    "FILTER2",
    "FILTER3",
    "FILTNAM1",
    "FILTNAM2",
    "FPA.FILTER",
    "FPA.FILTERID",
    "ESO INS FILT1 NAME",
    "ESO INS FILT2 NAME",
)
"""Cards that name a filter. In an instrument with two wheels the other wheel is open."""

_OPEN: Final = frozenset(
    {"", "open", "clear", "free", "none", "empty", "blank", "unknown", "n", "a", "na", "null", "undefined"}
)
_NEUTRAL: Final = frozenset({"filter", "filt", "band", "bandpass", "mag", "image", "img", "flux", "sci", "data", "the"})

_CAMERA: Final = (
    r"(?:sdss|sloan|decam|decals|decaps|desi|des|legacysurvey|legacy|bass|mzls|bok|hsc|hypersuprimecam|suprimecam|"
    r"suprime|subaru|lsst|lsstcomcam|comcam|rubin|ps|panstarrs|gpc|cfhtls|cfht|megacam|megaprime|unions|kids|omegacam|"
    r"vst|atlas|viking|vircam|vista|vhs|ukidss|wfcam|twomass|skymapper|smss|splus|jplus|jpas|galex|wise|unwise|euclid|"
    r"gmos|lco|sinistro|ztf|nsc|kpno|ctio|mosaic|wircam|imacs|vlt|ngvs|roman|hst|acs|wfc)\d*"
)
_BEFORE: Final = rf"(?:{_CAMERA}|image|img|sci|flux|filter|filt|band)"
_AFTER: Final = rf"(?:p|prime|band|filter|image|img|flux|sci|[0-2]|{_CAMERA})"

_VEGA_SYSTEMS: Final = frozenset({"johnson", "bessel", "bessell", "cousins", "harris", "kron", "landolt"})
"""Words with which the case of a band counts: R is another filter than r."""

_AUXILIARY: Final = re.compile(
    r"(?:[a-z]|blob|psf|gal)?(?:inverse|inv|wei(?:ghts?)?|wt|wgt|wht|ivar|invvar|invvariance|invar|variance|vari?|rms|"
    r"sigma|sig|errors?|err|unc|"
    r"uncert|uncertainty|stddev|std|noise|masks?|msk|dq|quality|flags?|bpm|badpix|badpixels?|psf|psfex|expmap|exposure|"
    r"exptime|exp|num|nexp|depth|size|coverage|cov|context|ctx|con|segm?|segmentation|background|bkg|bkgd|sky|model|"
    r"residuals?|resid|chi)"
    r"(?:maps?|images?|img|planes?|bits)?\d*|oo[dw]",
    re.IGNORECASE,
)
"""Words of such planes; ``oow`` and ``ood`` are the weight and the mask beside an image ``ooi`` of DECam."""
_KIND_CARDS: Final = ("EXTNAME", "HDUCLAS2", "HDUCLAS3", "EXTTYPE", "IMTYPE", "IMAGETYP", "PRODTYPE", "DATATYPE")
_SQUARED: Final = re.compile(
    r"^\s*1(?:\.0)?\s*/|(?:magg(?:y|ies)|mgy|jy|adu|counts?|electrons?|dn|e-?)\s*\)?\s*(?:\^|\*\*)?\s*\(?\s*[-+]?2\b",
    re.IGNORECASE,
)


def bands_in(text: str, bands: Sequence[str]) -> tuple[str, ...]:
    """The bands that a text names, each once, in the order of the text.

    Parameters
    ----------
    bands : sequence of str
        The survey's.

    >>> bands_in("g DECam SDSS c0001 4720.0 1520.0", "ugriz"), bands_in("HSC-I2", "grizy"), bands_in("W-C-RC", "ugriz")
    (('g',), ('i',), ())
    """
    words = _words(text)
    vega = any(word.lower() in _VEGA_SYSTEMS for word in words)
    named = (_band_of_word(word, tuple(bands), vega) for word in words)
    return tuple(dict.fromkeys(band for band in named if band is not None))


def header_bands(header: Mapping[str, Any], bands: Sequence[str]) -> dict[str, str]:
    """The band that each card of a header names, by card; a card that names several or none is left out.

    ``EXTNAME`` and the cards of filters are read; ``SURVEY`` only where those name no band.
    """
    named = {card: bands_in(str(header.get(card, "")), bands) for card in ("EXTNAME", *FILTER_CARDS)}
    if not any(named.values()) and not other_filter(header, bands):
        named = {"SURVEY": bands_in(str(header.get("SURVEY", "")), bands)}
    return {card: names[0] for card, names in named.items() if len(names) == 1}


def other_filter(header: Mapping[str, Any], bands: Sequence[str]) -> str:
    """The filter of a header if it is none of the bands, as ``FILTER = F606W``; "" where no card names one."""
    for card in FILTER_CARDS:
        text = str(header.get(card, "")).strip()
        words = {word.lower().rstrip("0123456789") for word in _words(text)}
        if len(bands_in(text, bands)) != 1 and not words <= _OPEN | _NEUTRAL:
            return f"{card} = {text}"
    return ""


def band_list(texts: Iterable[str], bands: Sequence[str]) -> tuple[str, ...]:
    """The bands of the planes of a cube, one for each, from the words of a list such as ``u g r`` or ``ugr``.

    Parameters
    ----------
    texts : iterable of str
        One text for each plane, or a single one with all of them.
    bands : sequence of str
        The survey's. A word that is none of them is a plane of another band, and stays as it is.
    """
    listed = [str(text) for text in texts]
    words = _words(listed[0]) if len(listed) == 1 else listed
    if len(listed) == 1 and len(words) == 1 and not bands_in(words[0], bands) and words[0].isalpha():
        words = list(words[0])
    return tuple(next(iter(bands_in(word, bands)), word) for word in words)


def is_auxiliary(text: str) -> bool:
    """Whether a name is that of a weight, variance, mask, PSF, exposure or model plane, such as ``IVAR_U``."""
    return any(_AUXILIARY.fullmatch(word) for word in _words(text))


def is_auxiliary_plane(header: Mapping[str, Any]) -> bool:
    """Whether a plane is a weight, a mask or the like, by its name, its kind or its unit (1/flux^2)."""
    return any(is_auxiliary(str(header.get(card, ""))) for card in _KIND_CARDS) or bool(
        _SQUARED.search(str(header.get("BUNIT", "")))
    )


@cache
def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text)


@cache
def _band_of_word(word: str, bands: tuple[str, ...], exact: bool) -> str | None:
    if word in bands:
        return word
    if exact or re.fullmatch(_CAMERA, word, re.IGNORECASE):
        return None
    for band in bands:
        alias = "|zs" if band == "z" else ""
        if re.fullmatch(rf"{_BEFORE}?{re.escape(band.lower())}{_AFTER}?{alias}", word.lower()):
            return band
    return None
