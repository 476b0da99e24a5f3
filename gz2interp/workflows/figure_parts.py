"""Common parts of figures for papers: settings, galaxies, scales, captions, footers and data files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gz2interp.attribution import METHODS
from gz2interp.checks import Check
from gz2interp.figures.pieces.maps import MapScale, map_in_words, scale_of, total
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.pieces.sheet import letter
from gz2interp.figures.rgb import Stretch, rgb_bands
from gz2interp.figures.shown import CutoutSky, FigureGalaxy
from gz2interp.figures.style import FigureStyle, checked_format, save_figure
from gz2interp.painting import Alteration
from gz2interp.results import Attribution
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_table
from gz2interp.trust.verdict import LIMITS, alarms
from gz2interp.workflows.explain import AttributionSettings, Explanation
from gz2interp.workflows.maps import write_maps_together
from gz2interp.workflows.study import Study

__all__ = [
    "Drawing",
    "FigureSettings",
    "acknowledgement",
    "colour_in_words",
    "figure_galaxies",
    "footer",
    "galaxy_in_words",
    "images_in_words",
    "map_caption",
    "map_numbers",
    "map_unit",
    "method_in_words",
    "panel_key",
    "scale_in_words",
    "settings_in_words",
    "shared_scale",
    "stored_trust_line",
    "trust_line",
    "trust_sentence",
    "value_in_words",
    "write_drawing",
]


@dataclass(frozen=True)
class FigureSettings:
    """A figure for a paper, but for its galaxies.

    Attributes
    ----------
    layout : str
        One of `gz2interp.workflows.figures.LAYOUTS`.
    question : AttributionSettings
        Asked of the network; the layout "methods" puts each method in its place.
    manner : FigureStyle
        How it is drawn.
    alteration : Alteration
        For repaint pairs.
    most : int or None
        Neighbours of each galaxy, or pairs of right and wrong; None for what fits well.
    by_band : bool
        Many galaxies through one method: a row per band instead of a row per galaxy.
    """

    layout: str = "galaxies"
    question: AttributionSettings = field(default_factory=AttributionSettings)
    manner: FigureStyle = field(default_factory=FigureStyle)
    alteration: Alteration = field(default_factory=Alteration)
    most: int | None = None
    by_band: bool = False

    def through(self, method: str) -> AttributionSettings:
        """The same question through another method; a layer is for those that look at one."""
        return replace(self.question, method=method)


_IMAGE_SOURCES: Final = {
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
    return f"Images: {_IMAGE_SOURCES.get(source, source or 'source not recorded')}."


def acknowledgement(survey: Survey) -> str:
    """Whom a figure of a survey's galaxies must thank; "" where they are painted."""
    source, painted = survey.header.source, survey.header.source.startswith("painted")
    thanks = []
    if "Sloan" in _IMAGE_SOURCES.get(source, ""):
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


def stored_trust_line(survey: Survey, model: ModelFolder, method: str) -> str:
    """What the stored check says of a method, or how to make one."""
    found = model.check(survey.digest)
    if found is None:
        return f"Trust: not checked. Run gz2interp check {survey.name} --model {model.name}."
    return trust_line(found, method)


def trust_line(found: Check, method: str) -> str:
    """One sentence: how many checks a method passed, and by what number it fails the others.

    Parameters
    ----------
    found : Check
    method : str
        One of `METHODS`, or the attribution to bands, of which no map can be checked.
    """
    judged = [each for each in found.of(method) if each.passed is not None]
    if not judged and method in METHODS:
        return f"Trust: not checked; gz2interp check adds it with --method {method}."
    if not judged:
        return "Trust: not checked; shares of bands add up exactly, and depend on what stands for an absent band."
    failed = [f"{LIMITS[each.check].title} ({each.estimate.value:.2f})" for each in judged if not each.passed]
    words = f"Trust: passes {len(judged) - len(failed)} of {len(judged)} checks"
    words += f"; fails {', '.join(failed)}" if failed else ""
    used = [each.subject for each in alarms(found)]
    return words + (f". The network uses a shortcut: {', '.join(used)}." if used else ".")


_MOST_NAMED: Final = 12
"""Galaxies whose words a caption repeats."""
_COORDINATES: Final = "Coordinates: right ascension and declination, J2000, in degrees."

Words = Callable[[Explanation, int], str]


def figure_galaxies(explanation: Explanation, words: Words = galaxy_in_words) -> list[FigureGalaxy]:
    """The galaxies of an explanation."""
    places = zip(
        explanation.pixel_scale,
        explanation.position_angle,
        explanation.positions[:, 0],
        explanation.positions[:, 1],
        strict=True,
    )
    return [
        FigureGalaxy(explanation.images[i], explanation.valid[i], CutoutSky(*map(float, place)), words(explanation, i))
        for i, place in enumerate(places)
    ]


def shared_scale(explanations: Sequence[Explanation], single_bands: bool) -> MapScale:
    """One scale for all maps that a figure shows of them.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of one method.
    single_bands : bool
        Whether the figure shows the maps of single bands too.
    """
    values = [explanation.attribution.values for explanation in explanations]
    shown = [total(each) if each.ndim == 3 else each for part in values for each in part]
    if single_bands:
        shown += [each for part in values for each in part]
    return scale_of(shown, METHODS[explanations[0].attribution.method].signed)


def trust_sentence(study: Study, method: str) -> str:
    """How far the method is trusted here, in one sentence without a command."""
    line = stored_trust_line(study.survey, study.model, method)
    return re.sub(r"(\.|;) (Run )?gz2interp check .*", " for this network.", line)


