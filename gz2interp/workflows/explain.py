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
"""Number of reference galaxies of expected gradients."""

PORTION: Final = 64
"""Galaxies in memory at a time."""


@dataclass(frozen=True)
class AttributionSettings:
    """Settings of an attribution map.

    Attributes
    ----------
    method : str
        One of `gz2interp.attribution.METHODS`.
    score : Score or None
        None for the logit of the predicted class of each galaxy.
    layer : str
        For methods that use a layer; "" for the last spatial one.
    options : mapping
        Further parameters of the method.
    views : bool
        Average over the eight rotated and mirrored views; the map then has a variance.
    """

    method: str = "grad_cam"
    score: Score | None = None
    layer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    views: bool = False


def attribute(study: Study, images: NDArray[np.float32], score: Score, settings: AttributionSettings) -> Attribution:
    """Attribution maps of images for one score; the score of the settings is ignored.

    Raises
    ------
    InputError
        The method or one of its options does not exist, or a layer was given to a method without one.
    """
    method = find_method(settings.method)
    options = method_options(study, method, settings)
    if settings.views:
        return symmetry_averaged(method.function, study.probe, images, score, **options)
    return method.function(study.probe, images, score, **options)


def find_method(name: str) -> Method:
    """One of `gz2interp.attribution.METHODS`.

    Raises
    ------
    InputError
        There is no method of that name.
    """
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}", f"One of {choices(METHODS, most=len(METHODS))}")
    return METHODS[name]


def reference_images(study: Study, count: int = REFERENCES) -> NDArray[np.float32]:
    """Images of galaxies drawn from the survey with a fixed seed, float32 (m, y, x, band)."""
    usable = np.flatnonzero(study.survey.usable)
    drawn = np.random.default_rng(0).choice(usable, min(count, len(usable)), replace=False)
    return study.survey.images(np.sort(drawn))


def method_options(study: Study, method: Method, settings: AttributionSettings) -> dict[str, Any]:
    """The options of the settings, completed by what the method needs: a layer, reference images.

    Raises
    ------
    InputError
        A layer was given to a method without one.
    """
    options = dict(settings.options)
    if method.needs_layer:
        options["layer"] = settings.layer or study.probe.default_layer
    elif settings.layer:
        raise InputError(f"{method.title} uses no layer, {settings.layer!r} was given", remedy="Leave it out")
    if method.name == "expected_gradients":
        options.setdefault("references", reference_images(study))
    if method.caveat:
        options.setdefault("warn", False)  # the caveat stands beside the map or in the caption
    return options


@dataclass(frozen=True, eq=False)
class Explanation:
    """Attribution maps of some galaxies, with the data that figures and files need.

    Attributes
    ----------
    galaxy_ids : int64 (n,)
    positions : float64 (n, 2)
        ra, dec [deg].
    images : float32 (n, y, x, band), nanomaggies
    valid : bool (n, y, x)
    pixel_scale, position_angle : float (n,)
        [arcsec], [deg].
    attribution : Attribution
        Of the same n galaxies; its `score` is that of the settings, or "logit of the predicted class".
    score_names : tuple of str
        The score of each galaxy.
    confidence : float32 (n,)
        The probability of each prediction.
    labels : tuple of str
        "" where a galaxy has none.
    source : str
        Where the survey's cutouts come from.
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


def explain(study: Study, galaxy_ids: Sequence[int | str], settings: AttributionSettings | None = None) -> Explanation:
    """Attribution maps of the given galaxies, in their order.

    Raises
    ------
    InputError
        A galaxy, a method, a class or an option does not exist.
    SurveyError
        A galaxy has no image; the error says why.
    """
    settings = settings or AttributionSettings()
    rows = np.array([row_with_image(study, galaxy_id) for galaxy_id in galaxy_ids], dtype=np.int64)
    if not len(rows):
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    survey, images = study.survey, study.survey.images(rows)
    predictions = predict(study).set_index("row").loc[rows]
    scores = _scores(study, settings, list(predictions["prediction"]))
    score_name = settings.score.name if settings.score else "logit of the predicted class"
    attribution = explain_by_score(
        lambda some, score: attribute(study, some, score, settings), images, scores, score_name
    )
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
        predictions=tuple(predictions["prediction"]),
        confidence=predictions["confidence"].to_numpy(np.float32),
        labels=tuple(predictions["label"].fillna("")),
        source=survey.header.source,
        provenance=_provenance(study, attribution),
    )


def explain_in_batches(
    study: Study, galaxy_ids: Sequence[int | str], settings: AttributionSettings | None = None, portion: int = PORTION
) -> Iterator[Explanation]:
    """Attribution maps of any number of galaxies, in batches of bounded memory.

    Raises
    ------
    InputError, SurveyError
        As `explain`, batch by batch.
    """
    for start in range(0, max(len(galaxy_ids), 1), portion):
        yield explain(study, galaxy_ids[start : start + portion], settings)


def row_with_image(study: Study, galaxy_id: int | str) -> int:
    """The row of a galaxy; an error states the reason if it has no image."""
    row = study.survey.row_of(galaxy_id)
    if row >= study.survey.rows_committed:
        raise SurveyError(f"Galaxy {galaxy_id} has no image yet", remedy="Let the download or the painting go on")
    if not study.survey.usable[row]:
        study.survey.cutout(row)  # raises the reason
    return row


def _scores(study: Study, settings: AttributionSettings, predicted: list[str]) -> list[Score]:
    if settings.score is None:
        return [logit(name) for name in predicted]
    study.probe.check(settings.score)  # refuses an unknown class before any work
    return [settings.score] * len(predicted)


def _provenance(study: Study, attribution: Attribution) -> Provenance:
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer=attribution.layer,
        method=attribution.method,
        parameters={**attribution.parameters, "score": attribution.score, "domain": attribution.domain},
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )
