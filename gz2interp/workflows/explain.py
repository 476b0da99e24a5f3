"""``gz2interp explain``: attribution maps of chosen galaxies by one method, with their images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution import METHODS, Method, symmetry_averaged
from gz2interp.attribution.questions import explain_by_score
from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.network.scores import Score, logit
from gz2interp.results import Attribution, Provenance, versions_of
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Study

__all__ = [
    "REFERENCES",
    "AttributionSettings",
    "Explanation",
    "attribute",
    "explain",
    "explain_in_batches",
    "find_method",
    "method_options",
    "reference_images",
    "row_with_image",
]


REFERENCES: Final = 64
"""Galaxies of the survey with which expected gradients compare."""


@dataclass(frozen=True)
class AttributionSettings:
    """What is asked of the network.

    Attributes
    ----------
    method : str
        One of `gz2interp.attribution.METHODS`.
    score : Score or None
        None for the logit of the class that the network predicts for each galaxy.
    layer : str
        For methods that look at a layer; "" for the last spatial one.
    options : mapping
        Further parameters of the method.
    views : bool
        Average over the galaxy's turned and mirrored views; the map then has a variance.
    """

    method: str = "grad_cam"
    score: Score | None = None
    layer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    views: bool = False


def attribute(study: Study, images: NDArray[np.float32], score: Score, question: AttributionSettings) -> Attribution:
    """Attribution maps of images, by the question's method and options; its own score is not looked at.

    Raises
    ------
    InputError
        The method or one of its options is not known, or it looks at no layer and one was given.
    """
    method = find_method(question.method)
    options = method_options(study, method, question)
    if question.views:
        return symmetry_averaged(method.function, study.probe, images, score, **options)
    return method.function(study.probe, images, score, **options)


def find_method(name: str) -> Method:
    """One of `gz2interp.attribution.METHODS`.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}", f"One of {choices(METHODS, most=len(METHODS))}")
    return METHODS[name]


def reference_images(study: Study, count: int = REFERENCES) -> NDArray[np.float32]:
    """Images of galaxies drawn from the survey, always the same ones of one survey, float32 (m, y, x, band)."""
    there = np.flatnonzero(study.survey.usable)
    drawn = np.random.default_rng(0).choice(there, min(count, len(there)), replace=False)
    return study.survey.images(np.sort(drawn))


def method_options(study: Study, method: Method, question: AttributionSettings) -> dict[str, Any]:
    """The question's options, and what else the method needs: a layer, other galaxies.

    Raises
    ------
    InputError
        The method looks at no layer and one was given.
    """
    options = dict(question.options)
    if method.needs_layer:
        options["layer"] = question.layer or study.probe.default_layer
    elif question.layer:
        raise InputError(f"{method.title} looks at no layer, {question.layer!r} was given", remedy="Leave it out")
    if method.name == "expected_gradients":
        options.setdefault("references", reference_images(study))
    if method.caveat:
        options.setdefault("warn", False)  # whoever draws the map shows the caveat
    return options


PORTION: Final = 64
"""Galaxies in memory at a time."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Maps of some galaxies, with all that a figure or a file needs.

    Attributes
    ----------
    galaxy_ids : int64 (n,)
    positions : float64 (n, 2)
        ra, dec [deg].
    images : float32 (n, y, x, band), nanomaggies
    valid : bool (n, y, x)
    pixel_scale, position_angle : float (n,)
        [arcsec], [deg].
    bands : tuple of str
    attribution : Attribution
        Of the same n galaxies; its `score` is the one asked for, or "logit of the predicted class".
    score_names : tuple of str
        The score of each galaxy.
    predictions : tuple of str
    confidence : float32 (n,)
        The probability of each prediction.
    labels : tuple of str
        "" where a galaxy has none.
    source : str
        Where the survey's cutouts come from.
    provenance : Provenance
    """

    galaxy_ids: NDArray[np.int64]
    positions: NDArray[np.float64]
    images: NDArray[np.float32]
    valid: NDArray[np.bool_]
    pixel_scale: NDArray[np.float64]
    position_angle: NDArray[np.float64]
    bands: tuple[str, ...]
    attribution: Attribution
    score_names: tuple[str, ...]
    predictions: tuple[str, ...]
    confidence: NDArray[np.float32]
    labels: tuple[str, ...]
    source: str
    provenance: Provenance


def explain(study: Study, galaxy_ids: Sequence[int | str], question: AttributionSettings | None = None) -> Explanation:
    """Attribution maps of the given galaxies, in their order.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str
    question : AttributionSettings, optional

    Raises
    ------
    InputError
        A galaxy, a method, a class or an option is not known.
    SurveyError
        A galaxy has no image; the error says why.
    """
    question = question or AttributionSettings()
    rows = np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], dtype=np.int64)
    if not len(rows):
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    survey, images = study.survey, study.survey.images(rows)
    said = predict(study).set_index("row").loc[rows]
    scores = _scores(study, question, list(said["prediction"]))
    attribution = _attribution(study, images, question, scores)
    catalog, status = survey.catalog.iloc[rows], survey.status.loc[rows]
    return Explanation(
        galaxy_ids=catalog[GALAXY_ID].to_numpy(np.int64),
        positions=catalog[[RA, DEC]].to_numpy(np.float64),
        images=images,
        valid=survey.valid(rows),
        pixel_scale=status["pixel_scale"].to_numpy(np.float64),
        position_angle=status["position_angle"].to_numpy(np.float64),
        bands=survey.bands,
        attribution=attribution,
        score_names=tuple(score.name for score in scores),
        predictions=tuple(said["prediction"]),
        confidence=said["confidence"].to_numpy(np.float32),
        labels=tuple(said["label"].fillna("")),
        source=survey.header.source,
        provenance=_provenance(study, attribution),
    )


def explain_in_batches(
    study: Study, galaxy_ids: Sequence[int | str], question: AttributionSettings | None = None, portion: int = PORTION
) -> Iterator[Explanation]:
    """The same for any number of galaxies, some at a time, so that memory does not grow with them.

    Raises
    ------
    InputError, SurveyError
        As `explain`, when a galaxy's turn comes.
    """
    for start in range(0, max(len(galaxy_ids), 1), portion):
        yield explain(study, galaxy_ids[start : start + portion], question)


def row_with_image(study: Study, galaxy_id: int | str) -> int:
    """The row of a galaxy that has an image; for any other an error says why it has none."""
    row = study.survey.row_of(galaxy_id)
    if row >= study.survey.rows_committed:
        raise SurveyError(f"Galaxy {galaxy_id} has no image yet", remedy="Let the download or the painting go on")
    if not study.survey.usable[row]:
        study.survey.cutout(row)  # says why there is none
    return row


def _scores(study: Study, question: AttributionSettings, predicted: list[str]) -> list[Score]:
    if question.score is None:
        return [logit(name) for name in predicted]
    study.probe.check(question.score)  # an unknown class is told before any work
    return [question.score] * len(predicted)


def _attribution(
    study: Study, images: NDArray[np.float32], question: AttributionSettings, scores: list[Score]
) -> Attribution:
    asked = question.score.name if question.score else "logit of the predicted class"
    return explain_by_score(lambda some, score: attribute(study, some, score, question), images, scores, asked)


def _provenance(study: Study, attribution: Attribution) -> Provenance:
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer=attribution.layer,
        method=attribution.method,
        parameters={**attribution.parameters, "score": attribution.score, "domain": attribution.domain},
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )
