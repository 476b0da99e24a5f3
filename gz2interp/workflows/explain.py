"""``gz2interp explain``: attribution maps of chosen galaxies, with their images and everything that tells how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import each_by_its_score
from gz2interp.errors import InputError, SurveyError
from gz2interp.network.scores import Score, logit
from gz2interp.results import Attribution, Provenance, versions_of
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.workflows.attribute import Question, attribute
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.predict import predict

__all__ = ["Explanation", "Question", "explain", "explained_in_portions", "row_with_image"]

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


def explain(subject: Subject, galaxy_ids: Sequence[int | str], question: Question | None = None) -> Explanation:
    """Attribution maps of the given galaxies, in their order.

    Parameters
    ----------
    subject : Subject
    galaxy_ids : sequence of int or str
    question : Question, optional

    Raises
    ------
    InputError
        A galaxy, a method, a class or an option is not known.
    SurveyError
        A galaxy has no image; the error says why.
    """
    question = question or Question()
    rows = np.array([row_with_image(subject, galaxy_id) for galaxy_id in galaxy_ids], dtype=np.int64)
    if not len(rows):
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    survey, images = subject.survey, subject.survey.images(rows)
    said = predict(subject).set_index("row").loc[rows]
    scores = _scores(subject, question, list(said["prediction"]))
    attribution = _attribution(subject, images, question, scores)
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
        provenance=_provenance(subject, attribution),
    )


def explained_in_portions(
    subject: Subject, galaxy_ids: Sequence[int | str], question: Question | None = None, portion: int = PORTION
) -> Iterator[Explanation]:
    """The same for any number of galaxies, some at a time, so that memory does not grow with them.

    Raises
    ------
    InputError, SurveyError
        As `explain`, when a galaxy's turn comes.
    """
    for start in range(0, max(len(galaxy_ids), 1), portion):
        yield explain(subject, galaxy_ids[start : start + portion], question)


def row_with_image(subject: Subject, galaxy_id: int | str) -> int:
    """The row of a galaxy that has an image; for any other an error says why it has none."""
    row = subject.survey.row_of(galaxy_id)
    if row >= subject.survey.rows_committed:
        raise SurveyError(f"Galaxy {galaxy_id} has no image yet", remedy="Let the download or the painting go on")
    if not subject.survey.usable[row]:
        subject.survey.cutout(row)  # says why there is none
    return row


def _scores(subject: Subject, question: Question, predicted: list[str]) -> list[Score]:
    if question.score is None:
        return [logit(name) for name in predicted]
    subject.probe.check(question.score)  # an unknown class is told before any work
    return [question.score] * len(predicted)


def _attribution(subject: Subject, images: NDArray[np.float32], question: Question, scores: list[Score]) -> Attribution:
    asked = question.score.name if question.score else "logit of the predicted class"
    return each_by_its_score(lambda some, score: attribute(subject, some, score, question), images, scores, asked)


def _provenance(subject: Subject, attribution: Attribution) -> Provenance:
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer=attribution.layer,
        method=attribution.method,
        parameters={**attribution.parameters, "score": attribution.score, "domain": attribution.domain},
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )
