"""The model card and the check of a network, cached until they change."""

from __future__ import annotations

from typing import Final

import pandas as pd

from dashboards.loading.caching import cached, stamp
from dashboards.loading.export import ecsv_bytes
from gz2interp.cards import ModelCard
from gz2interp.checks import Check
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_csv

__all__ = ["card_of", "check_of", "check_table", "suspects_table", "sweeps_of"]


CARD_COLUMNS: Final = {
    "suggestion": "Class that the networks suggest instead",
    "self_confidence": "Probability of the label, by a network that was not trained on the galaxy",
    "suspect": "True where confident learning doubts the label",
}
"""Meanings of the columns of suspect labels, beside those of a survey."""

CHECK_COLUMNS: Final = {
    "check": "Name of the check",
    "method": "Attribution method; empty for a check of the network",
    "subject": "Class, layers or nuisance that the number is of; empty for all",
    "value": "Estimate",
    "low": "Lower end of the 95 % interval",
    "high": "Upper end of the 95 % interval",
    "galaxies": "Number of galaxies",
    "limit": "Limit that decides whether the check is passed",
    "passed": "yes or no; empty where there is no limit",
    "words": "What the number is",
}
"""Meanings of the columns of a check."""

_CARD_FILES: Final = ("model.keras", "run.json", "history.csv", "predictions.json", "evaluation.json", "suspects.json")


def _card_key(survey: Survey, model: ModelFolder) -> tuple[object, ...]:
    return str(model.path), survey.digest, *(stamp(model.path / name) for name in _CARD_FILES)


@cached(_card_key, 16)
def card_of(survey: Survey, model: ModelFolder) -> ModelCard:
    """The card of a network on a survey."""
    from gz2interp.workflows.card import card  # matplotlib, which the other pages do not need

    return card(survey, model.name)


def suspects_table(survey: Survey, model: ModelFolder) -> bytes:
    """The whole list of suspect labels as it is now, as ECSV."""
    table, provenance = model.label_errors(survey.digest), model.label_errors_provenance
    if table is None or provenance is None:
        return b""
    return ecsv_bytes(table, {"survey": survey.name, **provenance.to_json()}, CARD_COLUMNS)


def sweeps_of(survey: Survey) -> dict[str, pd.DataFrame]:
    """The tables of the survey's sweeps, by the names of the sweeps."""
    files = sorted((survey.path / "models").glob("*-sweep.csv"))
    return {file.name.removesuffix("-sweep.csv"): read_csv(file) for file in files}


def _check_key(survey: Survey, model: ModelFolder) -> tuple[object, ...]:
    return str(model.path), survey.digest, stamp(model.model_file), stamp(model.path / "check" / "check.json")


@cached(_check_key, 16)
def check_of(survey: Survey, model: ModelFolder) -> Check | None:
    """The check of exactly these data and this network; None where there is none."""
    return model.check(survey.digest)


def check_table(check: Check) -> bytes:
    """Every number of a check, as ECSV."""
    from gz2interp.workflows.trust_check import findings_table

    return ecsv_bytes(findings_table(check), {"survey": check.survey, **check.provenance}, CHECK_COLUMNS)
