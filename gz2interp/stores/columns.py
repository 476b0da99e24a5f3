"""What columns mean to other programs: their unit, their UCD and a sentence, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gz2interp.schema import DEC, GALAXY_ID, GZ2CLASS, LABEL, PETRO_RADIUS, RA

__all__ = ["Meaning", "meaning_of"]


@dataclass(frozen=True)
class Meaning:
    """What is told of a column.

    Attributes
    ----------
    unit : str
        As FITS and VOTable both spell it; "" for none, and for nanomaggies, which neither knows.
    ucd : str
        Of the IVOA's controlled vocabulary; "" where no word fits.
    words : str
        For a person.
    """

    unit: str = ""
    ucd: str = ""
    words: str = ""


_OPTICAL: Final = {"u": "U", "g": "B", "r": "R", "i": "I", "z": "I"}

_BY_NAME: Final[Mapping[str, Meaning]] = {
    GALAXY_ID: Meaning("", "meta.id;meta.main", "SDSS object id, a 64-bit whole number"),
    RA: Meaning("deg", "pos.eq.ra;meta.main", "Right ascension, J2000"),
    DEC: Meaning("deg", "pos.eq.dec;meta.main", "Declination, J2000"),
    **{band: Meaning("mag", f"phot.mag;em.opt.{word}", f"Magnitude in {band}") for band, word in _OPTICAL.items()},
    PETRO_RADIUS: Meaning("arcsec", "phys.angSize", "Petrosian radius"),
    "redshift": Meaning("", "src.redshift", "Redshift"),
    "ebv": Meaning("mag", "phot.color.excess", "Reddening E(B-V)"),
    GZ2CLASS: Meaning("", "src.morph.type", "Galaxy Zoo 2 class"),
    LABEL: Meaning("", "src.class", "Class in the catalogue"),
    "prediction": Meaning("", "src.class", "Class that the network predicts"),
    "confidence": Meaning("", "stat.probability", "Probability that the network gives to its prediction"),
    "uncertainty": Meaning("", "stat.value", "How unsure the network is"),
    "status": Meaning("", "meta.code.status", "What is known of the cutout; empty if nobody asked for it"),
    "reason": Meaning("", "meta.note", "Why there is no cutout"),
    "tries": Meaning("", "meta.number", "How often the cutout was asked for"),
    "pixel_scale": Meaning("arcsec", "instr.scale", "Width of a pixel"),
    "field": Meaning("arcsec", "phys.angSize", "Full width of the cutout"),
    "position_angle": Meaning("deg", "pos.posAng", "Of the cutout's +y axis, east of north"),
    "map_x": Meaning("", "", "Place on the map of the network's activations"),
    "map_y": Meaning("", "", "Place on the map of the network's activations"),
    "distance": Meaning("", "", "From the galaxy asked about, in the network's own space"),
    "file": Meaning("", "meta.ref", "The cutout's file in this folder; empty where there is none"),
}

_BY_START: Final[Mapping[str, Meaning]] = {
    "sky_sigma_": Meaning("", "stat.stdev;instr.background", "Scatter of the sky in nanomaggies per pixel, band "),
    "psf_fwhm_": Meaning("arcsec", "instr.obsty.seeing", "Full width at half maximum of the PSF, band "),
    "p_": Meaning("", "stat.probability", "Probability that the network gives to the class "),
}

_BY_END: Final[Mapping[str, Meaning]] = {
    "_count": Meaning("", "meta.number", "Votes of volunteers"),
    "_weight": Meaning("", "stat.weight", "Weighted votes of volunteers"),
    "_debiased": Meaning("", "stat.value", "Share of the votes, corrected for the distance"),
    "_fraction": Meaning("", "stat.value", "Share of the votes"),
}


def meaning_of(column: str) -> Meaning:
    """What a column of a survey's tables means; nothing is claimed of a column that we do not know."""
    name = column.removeprefix("catalog_")
    if name in _BY_NAME:
        return _BY_NAME[name]
    for start, known in _BY_START.items():
        if name.startswith(start):
            return Meaning(known.unit, known.ucd, known.words + name.removeprefix(start))
    return next((known for end, known in _BY_END.items() if name.endswith(end)), Meaning())
