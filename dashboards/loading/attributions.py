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
    from gz2interp.workflows.study import Subject

__all__ = ["Asked", "Form", "attribution_of", "bands_of", "figure_of", "network_is_loaded", "score_of", "subject_of"]


MOST_NETWORKS: Final = 2
"""Kept in memory at a time, for all sessions."""


@dataclass(frozen=True)
class Asked:
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


def attribution_of(survey: Survey, model: ModelFolder, asked: Asked) -> Attribution:
    """Where a score comes from, computed once for each survey, model and question.

    Raises
    ------
    InputError
        The network takes other images than the survey's, or the score cannot be read.
    """
    score = score_of(subject_of(survey, model), asked.score)
    return _attribution((survey.digest, model.digest, score.name), asked, survey, model)


def network_is_loaded(survey: Survey, model: ModelFolder) -> bool:
    """Whether an attribution would be quick: TensorFlow is there and has read this network."""
    return _key(survey, model) in _subjects()


@st.cache_data(show_spinner=False, max_entries=512)
def _attribution(digests: tuple[str, ...], asked: Asked, _survey: Survey, _model: ModelFolder) -> Attribution:
    from gz2interp.workflows.explain import Question, attribute

    subject, images = subject_of(_survey, _model), _survey.images([asked.row])
    return attribute(subject, images, score_of(subject, asked.score), Question(asked.method, views=asked.views))


def bands_of(survey: Survey, model: ModelFolder, row: int, score: str) -> BandAttribution:
    """How much of a score each band carries, computed once for each survey, model and question."""
    named = score_of(subject_of(survey, model), score).name
    return _bands((survey.digest, model.digest, named), row, score, survey, model)


@st.cache_data(show_spinner=False, max_entries=512)
def _bands(digests: tuple[str, ...], row: int, score: str, _survey: Survey, _model: ModelFolder) -> BandAttribution:
    from gz2interp.attribution import band_shapley

    subject = subject_of(_survey, _model)
    return band_shapley(subject.probe, _survey.images([row]), score_of(subject, score))


def score_of(subject: Subject, words: str) -> Score:
    """The logit of the class of that name, or what the words say.

    Raises
    ------
    InputError
        They say no score, or one that this network does not know.
    """
    from gz2interp.network.scores import logit
    from gz2interp.workflows.score_text import score_from

    return logit(words) if words in subject.probe.class_names else score_from(subject, words)


@st.cache_resource(show_spinner=False)
def _subjects() -> dict[tuple[str, str, str], Subject]:
    return {}


def _key(survey: Survey, model: ModelFolder) -> tuple[str, str, str]:
    """The path too: what has been found in a copy of a survey may be something else."""
    return survey.digest, model.digest, str(survey.path)


def subject_of(survey: Survey, model: ModelFolder) -> Subject:
    """The survey and its network behind its door, opened once."""
    from gz2interp.workflows.study import Subject

    subjects, key = _subjects(), _key(survey, model)
    if key not in subjects:
        while len(subjects) >= MOST_NETWORKS:
            subjects.pop(next(iter(subjects)))
        subjects[key] = Subject(survey, model)
    return subjects[key]


@dataclass(frozen=True)
class Form:
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


def figure_of(survey: Survey, model: ModelFolder, asked: Asked, form: Form) -> bytes:
    """A figure of the galaxy for a paper, as the bytes of its file or of a ZIP.

    Raises
    ------
    Gz2interpError
        The galaxy or the survey lacks what the layout needs.
    """
    from gz2interp.figures.style import Manner, Page
    from gz2interp.painting import Alteration
    from gz2interp.workflows.explain import Question
    from gz2interp.workflows.figure_parts import Wish, write_drawing
    from gz2interp.workflows.figures import draw_figure

    subject = subject_of(survey, model)
    by_band = form.layout == "rows-per-band"
    wish = Wish(
        "galaxies" if by_band else form.layout,
        Question(asked.method, score_of(subject, asked.score), views=asked.views),
        Manner(Page(form.journal, form.columns)),
        Alteration(form.without),
        by_band=by_band,
    )
    galaxy_id = int(survey.galaxy_ids[asked.row])
    ids = [] if form.layout == "right-wrong" else [galaxy_id]
    drawing = draw_figure(subject, ids, wish)
    with TemporaryDirectory() as folder:
        files = write_drawing(drawing, Path(folder) / f"figure{form.suffix}")
        return _zipped(files) if form.with_data else files[0].read_bytes()


def _zipped(files: list[Path]) -> bytes:
    """The same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
