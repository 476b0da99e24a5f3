"""Attribution of the selected galaxy and its figure for papers. TensorFlow is loaded on first use."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboards.loading.caching import cached
from gz2interp.results import Attribution, BandAttribution
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.network.scores import Score
    from gz2interp.workflows.study import Study

__all__ = [
    "AttributionRequest",
    "FigureRequest",
    "attribution_of",
    "bands_of",
    "figure_of",
    "network_is_loaded",
    "score_of",
    "study_of",
]


MOST_NETWORKS: Final = 2
"""Held in memory at a time, for all sessions."""


@dataclass(frozen=True)
class AttributionRequest:
    """Which attribution of which galaxy.

    Attributes
    ----------
    row : int
        In the survey.
    method : str
        One of `gz2interp.attribution.METHODS`.
    score : str
        The class whose logit is explained, or a score as `gz2interp.workflows.score_text.score_from` reads it.
    views : bool
        Whether to average over rotated and mirrored views.
    """

    row: int
    method: str
    score: str
    views: bool = False


@st.cache_resource(show_spinner=False)
def _studies() -> dict[tuple[str, str, str], Study]:
    return {}


def _key(survey: Survey, model: ModelFolder) -> tuple[str, str, str]:
    """With the path: a copy of a survey can hold other results."""
    return survey.digest, model.digest, str(survey.path)


def network_is_loaded(survey: Survey, model: ModelFolder) -> bool:
    """Whether TensorFlow has already opened this network, so that an attribution is quick."""
    return _key(survey, model) in _studies()


def study_of(survey: Survey, model: ModelFolder) -> Study:
    """The survey with its network, opened once."""
    from gz2interp.workflows.study import Study

    studies, key = _studies(), _key(survey, model)
    if key not in studies:
        while len(studies) >= MOST_NETWORKS:
            studies.pop(next(iter(studies)))
        studies[key] = Study(survey, model)
    return studies[key]


def score_of(study: Study, text: str) -> Score:
    """The logit of the class of that name, or the score that the text describes.

    Raises
    ------
    InputError
        The text is no score, or names something that this network does not have.
    """
    from gz2interp.network.scores import logit
    from gz2interp.workflows.score_text import score_from

    return logit(text) if text in study.probe.class_names else score_from(study, text)


def _score_key(survey: Survey, model: ModelFolder, score: str) -> tuple[str, str, str]:
    return survey.digest, model.digest, score_of(study_of(survey, model), score).name


@cached(lambda survey, model, request: (_score_key(survey, model, request.score), request), 512)
def attribution_of(survey: Survey, model: ModelFolder, request: AttributionRequest) -> Attribution:
    """The attribution of a score to the pixels of a galaxy.

    Raises
    ------
    InputError
        The network takes other images than the survey's, or the score cannot be read.
    """
    from gz2interp.workflows.explain import AttributionSettings, attribute

    study = study_of(survey, model)
    settings = AttributionSettings(request.method, views=request.views)
    return attribute(study, survey.images([request.row]), score_of(study, request.score), settings)


@cached(lambda survey, model, row, score: (_score_key(survey, model, score), row, score), 512)
def bands_of(survey: Survey, model: ModelFolder, row: int, score: str) -> BandAttribution:
    """The Shapley values of the bands for a score of a galaxy."""
    from gz2interp.attribution import band_shapley

    study = study_of(survey, model)
    return band_shapley(study.probe, survey.images([row]), score_of(study, score))


@dataclass(frozen=True)
class FigureRequest:
    """The form of a figure.

    Attributes
    ----------
    layout : str
        As ``gz2interp figure --layout`` takes it, or ``"rows-per-band"``.
    suffix : str
        ``".pdf"``, ``".svg"`` or ``".png"``.
    with_data : bool
        A ZIP of the figure with its caption, numbers and maps, instead of the figure alone.
    without : tuple of str
        The components that a repaint leaves out.
    """

    layout: str = "galaxies"
    journal: str = "mnras"
    columns: int = 2
    suffix: str = ".pdf"
    with_data: bool = False
    without: tuple[str, ...] = ()


def figure_of(survey: Survey, model: ModelFolder, request: AttributionRequest, figure: FigureRequest) -> bytes:
    """A figure of the galaxy for a paper, as the bytes of its file or of a ZIP.

    Raises
    ------
    Gz2interpError
        The galaxy or the survey lacks what the layout needs.
    """
    from gz2interp.figures.style import FigureSize, FigureStyle
    from gz2interp.painting import Alteration
    from gz2interp.workflows.explain import AttributionSettings
    from gz2interp.workflows.figure_parts import FigureSettings, write_drawing
    from gz2interp.workflows.figures import draw_figure

    study = study_of(survey, model)
    by_band = figure.layout == "rows-per-band"
    settings = FigureSettings(
        "galaxies" if by_band else figure.layout,
        AttributionSettings(request.method, score_of(study, request.score), views=request.views),
        FigureStyle(FigureSize(figure.journal, figure.columns)),
        Alteration(figure.without),
        by_band=by_band,
    )
    ids = [] if figure.layout == "right-wrong" else [int(survey.galaxy_ids[request.row])]
    drawing = draw_figure(study, ids, settings)
    with TemporaryDirectory() as folder:
        files = write_drawing(drawing, Path(folder) / f"figure{figure.suffix}")
        return _zip_files(files) if figure.with_data else files[0].read_bytes()


def _zip_files(files: list[Path]) -> bytes:
    """The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
