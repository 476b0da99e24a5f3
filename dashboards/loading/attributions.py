"""Where a network looked: the one file of the dashboard that loads TensorFlow, and not before it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from gz2interp.results import Attribution, BandAttribution
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.network.scores import Score
    from gz2interp.workflows.opening import Subject

__all__ = ["Asked", "attribution_of", "bands_of", "network_is_loaded", "score_of", "subject_of"]

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
        The class whose logit is explained, or a score as `gz2interp.workflows.asked.score_from` reads it.
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
    from gz2interp.workflows.attribute import Question, attribute

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
    from gz2interp.workflows.asked import score_from

    return logit(words) if words in subject.probe.class_names else score_from(subject, words)


@st.cache_resource(show_spinner=False)
def _subjects() -> dict[tuple[str, str, str], Subject]:
    return {}


def _key(survey: Survey, model: ModelFolder) -> tuple[str, str, str]:
    """The path too: what has been found in a copy of a survey may be something else."""
    return survey.digest, model.digest, str(survey.path)


def subject_of(survey: Survey, model: ModelFolder) -> Subject:
    """The survey and its network behind its door, opened once."""
    from gz2interp.workflows.opening import Subject

    subjects, key = _subjects(), _key(survey, model)
    if key not in subjects:
        while len(subjects) >= MOST_NETWORKS:
            subjects.pop(next(iter(subjects)))
        subjects[key] = Subject(survey, model)
    return subjects[key]
