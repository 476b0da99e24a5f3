"""One table of everything that is known of a survey's galaxies, for other programs."""

from __future__ import annotations

import pandas as pd

from gz2interp.errors import SurveyError
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["joined_table"]


def joined_table(survey: Survey, model: str | None = None) -> pd.DataFrame:
    """The catalogue, and beside it the status of each cutout, the predictions and the map.

    Parameters
    ----------
    survey : Survey
    model : str, optional
        Whose predictions and map; by default the only model's, and none where there are several or none.

    Returns
    -------
    DataFrame
        One row per galaxy of the catalogue. A galaxy that was not asked for yet has the status "". A column of the
        catalogue that bears the name of one of ours, from an older export say, is told apart by ``catalog_``.
    """
    status = survey.status.drop(columns=GALAXY_ID).reindex(survey.catalog.index)
    status[["status", "reason", "source"]] = status[["status", "reason", "source"]].fillna("")
    parts = [status]
    if model is None and len(survey.models()) == 1:
        model = survey.models()[0]
    if model is not None:
        parts += _of_model(survey, survey.model(model))
    ours = {column for part in parts for column in part.columns}
    catalog = survey.catalog.rename(
        columns={column: f"catalog_{column}" for column in survey.catalog if column in ours}
    )
    return pd.concat([catalog, *parts], axis=1)


def _of_model(survey: Survey, folder: ModelFolder) -> list[pd.DataFrame]:
    parts = []
    try:
        said = folder.predictions.set_index("row").drop(columns=[GALAXY_ID, "label"])
        parts.append(said.reindex(survey.catalog.index).fillna({"split": "", "prediction": ""}))
    except SurveyError:
        pass  # the network has not been run over the survey: there is nothing to join
    if (unsure := folder.uncertainty) is not None:
        parts.append(unsure.set_index("row")[["uncertainty"]].reindex(survey.catalog.index))
    analysis = latest_analysis(folder.path, survey.digest, folder.digest)
    if analysis:
        where = analysis.table.set_index("row")[["x", "y"]].rename(columns={"x": "map_x", "y": "map_y"})
        parts.append(where.reindex(survey.catalog.index))
    return parts
