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
from numpy.typing import NDArray

from dashboards.loading.caching import cached, stamp
from dashboards.selection import was_opened
from gz2interp.errors import Gz2interpError, SurveyError, choices
from gz2interp.results import Provenance
from gz2interp.schema import BANDS, DEC, GALAXY_ID, LABEL, PETRO_RADIUS, RA
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.locations import find_survey, location_of, survey_paths, surveys_folder
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
    "survey_names",
    "table_of",
    "without_image_csv",
]


def survey_names() -> list[str]:
    """The surveys in the surveys folder."""
    return [path.name for path in survey_paths()]


def is_listed(survey: str) -> bool:
    """Whether a link may open a survey: by its name in the surveys folder, or because a user has opened it before."""
    return _is_name(survey) or was_opened(survey)


def open_survey(name: str) -> Survey:
    """A survey by its name in the surveys folder, by its path or by its address.

    Raises
    ------
    SurveyError
        There is no such survey, or it cannot be read.
    InputError
        An address holds a password, or needs a package that is not installed.
    """
    if address_of(name):
        path = location_of(name).folder
    elif name in survey_names():
        path = surveys_folder() / name
    elif not was_opened(name):  # from a link, which must not open a folder of that name in the working directory
        raise SurveyError(
            f"There is no survey {name}", f"One of those in {surveys_folder()}: {choices(survey_names())}"
        )
    else:
        path = find_survey(name)
    return _survey(name if address_of(name) else str(path), path)


@cached(lambda address, folder: (address, stamp(folder / "survey.json")), 8, shared=True)
def _survey(address: str, folder: Path) -> Survey:
    return Survey.open(address)


_MODEL_FILES: Final = ("model.keras", "latents.json", "run.json", "predictions.json")


@cached(lambda path: (str(path), *(stamp(path / file) for file in _MODEL_FILES)), 16, shared=True)
def _model(path: Path) -> ModelFolder:
    return ModelFolder(path)


@cached(lambda path: (str(path), stamp(path / "provenance.json")), 16, shared=True)
def _analysis(path: Path) -> Analysis:
    return Analysis(path)


def model_of(survey: Survey, name: str) -> ModelFolder:
    """A model of a survey, as its files are now."""
    return _model(survey.location.model(name))


def analysis_of(survey: Survey, model: ModelFolder, layer: str = "") -> Analysis | None:
    """The newest analysis of exactly this survey and this model."""
    latest = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    return _analysis(latest.path) if latest else None


def analysis_with(survey: Survey, model: ModelFolder, layer: str, has: Callable[[Analysis], bool]) -> Analysis | None:
    """The newest analysis of a layer, or of any, for which `has` is true; where there is none, the newest of all."""
    analyses = [analysis for analysis in _analyses(survey, model) if layer in ("", analysis.layer)]
    return next((analysis for analysis in analyses if has(analysis)), analyses[0] if analyses else None)


def layers_with(survey: Survey, has: Callable[[Analysis], bool]) -> list[tuple[str, str]]:
    """Model and layer of every analysis for which `has` is true, the newest of a model first."""
    models = [(name, model_of(survey, name)) for name in survey.models()]
    pairs = [(name, item.layer) for name, model in models for item in _analyses(survey, model) if has(item)]
    return list(dict.fromkeys(pairs))


def layers_of(survey: Survey, model: ModelFolder) -> list[str]:
    """The layers that have been analysed with exactly this survey and this model, the newest first."""
    return list(dict.fromkeys(item.layer for item in _provenances(model) if _belongs(item, survey, model)))


def outdated_analyses(survey: Survey, model: ModelFolder) -> int:
    """How many analyses were made from other data or another network and are therefore not shown."""
    return sum(not _belongs(provenance, survey, model) for provenance in _provenances(model))


def _is_name(text: str) -> bool:
    """Whether a text can only name a folder inside the surveys folder."""
    return re.fullmatch(r"[^./\\~:][^/\\:]*", text) is not None


def _analyses(survey: Survey, model: ModelFolder) -> list[Analysis]:
    analyses = analyses_of(model.path)
    return [_analysis(analysis.path) for analysis in analyses if _belongs(analysis.provenance, survey, model)]


