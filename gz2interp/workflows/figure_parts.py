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
from numpy.typing import NDArray

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
from gz2interp.schema import DEC, RA, name_in_words, score_in_words
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_some_rows, write_table
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
    "figure_galaxies_at",
    "footer",
    "galaxy_in_words",
    "images_in_words",
    "map_caption",
    "map_numbers",
    "map_unit",
    "method_in_words",
    "network_in_words",
    "origin_in_words",
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

_IMAGE_SOURCES: Final = {
    "painted": "painted, not observed",
    "painted onto sdss_frames": "painted, not observed, onto sky of the Sloan Digital Sky Survey",
    "sdss_frames": "Sloan Digital Sky Survey",
    "sdss": "Sloan Digital Sky Survey",
    "skyview": "Sloan Digital Sky Survey, through SkyView",
    "hips2fits": "Sloan Digital Sky Survey, through hips2fits",
    "folder": "files of the user's, whose origin the survey does not record",
}
"""A survey's source in a caption."""

_SDSS: Final = (
    "Funding for the Sloan Digital Sky Survey has been provided by the Alfred P. Sloan Foundation, the Participating "
    "Institutions, the National Science Foundation, the U.S. Department of Energy, NASA, the Japanese Monbukagakusho, "
    "the Max Planck Society and the Higher Education Funding Council for England. The SDSS web site is www.sdss.org."
)

_GALAXY_ZOO: Final = (
    "Classifications by the volunteers of Galaxy Zoo (Lintott et al. 2008; Willett et al. 2013; Hart et al. 2016)."
)

_VOTES: Final = ("t01_", "gz2class", "gz2_class")

_DOMAINS: Final = {"scaled": "with respect to the scaled image", "input": "with respect to the unscaled image"}

