"""Surveys, models and analyses, each opened once for all sessions and again when its files have changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboards.selection import was_opened
from gz2interp.errors import SurveyError, choices
from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.locations import find_survey, place_of, survey_paths, surveys_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.remote import address_of
from gz2interp.stores.survey import Survey

__all__ = [
    "analysis_of",
    "analysis_with",
    "is_listed",
    "layers_of",
    "layers_with",
    "model_of",
    "open_survey",
    "outdated_analyses",
    "stamp",
    "survey_names",
]


def survey_names() -> list[str]:
    """The surveys in the surveys folder."""
    return [path.name for path in survey_paths()]


def is_listed(survey: str) -> bool:
    """Whether a link may open a survey: by its name in the surveys folder, or as a person has opened it before."""
    return _is_name(survey) or was_opened(survey)


def open_survey(name: str) -> Survey:
    """A survey by its name in the surveys folder, by its path or by its address.

    Raises
    ------
    SurveyError
        There is none, or it cannot be read.
    InputError
        An address holds a password, or needs a package that is not installed.
    """
    if address_of(name):
        path = place_of(name).folder
    elif name in survey_names():
        path = surveys_folder() / name
    elif not was_opened(name):  # a link; what has that name in the working folder is not meant
        there = choices(survey_names())
        raise SurveyError(f"There is no survey {name}", f"One of those in {surveys_folder()}: {there}")
    else:
        path = find_survey(name)
    return _survey(name if address_of(name) else str(path), stamp(path / "survey.json"))


def model_of(survey: Survey, name: str) -> ModelFolder:
    """A model of a survey, as its files are now."""
    path = survey.place.model(name)
    return _model(
        str(path), *(stamp(path / file) for file in ("model.keras", "latents.json", "run.json", "predictions.json"))
    )


def analysis_of(survey: Survey, model: ModelFolder, layer: str = "") -> Analysis | None:
    """The newest analysis of exactly this survey and this model."""
    found = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    return _analysis(str(found.path), stamp(found.path / "provenance.json")) if found else None


def analysis_with(survey: Survey, model: ModelFolder, layer: str, has: Callable[[Analysis], bool]) -> Analysis | None:
    """The newest analysis of a layer, or of any, that has something; where none has it, the newest of all."""
    found = [each for each in _analyses(survey, model) if layer in ("", each.layer)]
    return next((each for each in found if has(each)), found[0] if found else None)


def layers_with(survey: Survey, has: Callable[[Analysis], bool]) -> list[tuple[str, str]]:
    """Model and layer of everything that has been analysed and has something, the newest of a model first."""
    models = [(name, model_of(survey, name)) for name in survey.models()]
    pairs = [(name, each.layer) for name, model in models for each in _analyses(survey, model) if has(each)]
    return list(dict.fromkeys(pairs))


def layers_of(survey: Survey, model: ModelFolder) -> list[str]:
    """The layers that have been analysed with exactly this survey and this model, the newest first."""
    return list(dict.fromkeys(made.layer for made in _provenances(model) if _belongs(made, survey, model)))


def outdated_analyses(survey: Survey, model: ModelFolder) -> int:
    """How many analyses were made from other data or another network and are therefore not shown."""
    return sum(not _belongs(made, survey, model) for made in _provenances(model))


def stamp(path: Path) -> int:
    """When a file was written last [ns]; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


def _is_name(text: str) -> bool:
    """Whether it can only be a folder of the surveys folder."""
    return re.fullmatch(r"[^./\\~:][^/\\:]*", text) is not None


def _analyses(survey: Survey, model: ModelFolder) -> list[Analysis]:
    found = [each for each in analyses_of(model.path) if _belongs(each.provenance, survey, model)]
    return [_analysis(str(each.path), stamp(each.path / "provenance.json")) for each in found]


def _provenances(model: ModelFolder) -> list[Provenance]:
    return [analysis.provenance for analysis in analyses_of(model.path)]


def _belongs(made: Provenance, survey: Survey, model: ModelFolder) -> bool:
    return (made.data, made.model) == (survey.digest, model.digest)


@st.cache_resource(show_spinner=False, max_entries=8)
def _survey(path: str, stamp: int) -> Survey:
    return Survey.open(path)


@st.cache_resource(show_spinner=False, max_entries=16)
def _model(path: str, *stamps: int) -> ModelFolder:
    return ModelFolder(Path(path))


@st.cache_resource(show_spinner=False, max_entries=16)
def _analysis(path: str, stamp: int) -> Analysis:
    return Analysis(Path(path))
