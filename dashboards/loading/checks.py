"""What is stored of a network's check, read again when it has changed."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.loading.surveys import stamp
from dashboards.loading.taking import described
from gz2interp.checks import Check
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["check_of", "check_table"]

COLUMNS: Final = {
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
"""What the columns of a check mean."""


def check_of(survey: Survey, model: ModelFolder) -> Check | None:
    """The check of exactly these data and this network; None where there is none."""
    key = (str(model.path), survey.digest, stamp(model.model_file), stamp(model.path / "check" / "check.json"))
    return _check(key, survey.digest, model)


def check_table(check: Check) -> bytes:
    """Every number, as ECSV."""
    from gz2interp.workflows.check.tables import findings_table

    return described(findings_table(check), {"survey": check.survey, **check.provenance}, COLUMNS)


@st.cache_data(show_spinner=False, max_entries=16)
def _check(key: tuple[object, ...], data_digest: str, _model: ModelFolder) -> Check | None:
    return _model.check(data_digest)
