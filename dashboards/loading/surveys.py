"""Surveys, models, analyses and their tables, opened once for all sessions and again when files change."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboards.selection import was_opened
from gz2interp.errors import Gz2interpError, SurveyError, choices
from gz2interp.results import Provenance
from gz2interp.schema import BANDS, DEC, GALAXY_ID, LABEL, PETRO_RADIUS, RA
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.locations import find_survey, place_of, survey_paths, surveys_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import reading_sqlite
from gz2interp.stores.remote import address_of
from gz2interp.stores.survey import Survey

__all__ = [
    "analysis_of",
    "analysis_with",
    "colour_columns",
    "column_of",
    "is_listed",
    "labels_of",
    "layers_of",
    "layers_with",
    "model_of",
    "open_survey",
    "outdated_analyses",
    "predictions_of",
    "stamp",
    "survey_names",
    "table_of",
    "without_image_csv",
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


PREDICTED: Final = ("prediction", "confidence", "split", "uncertainty")


def predictions_of(survey: Survey, model: ModelFolder) -> pd.DataFrame | None:
    """What the model says, indexed by the survey's row; None where it has not been run over the survey."""
    try:
        table = model.predictions
    except Gz2interpError:
        return None
    indexed = table.set_index("row", drop=False)
    unsure = model.uncertainty
    return indexed if unsure is None else indexed.assign(uncertainty=unsure.set_index("row")["uncertainty"])


def labels_of(survey: Survey, model: ModelFolder | None) -> pd.Series[Any]:
    """The label of each row of the catalogue: the catalogue's own, else what the network was taught; NaN for none."""
    if LABEL in survey.catalog:
        return survey.catalog[LABEL]
    table = predictions_of(survey, model) if model else None
    nothing = pd.Series(np.nan, index=survey.catalog.index, dtype="str")
    return nothing if table is None else table[LABEL].reindex(survey.catalog.index)


def colour_columns(survey: Survey, model: ModelFolder | None) -> list[str]:
    """What the map can be coloured by, the most asked for first."""
    said = predictions_of(survey, model) if model else None
    predicted = [] if said is None else [column for column in PREDICTED if column in said]
    catalog = survey.catalog
    labelled = [LABEL] if labels_of(survey, model).notna().any() else []
    first = [column for column in (*BANDS, PETRO_RADIUS, "redshift") if column in catalog]
    others = [column for column in catalog.columns if column not in {*first, GALAXY_ID, LABEL}]
    return [*labelled, *predicted, *first, *others]


def column_of(survey: Survey, model: ModelFolder | None, rows: NDArray[np.int64], column: str) -> pd.Series[Any]:
    """A column of `colour_columns` for the given rows; NaN where the network has not been asked."""
    if column == LABEL:
        return labels_of(survey, model).iloc[rows]
    predicted = predictions_of(survey, model) if model and column in PREDICTED else None
    return survey.catalog[column].iloc[rows] if predicted is None else predicted[column].reindex(rows)


def table_of(survey: Survey, model: ModelFolder | None, rows: Sequence[int] | NDArray[np.int64]) -> pd.DataFrame:
    """What is told of galaxies in lists and files: galaxy_id (as str), ra, dec, label, prediction, confidence."""
    catalog = survey.catalog.iloc[np.asarray(rows, dtype=np.int64)]
    table = pd.DataFrame({GALAXY_ID: [str(galaxy_id) for galaxy_id in catalog[GALAXY_ID].tolist()]})
    for column in (RA, DEC):
        table[column] = catalog[column].to_numpy()
    table[LABEL] = labels_of(survey, model).loc[catalog.index].to_numpy()
    predicted = predictions_of(survey, model) if model else None
    for column in ("prediction", "confidence"):
        table[column] = None if predicted is None else predicted[column].reindex(catalog.index).to_numpy()
    return table


_COLUMNS: Final = (GALAXY_ID, "status", "reason", "source", "tries")
_ENTERED: Final = (
    "SELECT galaxy_id, status, reason, source, tries FROM cutout WHERE status != 'ok' AND row < ? ORDER BY row"
)
_WAITING: Final = "SELECT row, status, reason, source, tries FROM outcome WHERE status != 'ok' ORDER BY row"


def without_image_csv(name: str) -> bytes:
    """The galaxies that have no image: galaxy_id (digits), status, reason, source, tries, in the catalogue's order.

    Those are among them that wait beside the survey until all before them in the catalogue have come. Galaxies are
    read one by one: only the table's text is held.

    Raises
    ------
    SurveyError
        The survey, or what waits beside it, cannot be read.
    """
    path = find_survey(name)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    with _waiting(path.absolute() / "download" / "staged.sqlite") as waiting:
        # Asked first, opened second: what has left the one file by now is in the other.
        survey = Survey.open(path)
        committed, ids = survey.rows_committed, survey.galaxy_ids
        with reading_sqlite(survey.journal.path.absolute(), tables=("cutout",)) as journal:
            table.writerows(journal.execute(_ENTERED, (committed,)))
        table.writerows((int(ids[row]), *told) for row, *told in waiting if row >= committed)
    return text.getvalue().encode()


@contextmanager
def _waiting(file: Path) -> Iterator[Iterator[tuple[int, str, str, str, int]]]:
    """What waits beside a survey, as it is at this moment, however long the reading takes."""
    if not file.is_file():
        yield iter(())
        return
    # A folder that cannot be written cannot hold the index of a write-ahead log; then nobody writes here either.
    alone = not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists()
    mode = "immutable=1" if alone else "mode=ro"
    with reading_sqlite(file, tables=("outcome",), remedy="Start the download again", mode=mode) as connection:
        yield connection.execute(_WAITING)