def footer(study: Study, explanation: Explanation) -> str:
    """Beneath a figure of one method: what the colours count, and how far the method is trusted."""
    attribution = explanation.attribution
    title = METHODS[attribution.method].title
    return f"{title}: {map_unit(attribution.method, attribution.score)}\n{trust_sentence(study, attribution.method)}"


def map_unit(method: str, score: str) -> str:
    """What the colours of a map count."""
    each, words = METHODS[method], score_in_words(score)
    if each.contributes:
        return f"red increases the {words}, blue decreases it"
    if not each.signed:
        return f"variance of the gradient of the {words}"
    return f"red: the {words} rises where the image brightens, blue: where it dims"


def panel_key(shown: Sequence[FigureGalaxy]) -> str:
    """Which galaxy a panel's letter stands for; "" for more than a caption has room for."""
    if len(shown) > _MOST_NAMED:
        return ""
    said = [each.words.replace("\n", ", ") for each in shown]
    return "; ".join(f"{letter(place)} {words}" for place, words in enumerate(said)) + "."


def scale_in_words(scale: MapScale) -> str:
    """The shared scale, for a caption."""
    ends = "values beyond it, at most the strongest half per cent, have its last colour"
    return f"All maps share one {'signed ' if scale.signed else ''}scale, {scale}, and are not normalised ({ends})."


def map_caption(
    study: Study,
    what: str,
    explanations: Sequence[Explanation],
    shown: Sequence[FigureGalaxy],
    manner: FigureStyle,
    scale: str,
    own_trust: str = "",
    ground: str = "",
) -> str:
    """What a reader of the paper needs to judge the figure, in sentences.

    Parameters
    ----------
    study : Study
    what : str
        What is where, in sentences.
    explanations : sequence of Explanation
        One for each method.
    shown : sequence of FigureGalaxy
        Every galaxy of the figure.
    manner : FigureStyle
    scale : str
        What is to be said of the maps' scale.
    own_trust : str, optional
        Instead of the trust line of the first method.
    ground : str, optional
        What lies beneath a map, if the manner does not tell.
    """
    first = {explanation.attribution.method: explanation for explanation in reversed(explanations)}
    methods = [
        f"{method_in_words(method)}: {settings_in_words(first[method].attribution)}."
        for method in dict.fromkeys(explanation.attribution.method for explanation in explanations)
    ]
    caveats = [METHODS[method].caveat for method in first if METHODS[method].caveat]
    survey, model = study.survey, study.model
    parts = [
        what,
        f"The maps attribute the {score_in_words(explanations[0].attribution.score)}.",
        *methods,
        scale,
        map_in_words(manner, ground),
        _COORDINATES if manner.axes == "wcs" else "",
        colour_in_words(survey.bands, stretch_for(shown, survey.bands)),
        *caveats,
        own_trust or trust_sentence(study, explanations[0].attribution.method),
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in parts if part)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure and what belongs to it.

    Attributes
    ----------
    figure : Figure
    caption : str
    maps : tuple of Explanation
        What its maps show; empty if it has none.
    numbers : DataFrame
        A row for each galaxy, or each map.
    """

    figure: Figure
    caption: str
    maps: tuple[Explanation, ...]
    numbers: pd.DataFrame


def write_drawing(drawing: Drawing, path: Path) -> list[Path]:
    """Write the figure (PDF, SVG or PNG by suffix) and beside it its caption (.txt), numbers (.csv) and maps (.fits).

    The same drawing gives the same bytes. The figure is written last: where it is, all else is.

    Returns
    -------
    list of Path
        What was written, the figure first.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    checked_format(path)
    beside = [path.with_suffix(".txt"), path.with_suffix(".csv")]
    write_table(beside[1], drawing.numbers)
    if drawing.maps:
        beside.append(path.with_suffix(".fits"))
        write_maps_together(drawing.maps, beside[2])
    save_figure(drawing.figure, path, drawing.caption)
    return [path, *beside]


def map_numbers(explanations: Sequence[Explanation], limits: Sequence[float]) -> pd.DataFrame:
    """What maps say in numbers, a row for each.

    Parameters
    ----------
    explanations : sequence of Explanation
    limits : sequence of float
        The limit of each explanation's colours.

    Returns
    -------
    DataFrame
        galaxy_id, ra, dec [deg], pixel_scale [arcsec], position_angle [deg], prediction, confidence, label, method,
        score, value (the score's), total (what the map is to sum to), sum (what it sums to), limit.
    """
    parts = [_numbers(explanation, limit) for explanation, limit in zip(explanations, limits, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _numbers(explanation: Explanation, limit: float) -> pd.DataFrame:
    attribution = explanation.attribution
    count = len(explanation.galaxy_ids)
    sums = attribution.values.reshape(count, -1).sum(axis=1, dtype=float)
    return pd.DataFrame(
        {
            "galaxy_id": explanation.galaxy_ids,
            "ra": explanation.positions[:, 0],
            "dec": explanation.positions[:, 1],
            "pixel_scale": explanation.pixel_scale,
            "position_angle": explanation.position_angle,
            "prediction": explanation.predictions,
            "confidence": explanation.confidence,
            "label": explanation.labels,
            "method": attribution.method,
            "score": explanation.score_names,
            "value": attribution.scores,
            "total": [float("nan")] * count if attribution.total is None else attribution.total,
            "sum": sums,
            "limit": limit,
        }
    )
