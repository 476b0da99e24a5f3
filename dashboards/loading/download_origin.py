"""Which table a download was begun with: the survey keeps its digest only, the page keeps where it lies."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dashboards import downloading
from gz2interp.errors import SurveyError
from gz2interp.stores.files import read_json, write_json

__all__ = ["catalog_of", "remember"]


def catalog_of(survey: Path) -> str:
    """The table's path as it was when a download from it last came as far as a report; empty if that is not known."""
    return _kept(survey) or downloading.catalog_of(survey)


def remember(survey: Path) -> None:
    """Keep the table that the dashboard started the last download with, in the survey: it may move to another place."""
    catalog = downloading.catalog_of(survey)
    if not catalog or not (survey / "survey.json").is_file():
        return
    with suppress(OSError):  # a survey that cannot be written can be looked at all the same
        if _kept(survey) != catalog:
            write_json(_file(survey), {"catalog": catalog})


def _kept(survey: Path) -> str:
    try:
        record = read_json(_file(survey))
    except (SurveyError, OSError):
        return ""
    catalog = record.get("catalog") if isinstance(record, dict) else None
    return catalog if isinstance(catalog, str) else ""


def _file(survey: Path) -> Path:
    return survey / "download" / "started.json"
