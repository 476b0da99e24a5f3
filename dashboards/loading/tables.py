"""What the catalogue and a network say of galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import Gz2interpError
from gz2interp.schema import BANDS, DEC, GALAXY_ID, LABEL, PETRO_RADIUS, RA
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["colour_columns", "column_of", "labels_of", "predictions_of", "table_of"]

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
