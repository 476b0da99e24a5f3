"""``gz2interp figure``: an explanation drawn as a figure for a paper, with its caption."""

from __future__ import annotations

from textwrap import wrap

from matplotlib.figure import Figure

from gz2interp.attribution import METHODS
from gz2interp.figures.paper import Row, attribution_figure, caption
from gz2interp.workflows.explain import Explanation

__all__ = ["sheet"]

WIDTH = 26
"""Letters that have room beside a row of pictures."""

_IMAGES = {
    "painted": "painted, not observed",
    "painted onto sdss_frames": "painted, not observed, onto sky of the Sloan Digital Sky Survey",
    "sdss_frames": "Sloan Digital Sky Survey",
    "folder": "files of the user's, whose origin the survey does not record",
}
"""What a caption says of a survey's source."""


def sheet(explanation: Explanation) -> tuple[Figure, str]:
    """The figure of an explanation and its caption.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    figure : Figure
        One row per galaxy.
    words : str
    """
    attribution = explanation.attribution
    method = METHODS[attribution.method]
    rows = [
        Row(explanation.images[i], attribution.values[i], _words(explanation, i), float(explanation.pixel_scale[i]))
        for i in range(len(explanation.galaxy_ids))
    ]
    figure = attribution_figure(rows, explanation.bands, f"{method.title}: {attribution.score}")
    return figure, caption(
        method.title,
        method.reference,
        attribution.score,
        _settings(explanation),
        _digests(explanation),
        _IMAGES.get(explanation.source, explanation.source or "source not recorded"),
    )


def _words(explanation: Explanation, i: int) -> str:
    said, label = explanation.predictions[i], explanation.labels[i]
    verdict = said if not label else f"{said}, as labelled" if said == label else f"{said}, labelled {label}"
    value = f"{explanation.score_names[i]} = {explanation.attribution.scores[i]:.2f}"
    return "\n".join([str(explanation.galaxy_ids[i]), *wrap(verdict, WIDTH), *wrap(value, WIDTH)])


def _settings(explanation: Explanation) -> list[str]:
    attribution = explanation.attribution
    facts = [f"layer {attribution.layer}"] if attribution.layer else [f"with respect to the {attribution.domain} image"]
    return facts + [f"{name}: {value}" for name, value in sorted(attribution.parameters.items())]


def _digests(explanation: Explanation) -> tuple[str, str]:
    return explanation.provenance.data, explanation.provenance.model