_PARAMETERS: Final[Mapping[str, str]] = {
    "alignment": "",  # of cells and pixels: a matter of the program
    "at": "",  # stated first, by `_DOMAINS`
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
"""A method's parameters in a caption; "" for those that do not affect the map."""

_BASELINES: Final = {"sky": "sky without light", "blurred": "the galaxy, blurred"}

_MOST_NAMED: Final = 12
"""Largest number of galaxies that a caption lists."""

_COORDINATES: Final = "Coordinates: right ascension and declination, J2000, in degrees."
Words = Callable[[Explanation, int], str]


@dataclass(frozen=True)
class FigureSettings:
    """Settings of a figure for a paper.

    Attributes
    ----------
    layout : str
        One of `gz2interp.workflows.figures.LAYOUTS`.
    attribution : AttributionSettings
        The attribution of its maps; the layout "methods" replaces the method by each one in turn.
    alteration : Alteration
        For the layout "repaint".
    most : int or None
        Number of neighbours of each galaxy, or of pairs of right and wrong; None for the layout's own default.
    by_band : bool
        In the layout "galaxies": a row per band instead of a row per galaxy.
    """

    layout: str = "galaxies"
    attribution: AttributionSettings = field(default_factory=AttributionSettings)
    style: FigureStyle = field(default_factory=FigureStyle)
    alteration: Alteration = field(default_factory=Alteration)
    most: int | None = None
    by_band: bool = False

    def with_method(self, method: str) -> AttributionSettings:
        """The attribution settings with another method; without the layer where the method needs none."""
        layer = self.attribution.layer if METHODS[method].needs_layer else ""
        return replace(self.attribution, method=method, layer=layer)


def galaxy_in_words(explanation: Explanation, i: int, value: bool = True) -> str:
    """Its id, its prediction with the probability, its label, and the score, a line each."""
    prediction = f"{name_in_words(explanation.predictions[i])}, {explanation.confidence[i]:.0%}"
    label = explanation.labels[i]
    lines = [str(explanation.galaxy_ids[i]), prediction, *([f"labelled {name_in_words(label)}"] if label else [])]
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
    """The title and the paper of a method."""
    info = METHODS[method]
    return f"{info.title} ({info.reference})"


def settings_in_words(attribution: Attribution) -> str:
    """The layer or domain of a map, the parameters of its method, and the completeness gap."""
    first = f"layer {attribution.layer}" if attribution.layer else _DOMAINS.get(attribution.domain, "")
    parameters = (_parameter(name, value) for name, value in sorted(attribution.parameters.items()))
    return "; ".join(fact for fact in (first, *parameters, _gap_in_words(attribution)) if fact)


def _parameter(name: str, value: Any) -> str:
    if "gap" in name:
        return ""
    if name == "positive_only":
        return "only positive values" if value else ""
    words = _PARAMETERS.get(name, f"{name_in_words(name)}: {{}}")
    text = _BASELINES.get(str(value), value) if name == "baseline" else value
    return words.format(f"{text:g}" if isinstance(text, float) else name_in_words(str(text)))


def _gap_in_words(attribution: Attribution) -> str:
    """The largest completeness gap of the maps; "" for methods without completeness."""
    if attribution.total is None:
        return ""
    gaps, totals = attribution.gap, np.abs(attribution.total)
    worst = int(np.argmax(gaps))
    share = f" ({gaps[worst] / totals[worst]:.2g} of it)" if totals[worst] > 0 else ""
    return f"each map sums to the score's difference from the baseline within {gaps[worst]:.2g}{share}"


def images_in_words(survey: Survey) -> str:
    """The origin of the images."""
    source = survey.header.source
    return f"Images: {_IMAGE_SOURCES.get(source, source or 'source not recorded')}."


def network_in_words(study: Study) -> str:
    """The network and the data with their digests."""
    survey, model = study.survey, study.model
    return f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp."


def origin_in_words(study: Study) -> str:
    """The network, the data, the origin of the images, and the acknowledgements."""
    parts = (network_in_words(study), images_in_words(study.survey), acknowledgement(study.survey))
    return " ".join(part for part in parts if part)


def acknowledgement(survey: Survey) -> str:
    """Acknowledgements due in a figure of a survey's galaxies; "" for painted ones."""
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
    """The trust line of a method from the stored check, or the command that makes a check."""
    check = model.check(survey.digest)
    if check is None:
        return f"Trust: not checked. Run gz2interp check {survey.name} --model {model.name}."
    return trust_line(check, method)


def trust_line(check: Check, method: str) -> str:
    """One sentence: how many checks a method passes, and the values of those it fails.

    Parameters
    ----------
    method : str
        One of `METHODS`, or ``"band_shapley"``, which has no maps to check.
    """
    judged = [finding for finding in check.of(method) if finding.passed is not None]
    if not judged and method in METHODS:
        return f"Trust: not checked; gz2interp check adds it with --method {method}."
    if not judged:
        return "Trust: not checked; shares of bands add up exactly, and depend on what stands for an absent band."
    failed = [
        f"{LIMITS[finding.check].title} ({finding.estimate.value:.2f})" for finding in judged if not finding.passed
    ]
    words = f"Trust: passes {len(judged) - len(failed)} of {len(judged)} checks"
    words += f"; fails {', '.join(failed)}" if failed else ""
    shortcuts = [finding.subject for finding in alarms(check)]
    return words + (f". The network uses a shortcut: {', '.join(shortcuts)}." if shortcuts else ".")


def figure_galaxies(explanation: Explanation, words: Words = galaxy_in_words) -> list[FigureGalaxy]:
    """The galaxies of an explanation, labelled by `words`."""
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


def figure_galaxies_at(study: Study, rows: NDArray[np.int64]) -> list[FigureGalaxy]:
    """Images, masks and sky positions of galaxies of a survey, for figures."""
    survey = study.survey
    status = survey.journal.entries_of(rows)
    catalog = read_some_rows(survey.location.file("catalog.parquet"), rows, [RA, DEC])
    skies = zip(status["pixel_scale"], status["position_angle"], catalog[RA], catalog[DEC], strict=True)
    return [
        FigureGalaxy(image, valid, CutoutSky(*map(float, sky)))
        for image, valid, sky in zip(survey.images(rows), survey.valid(rows), skies, strict=True)
    ]


def shared_scale(explanations: Sequence[Explanation], single_bands: bool) -> MapScale:
    """One colour scale for all maps of some explanations by one method.

    Parameters
    ----------
    single_bands : bool
        Whether the figure also shows the maps of single bands.
    """
    values = [explanation.attribution.values for explanation in explanations]
    maps = [total(map_) if map_.ndim == 3 else map_ for part in values for map_ in part]
    if single_bands:
        maps += [map_ for part in values for map_ in part]
    return scale_of(maps, METHODS[explanations[0].attribution.method].signed)


def trust_sentence(study: Study, method: str) -> str:
    """The trust line of a method, without a command."""
    line = stored_trust_line(study.survey, study.model, method)
    return re.sub(r"(\.|;) (Run )?gz2interp check .*", " for this network.", line)


def footer(study: Study, explanation: Explanation) -> str:
    """Footer of a figure of one method: the meaning of the colours, and the trust line."""
    attribution = explanation.attribution
    title = METHODS[attribution.method].title
    return f"{title}: {map_unit(attribution.method, attribution.score)}\n{trust_sentence(study, attribution.method)}"


def map_unit(method: str, score: str) -> str:
    """The meaning of the colours of a map."""
    info, words = METHODS[method], score_in_words(score)
    if info.contributes:
        return f"red increases the {words}, blue decreases it"
    if not info.signed:
        return f"variance of the gradient of the {words}"
    return f"red: the {words} rises where the image brightens, blue: where it dims"


def panel_key(galaxies: Sequence[FigureGalaxy]) -> str:
    """The galaxy of each panel letter; "" for more galaxies than a caption has room for."""
    if len(galaxies) > _MOST_NAMED:
        return ""
    labels = [galaxy.words.replace("\n", ", ") for galaxy in galaxies]
    return "; ".join(f"{letter(place)} {words}" for place, words in enumerate(labels)) + "."


def scale_in_words(scale: MapScale) -> str:
    """The shared colour scale in a caption."""
    ends = "values beyond it, at most the strongest half per cent, have its last colour"
    return f"All maps share one {'signed ' if scale.signed else ''}scale, {scale}, and are not normalised ({ends})."


def map_caption(
    study: Study,
    text: str,
    explanations: Sequence[Explanation],
    galaxies: Sequence[FigureGalaxy],
    style: FigureStyle,
    scale: str,
    trust: str = "",
    background: str = "",
) -> str:
    """The caption of a figure of attribution maps.

    Parameters
    ----------
    text : str
        What the figure shows, in sentences.
    explanations : sequence of Explanation
        One for each method.
    galaxies : sequence of FigureGalaxy
        Every galaxy of the figure.
    scale : str
        A sentence about the colour scale.
    trust : str, optional
        Replaces the trust line of the first method.
    background : str, optional
        The background of a map, if it is not the one of the style.
    """
    first = {explanation.attribution.method: explanation for explanation in reversed(explanations)}
    methods = [
        f"{method_in_words(method)}: {settings_in_words(first[method].attribution)}."
        for method in dict.fromkeys(explanation.attribution.method for explanation in explanations)
    ]
    caveats = [METHODS[method].caveat for method in first if METHODS[method].caveat]
    bands = study.survey.bands
    parts = [
        text,
        f"The maps attribute the {score_in_words(explanations[0].attribution.score)}.",
        *methods,
        scale,
        map_in_words(style, background),
        _COORDINATES if style.axes == "wcs" else "",
        colour_in_words(bands, stretch_for(galaxies, bands)),
        *caveats,
        trust or trust_sentence(study, explanations[0].attribution.method),
        origin_in_words(study),
    ]
    return " ".join(part for part in parts if part)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure with its caption and data.

    Attributes
    ----------
    maps : tuple of Explanation
        The attribution maps that it shows; empty if it has none.
    numbers : DataFrame
        A row for each galaxy, or each map.
    """

    figure: Figure
    caption: str
    maps: tuple[Explanation, ...]
    numbers: pd.DataFrame


def write_drawing(drawing: Drawing, path: Path) -> list[Path]:
    """Write the figure (PDF, SVG or PNG by suffix) and beside it its caption (.txt), numbers (.csv) and maps (.fits).

    The same drawing gives the same bytes. The figure is written last, so that it exists only with its companions.

    Returns
    -------
    list of Path
        The files, the figure first.

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
    """Numbers of attribution maps, a row for each.

    Parameters
    ----------
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