def _provenances(model: ModelFolder) -> list[Provenance]:
    return [analysis.provenance for analysis in analyses_of(model.path)]


def _belongs(provenance: Provenance, survey: Survey, model: ModelFolder) -> bool:
    return (provenance.data, provenance.model) == (survey.digest, model.digest)


PREDICTED: Final = ("prediction", "confidence", "split", "uncertainty")


def predictions_of(survey: Survey, model: ModelFolder) -> pd.DataFrame | None:
    """The predictions of a model, indexed by the survey's row; None where it has not been run over the survey."""
    try:
        table = model.predictions
    except Gz2interpError:
        return None
    indexed = table.set_index("row", drop=False)
    unsure = model.uncertainty
    return indexed if unsure is None else indexed.assign(uncertainty=unsure.set_index("row")["uncertainty"])


def labels_of(survey: Survey, model: ModelFolder | None) -> pd.Series[Any]:
    """The label of each row of the catalogue: the catalogue's own, else that of the training; NaN for none."""
    if LABEL in survey.catalog:
        return survey.catalog[LABEL]
    table = predictions_of(survey, model) if model else None
    nothing = pd.Series(np.nan, index=survey.catalog.index, dtype="str")
    return nothing if table is None else table[LABEL].reindex(survey.catalog.index)


def colour_columns(survey: Survey, model: ModelFolder | None) -> list[str]:
    """The columns that the map can be coloured by, the most useful first."""
    table = predictions_of(survey, model) if model else None
    predicted = [] if table is None else [column for column in PREDICTED if column in table]
    catalog = survey.catalog
    labelled = [LABEL] if labels_of(survey, model).notna().any() else []
    first = [column for column in (*BANDS, PETRO_RADIUS, "redshift") if column in catalog]
    others = [column for column in catalog.columns if column not in {*first, GALAXY_ID, LABEL}]
    return [*labelled, *predicted, *first, *others]


def column_of(survey: Survey, model: ModelFolder | None, rows: NDArray[np.int64], column: str) -> pd.Series[Any]:
    """A column of `colour_columns` for the given rows; NaN where there is no prediction."""
    if column == LABEL:
        return labels_of(survey, model).iloc[rows]
    predicted = predictions_of(survey, model) if model and column in PREDICTED else None
    return survey.catalog[column].iloc[rows] if predicted is None else predicted[column].reindex(rows)


def table_of(survey: Survey, model: ModelFolder | None, rows: Sequence[int] | NDArray[np.int64]) -> pd.DataFrame:
    """The table of some galaxies: galaxy_id (as str), ra, dec, label, prediction, confidence."""
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

    Galaxies that are staged beside the survey until all before them in the catalogue have arrived are included. Rows
    are read one by one, and only the text of the table is held in memory.

    Raises
    ------
    SurveyError
        The survey, or the file of staged galaxies, cannot be read.
    """
    path = find_survey(name)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    with _waiting(path.absolute() / "download" / "staged.sqlite") as waiting:
        # The staged rows are read first: a row that has left that file by now is in the survey.
        survey = Survey.open(path)
        committed, ids = survey.rows_committed, survey.galaxy_ids
        with reading_sqlite(survey.journal.path.absolute(), tables=("cutout",)) as journal:
            table.writerows(journal.execute(_ENTERED, (committed,)))
        table.writerows((int(ids[row]), *outcome) for row, *outcome in waiting if row >= committed)
    return text.getvalue().encode()


@contextmanager
def _waiting(file: Path) -> Iterator[Iterator[tuple[int, str, str, str, int]]]:
    """The rows staged beside a survey, as of the moment of opening, however long the reading takes."""
    if not file.is_file():
        yield iter(())
        return
    # A read-only folder cannot hold the index of a write-ahead log; no process writes there either.
    alone = not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists()
    mode = "immutable=1" if alone else "mode=ro"
    with reading_sqlite(file, tables=("outcome",), remedy="Start the download again", mode=mode) as connection:
        yield connection.execute(_WAITING)
