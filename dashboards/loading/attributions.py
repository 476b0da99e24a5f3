"""Attribution of the selected galaxy and its figure for papers. TensorFlow is loaded on first use."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import streamlit as st

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
"""Kept in memory at a time, for all sessions."""


@dataclass(frozen=True)
class AttributionRequest:
    """What is asked of a network about one galaxy.

    Attributes
    ----------
    row : int
        In the survey.
    method : str
        One of `gz2interp.attribution.METHODS`.
    score : str
        The class whose logit is explained, or a score as `gz2interp.workflows.score_text.score_from` reads it.
    views : bool
        Averaged over turned and mirrored views.
    """

    row: int
    method: str
    score: str
    views: bool = False


def attribution_of(survey: Survey, model: ModelFolder, asked: AttributionRequest) -> Attribution:
    """Where a score comes from, computed once for each survey, model and question.

    Raises
    ------
    InputError
        The network takes other images than the survey's, or the score cannot be read.
    """
    score = score_of(study_of(survey, model), asked.score)
    return _attribution((survey.digest, model.digest, score.name), asked, survey, model)


def network_is_loaded(survey: Survey, model: ModelFolder) -> bool:
    """Whether an attribution would be quick: TensorFlow is there and has read this network."""
    return _key(survey, model) in _studies()


@st.cache_data(show_spinner=False, max_entries=512)
def _attribution(
    digests: tuple[str, ...], asked: AttributionRequest, _survey: Survey, _model: ModelFolder
) -> Attribution:
    from gz2interp.workflows.explain import AttributionSettings, attribute

    study, images = study_of(_survey, _model), _survey.images([asked.row])
    return attribute(study, images, score_of(study, asked.score), AttributionSettings(asked.method, views=asked.views))


def bands_of(survey: Survey, model: ModelFolder, row: int, score: str) -> BandAttribution:
    """How much of a score each band carries, computed once for each survey, model and question."""
    named = score_of(study_of(survey, model), score).name
    return _bands((survey.digest, model.digest, named), row, score, survey, model)


@st.cache_data(show_spinner=False, max_entries=512)
def _bands(digests: tuple[str, ...], row: int, score: str, _survey: Survey, _model: ModelFolder) -> BandAttribution:
    from gz2interp.attribution import band_shapley

    study = study_of(_survey, _model)
    return band_shapley(study.probe, _survey.images([row]), score_of(study, score))


def score_of(study: Study, words: str) -> Score:
    """The logit of the class of that name, or what the words say.

    Raises
    ------
    InputError
        They say no score, or one that this network does not know.
    """
    from gz2interp.network.scores import logit
    from gz2interp.workflows.score_text import score_from

    return logit(words) if words in study.probe.class_names else score_from(study, words)


@st.cache_resource(show_spinner=False)
def _studies() -> dict[tuple[str, str, str], Study]:
    return {}


def _key(survey: Survey, model: ModelFolder) -> tuple[str, str, str]:
    """The path too: what has been found in a copy of a survey may be something else."""
    return survey.digest, model.digest, str(survey.path)


def study_of(survey: Survey, model: ModelFolder) -> Study:
    """The survey and its network behind its door, opened once."""
    from gz2interp.workflows.study import Study

    studies, key = _studies(), _key(survey, model)
    if key not in studies:
        while len(studies) >= MOST_NETWORKS:
            studies.pop(next(iter(studies)))
        studies[key] = Study(survey, model)
    return studies[key]


@dataclass(frozen=True)
class FigureRequest:
    """What figure is wanted.

    Attributes
    ----------
    layout : str
        As ``gz2interp figure --layout`` takes it, or ``"rows-per-band"``.
    journal : str
    columns : int
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


def figure_of(survey: Survey, model: ModelFolder, asked: AttributionRequest, form: FigureRequest) -> bytes:
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
    by_band = form.layout == "rows-per-band"
    wish = FigureSettings(
        "galaxies" if by_band else form.layout,
        AttributionSettings(asked.method, score_of(study, asked.score), views=asked.views),
        FigureStyle(FigureSize(form.journal, form.columns)),
        Alteration(form.without),
        by_band=by_band,
    )
    galaxy_id = int(survey.galaxy_ids[asked.row])
    ids = [] if form.layout == "right-wrong" else [galaxy_id]
    drawing = draw_figure(study, ids, wish)
    with TemporaryDirectory() as folder:
        files = write_drawing(drawing, Path(folder) / f"figure{form.suffix}")
        return _zip_files(files) if form.with_data else files[0].read_bytes()


def _zip_files(files: list[Path]) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
