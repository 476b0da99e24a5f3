"""What figures say in words: of a galaxy, a score, a method, and where the images come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gz2interp.attribution import METHODS
from gz2interp.figures.rgb import Stretch, rgb_bands
from gz2interp.results import Attribution
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.stores.survey import Survey
from gz2interp.workflows.explain import Explanation

__all__ = [
    "acknowledgement",
    "colour_in_words",
    "galaxy_in_words",
    "images_in_words",
    "method_in_words",
    "settings_in_words",
    "value_in_words",
]

_IMAGES: Final = {
    "painted": "painted, not observed",
    "painted onto sdss_frames": "painted, not observed, onto sky of the Sloan Digital Sky Survey",
    "sdss_frames": "Sloan Digital Sky Survey",
    "sdss": "Sloan Digital Sky Survey",
    "skyview": "Sloan Digital Sky Survey, through SkyView",
    "hips2fits": "Sloan Digital Sky Survey, through hips2fits",
    "folder": "files of the user's, whose origin the survey does not record",
}
"""What a caption says of a survey's source."""

_SDSS: Final = (
    "Funding for the Sloan Digital Sky Survey has been provided by the Alfred P. Sloan Foundation, the Participating "
    "Institutions, the National Science Foundation, the U.S. Department of Energy, NASA, the Japanese Monbukagakusho, "
    "the Max Planck Society and the Higher Education Funding Council for England. The SDSS web site is www.sdss.org."
)
_GALAXY_ZOO: Final = (
    "Classifications by the volunteers of Galaxy Zoo (Lintott et al. 2008; Willett et al. 2013; Hart et al. 2016)."
)
_VOTES: Final = ("t01_", "gz2class", "gz2_class")


def galaxy_in_words(explanation: Explanation, i: int, value: bool = True) -> str:
    """Its id, what the network says and how sure, its label, and the score: a line each."""
    said = f"{name_in_words(explanation.predictions[i])}, {explanation.confidence[i]:.0%}"
    label = explanation.labels[i]
    lines = [str(explanation.galaxy_ids[i]), said, *([f"labelled {name_in_words(label)}"] if label else [])]
    if value:
        score = value_in_words(float(explanation.attribution.scores[i]))
        predicted = explanation.score_names[i] == f"logit({explanation.predictions[i]})"
        lines.append(f"{'its logit' if predicted else score_in_words(explanation.score_names[i])} {score}")
    return "\n".join(lines)


def value_in_words(value: float) -> str:
    """A score's value.

    >>> value_in_words(3.456), value_in_words(0.01234)
    ('3.46', '0.012')
    """
    words = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"
    return words.replace("-", "\N{MINUS SIGN}")


def method_in_words(method: str) -> str:
    """Its title and its paper."""
    each = METHODS[method]
    return f"{each.title} ({each.reference})"


def settings_in_words(attribution: Attribution) -> str:
    """What the map refers to, the method's parameters that a reader needs to repeat it, and the completeness gap."""
    first = f"layer {attribution.layer}" if attribution.layer else _DOMAINS.get(attribution.domain, "")
    told = (_parameter(name, value) for name, value in sorted(attribution.parameters.items()))
    return "; ".join(fact for fact in (first, *told, _gap_in_words(attribution)) if fact)


_DOMAINS: Final = {
    "scaled": "with respect to the scaled image",
    "input": "with respect to the unscaled image",
}
_PARAMETERS: Final[Mapping[str, str]] = {
    "alignment": "",  # of cells and pixels: a matter of the program
    "at": "",  # told as what the map refers to
    "backend": "",
    "baseline": "baseline: {}",
    "cells": "masks of {} cells a side",
    "channels": "{} channels",
    "geometry": "",
    "noise": "noise of {} of the image's range",
    "patch": "patches of {} pixels",
    "references": "{} reference galaxies",
    "replacement": "replaced by {}",
    "samples": "{} samples",
    "share": "share of the mask that is kept: {}",
    "steps": "{} steps",
    "stride": "moved by {} pixels",
    "views": "mean over {} views",
}
"""What a caption says of a method's parameters; "" for what changes nothing that a reader could see."""
_BASELINES: Final = {"sky": "sky without light", "blurred": "the galaxy, blurred"}


def _parameter(name: str, value: Any) -> str:
    if "gap" in name:
        return ""
    if name == "positive_only":
        return "only positive values" if value else ""
    words = _PARAMETERS.get(name, f"{name_in_words(name)}: {{}}")
    said = _BASELINES.get(str(value), value) if name == "baseline" else value
    return words.format(f"{said:g}" if isinstance(said, float) else name_in_words(str(said)))


def _gap_in_words(attribution: Attribution) -> str:
    """By how much the maps miss the sum that their method promises; "" for methods that promise none."""
    if attribution.total is None:
        return ""
    gaps, totals = attribution.gap, np.abs(attribution.total)
    worst = int(np.argmax(gaps))
    share = f" ({gaps[worst] / totals[worst]:.2g} of it)" if totals[worst] > 0 else ""
    return f"each map sums to the score's difference from the baseline within {gaps[worst]:.2g}{share}"


def images_in_words(survey: Survey) -> str:
    """Where the images come from."""
    source = survey.header.source
    return f"Images: {_IMAGES.get(source, source or 'source not recorded')}."


def acknowledgement(survey: Survey) -> str:
    """Whom a figure of a survey's galaxies must thank; "" where they are painted."""
    source, painted = survey.header.source, survey.header.source.startswith("painted")
    thanks = []
    if "Sloan" in _IMAGES.get(source, ""):
        thanks.append(_SDSS)
    if not painted and any(str(column).startswith(_VOTES) for column in survey.catalog.columns):
        thanks.append(_GALAXY_ZOO)
    return " ".join(thanks)


def colour_in_words(bands: Sequence[str], stretch: Stretch) -> str:
    """How the colour images are made."""
    red, green, blue = (bands[place] for place in rgb_bands(bands))
    return (
        f"Colour images: {red}, {green}, {blue} as red, green, blue (Lupton et al. 2004; {stretch}); single bands each "
        "on their own asinh scale, dark on white; hatched: not imaged in every band."
    )
