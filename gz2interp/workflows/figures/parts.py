"""What every layout needs of an explanation: galaxies to show, scales, the foot and the sentences of a caption."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from gz2interp.attribution import METHODS
from gz2interp.figures.pieces.maps import Scale, map_in_words, scale_of, total
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.pieces.sheet import letter
from gz2interp.figures.shown import Shown, Sky
from gz2interp.figures.style import Manner
from gz2interp.schema import score_in_words
from gz2interp.workflows.explain import Explanation
from gz2interp.workflows.figures.words import (
    acknowledgement,
    colour_in_words,
    galaxy_in_words,
    images_in_words,
    method_in_words,
    settings_in_words,
)
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.trust_line import trust_line_of

__all__ = ["caption_of", "foot_of", "map_unit", "scale_for", "scale_in_words", "shown_of", "trust_of", "who_in_words"]

_NAMED: Final = 12
"""Galaxies whose words a caption repeats."""
_COORDINATES: Final = "Coordinates: right ascension and declination, J2000, in degrees."

Words = Callable[[Explanation, int], str]


def shown_of(explanation: Explanation, words: Words = galaxy_in_words) -> list[Shown]:
    """The galaxies of an explanation."""
    places = zip(
        explanation.pixel_scale,
        explanation.position_angle,
        explanation.positions[:, 0],
        explanation.positions[:, 1],
        strict=True,
    )
    return [
        Shown(explanation.images[i], explanation.valid[i], Sky(*map(float, place)), words(explanation, i))
        for i, place in enumerate(places)
    ]


def scale_for(explanations: Sequence[Explanation], single_bands: bool) -> Scale:
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


def trust_of(subject: Subject, method: str) -> str:
    """How far the method is trusted here, in one sentence without a command."""
    line = trust_line_of(subject.survey, subject.model, method)
    return re.sub(r"(\.|;) (Run )?gz2interp check .*", " for this network.", line)


def foot_of(subject: Subject, explanation: Explanation) -> str:
    """Beneath a figure of one method: what the colours count, and how far the method is trusted."""
    attribution = explanation.attribution
    title = METHODS[attribution.method].title
    return f"{title}: {map_unit(attribution.method, attribution.score)}\n{trust_of(subject, attribution.method)}"


def map_unit(method: str, score: str) -> str:
    """What the colours of a map count."""
    each, words = METHODS[method], score_in_words(score)
    if each.contributes:
        return f"red increases the {words}, blue decreases it"
    if not each.signed:
        return f"variance of the gradient of the {words}"
    return f"red: the {words} rises where the image brightens, blue: where it dims"


def who_in_words(shown: Sequence[Shown]) -> str:
    """Which galaxy a panel's letter stands for; "" for more than a caption has room for."""
    if len(shown) > _NAMED:
        return ""
    said = [each.words.replace("\n", ", ") for each in shown]
    return "; ".join(f"{letter(place)} {words}" for place, words in enumerate(said)) + "."


def scale_in_words(scale: Scale) -> str:
    """The shared scale, for a caption."""
    ends = "values beyond it, at most the strongest half per cent, have its last colour"
    return f"All maps share one {'signed ' if scale.signed else ''}scale, {scale}, and are not normalised ({ends})."


def caption_of(
    subject: Subject,
    what: str,
    explanations: Sequence[Explanation],
    shown: Sequence[Shown],
    manner: Manner,
    scale: str,
    own_trust: str = "",
    ground: str = "",
) -> str:
    """What a reader of the paper needs to judge the figure, in sentences.

    Parameters
    ----------
    subject : Subject
    what : str
        What is where, in sentences.
    explanations : sequence of Explanation
        One for each method.
    shown : sequence of Shown
        Every galaxy of the figure.
    manner : Manner
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
    survey, model = subject.survey, subject.model
    parts = [
        what,
        f"The maps attribute the {score_in_words(explanations[0].attribution.score)}.",
        *methods,
        scale,
        map_in_words(manner, ground),
        _COORDINATES if manner.axes == "wcs" else "",
        colour_in_words(survey.bands, stretch_for(shown, survey.bands)),
        *caveats,
        own_trust or trust_of(subject, explanations[0].attribution.method),
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in parts if part)
