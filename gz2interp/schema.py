"""Names of the data: bands, units, columns, statuses, Galaxy Zoo 2's questions and label schemes."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, SupportsIndex

__all__ = [
    "BANDS",
    "CLASS_VOTES",
    "CUTOUT_SIZE",
    "DEC",
    "DISPLAY_BANDS",
    "DISPLAY_NOTE",
    "DISPLAY_UNIT",
    "GALAXY_ID",
    "GZ2CLASS",
    "LABEL",
    "LABEL_SCHEMES",
    "MAGNITUDES",
    "NATIVE_PIXEL_SCALE",
    "PETRO_RADIUS",
    "QUESTIONS",
    "RA",
    "STATUSES",
    "UNIT",
    "VOTE_KINDS",
    "Question",
    "name_in_words",
    "parse_galaxy_id",
    "pixel_unit",
    "score_in_words",
    "vote_column",
]

BANDS: Final = ("u", "g", "r", "i", "z")
"""The five bands of SDSS in the order of increasing wavelength; a survey may have others."""

UNIT: Final = "nanomaggy"
"""Flux per cutout pixel; 1 nanomaggy is magnitude 22.5."""

DISPLAY_BANDS: Final = ("red", "green", "blue")
"""Bands of colour images, such as those that volunteers classified: stretched, not linear in flux."""

DISPLAY_UNIT: Final = "display value"
"""Unit of surveys with the bands `DISPLAY_BANDS`: values from 0 to 1."""

DISPLAY_NOTE: Final = (
    "Colour images made for the eye: red, green and blue are display values from 0 to 1, not linear in flux, "
    "so that fluxes, magnitudes and colours cannot be measured on them."
)

CUTOUT_SIZE: Final = 64
NATIVE_PIXEL_SCALE: Final = 0.396
"""Arcsec per pixel of an SDSS frame."""

STATUSES: Final = ("ok", "missing", "failed", "out_of_footprint")
"""Status of a cutout: it is present, the source has none, the request failed, or the position was never imaged."""

GALAXY_ID: Final = "galaxy_id"
RA: Final = "ra"
DEC: Final = "dec"
GZ2CLASS: Final = "gz2class"
LABEL: Final = "label"
PETRO_RADIUS: Final = "petro_radius"
MAGNITUDES: Final = BANDS
"""The magnitude columns bear the names of the bands."""

VOTE_KINDS: Final = ("count", "weight", "fraction", "weighted_fraction", "debiased", "flag")

LABEL_SCHEMES: Final = {
    "label": "The catalogue's own column; the survey does not record how it was made.",
    "e_vs_s": "The first letter of gz2class: E smooth, S features or a disc. Stars and artefacts (A) have no label.",
    "e_s_a": "The first letter of gz2class: E smooth, S features or a disc, A a star or an artefact.",
    "five_class": (
        "Thresholds on debiased fractions (Willett et al. 2013, table 3). round, in_between, cigar: smooth >= 0.469 "
        "and that answer of the question of roundness >= 0.5. edge_on: features >= 0.430 and edge-on >= 0.602. "
        "spiral: features >= 0.430, not edge-on >= 0.715 and spiral >= 0.619. Who fits two or none has no label."
    ),
    "barred": (
        "Discs seen from above (features >= 0.430, not edge-on >= 0.715): bar where at least half of the volunteers "
        "say so, no_bar where at most 0.2 do, by debiased, else weighted, else plain fractions. Between them no label."
    ),
    "galaxy_vs_artifact": (
        "A star or an artefact where at least half of the volunteers said so, by debiased, else weighted, else "
        "plain fractions, else by the letter A of gz2class; all others are galaxies."
    ),
    "painted": "What was painted: the kinds round, in_between, cigar, edge_on and spiral. Other kinds have no label.",
    "votes": "The shares of the first question's answers; the label is the largest share.",
    "tree": (
        "The shares of the ends of the decision tree's first questions, weighted ones, else plain; the label is the "
        "largest share. No galaxy that was asked about is left out."
    ),
}
"""Description of each label scheme of the trainer."""


@dataclass(frozen=True)
class Question:
    """One task of the Galaxy Zoo 2 decision tree (Willett et al. 2013, table 2).

    Attributes
    ----------
    name : str
        As in the column names, for example ``"t04_spiral"``.
    answers : tuple of str
        As in the column names, for example ``"a08_spiral"``.
    asked_after : tuple of str
        The answers that lead to it; empty for the first question.
    """

    name: str
    answers: tuple[str, ...]
    asked_after: tuple[str, ...] = ()


QUESTIONS: Final = {
    question.name: question
    for question in (
        Question("t01_smooth_or_features", ("a01_smooth", "a02_features_or_disk", "a03_star_or_artifact")),
        Question("t02_edgeon", ("a04_yes", "a05_no"), ("a02_features_or_disk",)),
        Question("t03_bar", ("a06_bar", "a07_no_bar"), ("a05_no",)),
        Question("t04_spiral", ("a08_spiral", "a09_no_spiral"), ("a05_no",)),
        Question(
            "t05_bulge_prominence",
            ("a10_no_bulge", "a11_just_noticeable", "a12_obvious", "a13_dominant"),
            ("a05_no",),
        ),
        Question("t06_odd", ("a14_yes", "a15_no"), ("a01_smooth", "a02_features_or_disk")),
        Question("t07_rounded", ("a16_completely_round", "a17_in_between", "a18_cigar_shaped"), ("a01_smooth",)),
        Question(
            "t08_odd_feature",
            (
                "a19_ring",
                "a20_lens_or_arc",
                "a21_disturbed",
                "a22_irregular",
                "a23_other",
                "a24_merger",
                "a38_dust_lane",
            ),
            ("a14_yes",),
        ),
        Question("t09_bulge_shape", ("a25_rounded", "a26_boxy", "a27_no_bulge"), ("a04_yes",)),
        Question("t10_arms_winding", ("a28_tight", "a29_medium", "a30_loose"), ("a08_spiral",)),
        Question(
            "t11_arms_number",
            ("a31_1", "a32_2", "a33_3", "a34_4", "a36_more_than_4", "a37_cant_tell"),
            ("a08_spiral",),
        ),
    )
}

_SMOOTH: Final = ("t01_smooth_or_features", "a01_smooth")
_FEATURES: Final = ("t01_smooth_or_features", "a02_features_or_disk")
_NO_GALAXY: Final = ("t01_smooth_or_features", "a03_star_or_artifact")
_FROM_ABOVE: Final = (_FEATURES, ("t02_edgeon", "a05_no"))

CLASS_VOTES: Final = {
    "E": (_SMOOTH,),
    "S": (_FEATURES,),
    "A": (_NO_GALAXY,),
    "smooth": (_SMOOTH,),
    "features_or_disk": (_FEATURES,),
    "artifact": (_NO_GALAXY,),
    "star_or_artifact": (_NO_GALAXY,),
    "round": (_SMOOTH, ("t07_rounded", "a16_completely_round")),
    "in_between": (_SMOOTH, ("t07_rounded", "a17_in_between")),
    "cigar": (_SMOOTH, ("t07_rounded", "a18_cigar_shaped")),
    "edge_on": (_FEATURES, ("t02_edgeon", "a04_yes")),
    "spiral": (*_FROM_ABOVE, ("t04_spiral", "a08_spiral")),
    "disc": (*_FROM_ABOVE, ("t04_spiral", "a09_no_spiral")),
    "bar": (*_FROM_ABOVE, ("t03_bar", "a06_bar")),
    "no_bar": (*_FROM_ABOVE, ("t03_bar", "a07_no_bar")),
}
"""The answers that lead to each class of the label schemes, in order."""


def pixel_unit(bands: Sequence[str]) -> str:
    """The unit of pixels of these bands: `DISPLAY_UNIT` of colour images made for the eye, else `UNIT`."""
    return DISPLAY_UNIT if tuple(bands) == DISPLAY_BANDS else UNIT


def vote_column(question: str, answer: str, kind: str = "debiased") -> str:
    """The GZ2 column of one answer.

    >>> vote_column("t04_spiral", "a08_spiral")
    't04_spiral_a08_spiral_debiased'
    """
    if answer not in QUESTIONS[question].answers or kind not in VOTE_KINDS:
        raise ValueError(f"no GZ2 column for {question!r}, {answer!r}, {kind!r}")
    return f"{question}_{answer}_{kind}"


def parse_galaxy_id(value: object) -> int:
    """Parse a galaxy id from a command line, a file or a URL.

    Parameters
    ----------
    value : int, str or bytes
        A whole number from 0 to 2**63 - 1; of a text, digits with blanks around them.

    Raises
    ------
    ValueError
        It is no id; the message gives the reason.

    >>> parse_galaxy_id(" 588015507658768484 ")
    588015507658768484
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        number = operator.index(value)
    else:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        number = _whole(text.strip())
    if number < 0:
        raise ValueError("it is negative, and ids are 0 or more")
    if number >= 2**63:
        raise ValueError("it is not below 2^63")
    return number


