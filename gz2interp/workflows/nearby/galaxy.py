"""The neighbours of one galaxy of the survey."""

from __future__ import annotations

import pandas as pd

from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.nearby.nearby import Nearby
from gz2interp.workflows.nearby.wish import NearbyWish

__all__ = ["neighbours_of"]


def neighbours_of(
    survey: Survey,
    model: ModelFolder,
    galaxy_id: int | str,
    layer: str = "",
    most: int = 12,
    *,
    skip_same: bool = False,
    least: bool = False,
) -> pd.DataFrame:
    """The nearest galaxies of one galaxy, as `analyse` found them.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder
    galaxy_id : int or str
    layer : str
        "" for the layer analysed last.
    most, skip_same, least
        See `NearbyWish`.

    Returns
    -------
    DataFrame
        galaxy_id, distance, ra, dec, prediction, confidence, label, same_galaxy, separation; nearest first.

    Raises
    ------
    InputError
        The survey has no such galaxy.
    SurveyError
        The layer was not analysed, or the galaxy has no image.
    """
    survey.row_of(galaxy_id)  # a wrong id is told first
    found = Nearby.open(survey, model, layer).of([galaxy_id], NearbyWish(most, skip_same, least))
    return found.drop(columns=["near", "rank"])
