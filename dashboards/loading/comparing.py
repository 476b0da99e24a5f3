"""Two analysed layers of a survey beside each other, as `gz2interp compare` has left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.loading.surveys import analysis_of, layers_of, model_of
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:  # the workflows load TensorFlow, and most pages only want to know what has been analysed
    from gz2interp.workflows.comparing import Comparison, Side

__all__ = ["comparison_of", "pair_of", "sides_of"]

NEIGHBOURS = 15


def sides_of(survey: Survey) -> list[tuple[str, str]]:
    """Model and layer of everything that has been analysed."""
    return [(name, layer) for name in survey.models() for layer in layers_of(survey, model_of(survey, name))]


def pair_of(survey: Survey, sides: list[tuple[str, str]]) -> tuple[int, int]:
    """Which two are shown first: the first that have been compared, else the first two."""
    from gz2interp.workflows.comparing import is_compared

    for one, first in enumerate(sides):
        for two, second in enumerate(sides):
            if one != two and is_compared(survey, *_asked(survey, first, second)):
                return one, two
    return 0, 1


def comparison_of(survey: Survey, first: tuple[str, str], second: tuple[str, str]) -> Comparison | None:
    """What two sides say of the same galaxies; None where their maps have not been laid side by side yet.

    Raises
    ------
    SurveyError
        They have no galaxy in common.
    """
    from gz2interp.workflows.comparing import is_compared

    sides = _asked(survey, first, second)
    if not is_compared(survey, *sides):
        return None
    made = [analysis_of(survey, side.model, side.layer) for side in sides]
    key = tuple(str(each.path) for each in made if each)
    kept = min(each.kept for each in made if each)
    return _comparison((survey.digest, *key), survey, sides[0], sides[1], min(NEIGHBOURS, kept))


def _asked(survey: Survey, first: tuple[str, str], second: tuple[str, str]) -> list[Side]:
    from gz2interp.workflows.comparing import Side

    return [Side(model_of(survey, name), layer) for name, layer in (first, second)]


@st.cache_resource(show_spinner=False, max_entries=4)
def _comparison(key: tuple[str, ...], _survey: Survey, _first: Side, _second: Side, neighbours: int) -> Comparison:
    from gz2interp.workflows.comparing import compare

    return compare(_survey, _first, _second, neighbours)