def _whole(text: str) -> int:
    if re.fullmatch(r"-?[0-9]+", text):
        digits = text.lstrip("-").lstrip("0") or "0"
        # Longer numbers are not converted: the time grows with the square of the length.
        return (-1 if text.startswith("-") else 1) * (int(digits) if len(digits) < 20 else 2**64)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", text[:100], re.IGNORECASE):
        raise ValueError("it is a floating-point number: beyond 2^53 that no longer says which galaxy is meant")
    raise ValueError("it is not a whole number of digits 0 to 9" if text else "it is empty")


def name_in_words(name: str) -> str:
    """The name of a class or a column, as it is written in a sentence.

    >>> name_in_words("edge_on"), name_in_words("in_between")
    ('edge-on', 'in between')
    """
    return re.sub(r"\bedge on\b", "edge-on", name.replace("_", " "))


def score_in_words(name: str) -> str:
    """The name of a score, as it is written in a sentence.

    >>> score_in_words("logit(spiral) - 0.5 * logit(edge_on)")
    'logit of spiral minus 0.5 times logit of edge-on'
    """
    words = re.sub(r"(logit|probability)\(([^()]*)\)", r"\1 of \2", name)
    return name_in_words(words.replace(" - ", " minus ").replace(" + ", " plus ").replace(" * ", " times "))
