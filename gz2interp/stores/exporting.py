"""A survey as one table: catalogue, status, predictions and map."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import ColumnMeaning, catalogue_meaning
from gz2interp.stores.tables import parquet_schema, read_some_rows

__all__ = ["catalog_columns", "catalog_meanings", "joined_table", "model_of_export"]


def joined_table(
    survey: Survey,
    model: str | None = None,
    rows: NDArray[np.int64] | None = None,
    columns: Iterable[str] | None = None,
) -> pd.DataFrame:
    """The catalogue joined with the status of each cutout, the predictions and the map.

    Parameters
    ----------
    model : str, optional
        Whose predictions and map are joined; by default the only model, and none where there are several.
    rows : int64 (n,), optional
        Of the survey, each once; by default all. Other rows of the catalogue are not held in memory.
    columns : iterable of str, optional
        Columns of the catalogue, ignored if it does not have them; by default all.

    Returns
    -------
    DataFrame
        One row per galaxy, in the order of `rows` and indexed by them. A galaxy that was not requested yet has the
        status "". A column of the catalogue with the name of a joined one, for example from an earlier export, is
        prefixed with ``catalog_``.
    """
    catalog = _catalog(survey, rows, columns)
    status = survey.status.drop(columns=GALAXY_ID).reindex(catalog.index)
    status[["status", "reason", "source"]] = status[["status", "reason", "source"]].fillna("")
    parts = [status.astype({"tries": "Int64"}) if status["tries"].isna().any() else status]
    folder = model_of_export(survey, model)
    if folder is not None:
        parts += _of_model(survey, folder, catalog.index)
    joined = {column for part in parts for column in part.columns}
    prefixed = {column: f"catalog_{column}" for column in catalog if column in joined}
    return pd.concat([catalog.rename(columns=prefixed), *parts], axis=1)


def catalog_columns(survey: Survey) -> list[str]:
    """The names of the catalogue's columns, without reading them."""
    return list(parquet_schema(survey.location.file("catalog.parquet")).names)


def catalog_meanings(survey: Survey) -> dict[str, ColumnMeaning]:
    """The meaning of each column of the catalogue; of a user's own column its unit and description, if it has them."""
    meanings = {}
    for field in parquet_schema(survey.location.file("catalog.parquet")):
        metadata = {key.decode(): word.decode() for key, word in (field.metadata or {}).items()}
        meanings[field.name] = catalogue_meaning(field.name, metadata.get("unit", ""), metadata.get("description", ""))
    return meanings


def model_of_export(survey: Survey, model: str | None = None) -> ModelFolder | None:
    """The model whose predictions are joined: the named one, else the only one, else none."""
    if model is None and len(survey.models()) != 1:
        return None
    return survey.model(model)


def _catalog(survey: Survey, rows: NDArray[np.int64] | None, columns: Iterable[str] | None) -> pd.DataFrame:
    if rows is None and columns is None:
        return survey.catalog
    if columns is not None:
        selection = {GALAXY_ID, *columns}
        columns = [name for name in catalog_columns(survey) if name in selection]
    file = survey.location.file("catalog.parquet")
    return read_some_rows(file, np.arange(len(survey)) if rows is None else rows, columns)


def _of_model(survey: Survey, folder: ModelFolder, rows: pd.Index[int]) -> list[pd.DataFrame]:
    parts = []
    try:
        predictions = folder.predictions.set_index("row").drop(columns=[GALAXY_ID, "label"])
        parts.append(predictions.reindex(rows).fillna({"split": "", "prediction": ""}))
    except SurveyError:
        pass  # there are no predictions
    if (uncertainty := folder.uncertainty) is not None:
        parts.append(uncertainty.set_index("row")[["uncertainty"]].reindex(rows))
    analysis = latest_analysis(folder.path, survey.digest, folder.digest)
    if analysis:
        positions = analysis.table.set_index("row")[["x", "y"]].rename(columns={"x": "map_x", "y": "map_y"})
        parts.append(positions.reindex(rows))
    return parts
