"""The neighbours of one galaxy as a table: who they are, how near, and what was said of them. Needs no network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gz2interp.errors import SurveyError
from gz2interp.schema import DEC, GALAXY_ID, LABEL, RA
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["neighbours_of"]


def neighbours_of(
    survey: Survey, model: ModelFolder, galaxy_id: int | str, layer: str = "", most: int = 12
) -> pd.DataFrame:
    """The nearest galaxies of one galaxy, as `analyse` found them.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder
    galaxy_id : int or str
    layer : str
        "" for the layer analysed last.
    most : int

    Returns
    -------
    DataFrame
        galaxy_id, distance, ra, dec, prediction, confidence, label; nearest first.

    Raises
    ------
    InputError
        The survey has no such galaxy.
    SurveyError
        The layer was not analysed, or the galaxy has no image.
    """
    row = survey.row_of(galaxy_id)
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    if analysis is None:
        raise SurveyError(
            f"{layer or 'No layer'} of {model.name} has been analysed for {survey.name} as it is now",
            remedy=f"Run gz2interp analyse {survey.path} --model {model.name}" + (f" --layer {layer}" if layer else ""),
        )
    position = analysis.position_of(row)
    if position is None:
        raise SurveyError(f"Galaxy {galaxy_id} has no image, so it has no neighbours")
    found = analysis.neighbours([position])
    kept = np.flatnonzero(found.rows[0] >= 0)[:most]
    rows = found.rows[0][kept]
    said = model.predictions.set_index("row").reindex(rows)
    catalog = survey.catalog.iloc[rows]
    return pd.DataFrame(
        {
            GALAXY_ID: catalog[GALAXY_ID].to_numpy(),
            "distance": found.distances[0][kept],
            RA: catalog[RA].to_numpy(),
            DEC: catalog[DEC].to_numpy(),
            "prediction": said["prediction"].to_numpy(),
            "confidence": said["confidence"].to_numpy(),
            LABEL: said["label"].fillna("").to_numpy(),
        }
    )
