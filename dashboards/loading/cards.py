"""A network's card, gathered once from what is stored and again when that has changed."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from dashboards.loading.surveys import stamp
from dashboards.loading.taking import described
from gz2interp.cards import Card
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_csv

__all__ = ["card_of", "suspects_table", "sweeps_of"]

COLUMNS: Final = {
    "suggestion": "Class that the networks suggest instead",
    "self_confidence": "Probability of the label, by a network that has not met the galaxy",
    "suspect": "True where confident learning doubts the label",
}
"""What the columns of suspect labels mean, beside those of a survey."""

_READ = ("model.keras", "run.json", "history.csv", "predictions.json", "evaluation.json", "suspects.json")


def card_of(survey: Survey, model: ModelFolder) -> Card:
    """What is known of a network on a survey."""
    stamps = tuple(stamp(model.path / name) for name in _READ)
    return _card((str(model.path), survey.digest, *stamps), survey, model.name)


def suspects_table(survey: Survey, model: ModelFolder) -> bytes:
    """The whole list of suspect labels as it is now, as ECSV."""
    table, made = model.suspects(survey.digest), model.suspects_provenance
    if table is None or made is None:
        return b""
    return described(table, {"survey": survey.name, **made.to_json()}, COLUMNS)


def sweeps_of(survey: Survey) -> dict[str, pd.DataFrame]:
    """The tables of the survey's sweeps, by the names they were given."""
    files = sorted((survey.path / "models").glob("*-sweep.csv"))
    return {file.name.removesuffix("-sweep.csv"): read_csv(file) for file in files}


@st.cache_data(show_spinner=False, max_entries=16)
def _card(key: tuple[object, ...], _survey: Survey, name: str) -> Card:
    from gz2interp.workflows.card import card  # matplotlib, which the other pages do not need

    return card(_survey, name)
