"""What is unusual in a survey and what people said of it, read again when either has changed."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.surveys import stamp
from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import unusual_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.ratings import Ratings
from gz2interp.stores.survey import Survey
from gz2interp.workflows.rating import Ranking, ranking_of, ratings_of
from gz2interp.workflows.unusual.found import Unusual, latest_unusual

__all__ = ["has_unusual", "ranking_for", "ratings_csv", "ratings_for", "unusual_for"]


def unusual_for(survey: Survey, model: ModelFolder, layer: str = "") -> Unusual | None:
    """What was found of exactly these data and this network; None where it was not asked."""
    try:
        found = latest_unusual(survey, model, layer)
    except SurveyError:
        return None
    return _unusual((str(found.folder.path), stamp(found.folder.path / "provenance.json")), found)


def has_unusual(analysis: Analysis) -> bool:
    """Whether unusual galaxies have been searched for in an analysis."""
    return unusual_folder(analysis).is_complete


def ratings_for(survey: Survey) -> Ratings:
    """The ratings of a survey."""
    return ratings_of(survey)


def ranking_for(found: Unusual, turn: int, without_artefacts: bool = False) -> Ranking:
    """The order as it was when so many acts of rating were noted; by default asked for with the number of now."""
    measured = stamp(found.survey.path / "quality.json") if without_artefacts else 0
    key = (str(found.folder.path), stamp(found.folder.path / "provenance.json"), turn, without_artefacts, measured)
    return _ranking(key, found)


def ratings_csv(survey: Survey) -> bytes:
    """All ratings that count."""
    return ratings_of(survey).table().to_csv(index=False).encode()


@st.cache_resource(show_spinner=False, max_entries=4)
def _unusual(key: tuple[str, int], _found: Unusual) -> Unusual:
    return _found


@st.cache_resource(show_spinner=False, max_entries=4)
def _ranking(key: tuple[str, int, int, bool, int], _found: Unusual) -> Ranking:
    return ranking_of(_found, without_artefacts=key[3])
