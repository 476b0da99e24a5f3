"""What is stored of a network's check, read again when it has changed."""

from __future__ import annotations

import streamlit as st

from dashboards.loading.surveys import stamp
from gz2interp.checks import Check
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["check_csv", "check_of"]


def check_of(survey: Survey, model: ModelFolder) -> Check | None:
    """The check of exactly these data and this network; None where there is none."""
    key = (str(model.path), survey.digest, stamp(model.model_file), stamp(model.path / "check" / "check.json"))
    return _check(key, survey.digest, model)


def check_csv(check: Check) -> bytes:
    """Every number."""
    from gz2interp.workflows.check.tables import findings_table

    return findings_table(check).to_csv(index=False).encode()


@st.cache_data(show_spinner=False, max_entries=16)
def _check(key: tuple[object, ...], data_digest: str, _model: ModelFolder) -> Check | None:
    return _model.check(data_digest)
