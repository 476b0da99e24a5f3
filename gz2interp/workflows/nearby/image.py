"""The neighbours of an image that is not in the survey: read from a file, asked of the network, looked up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.workflows.analyse.activations import activations_as_in
from gz2interp.workflows.nearby.found import Sky
from gz2interp.workflows.nearby.nearby import Nearby
from gz2interp.workflows.nearby.wish import NearbyWish
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.outside import outside_galaxy

__all__ = ["neighbours_of_image"]


def neighbours_of_image(
    subject: Subject,
    path: str | Path,
    layer: str = "",
    most: int = 12,
    *,
    skip_same: bool = False,
    least: bool = False,
    nearby: Nearby | None = None,
) -> pd.DataFrame:
    """The galaxies of a survey that the network finds most alike an image from a file.

    Parameters
    ----------
    subject : Subject
    path : path
        FITS, ``.npy`` or ``.npz``, see `gz2interp.workflows.outside.outside_galaxy`.
    layer : str
        "" for the layer analysed last.
    most, skip_same, least
        See `NearbyWish`. Where the file says where on the sky it lies, the same galaxy is known.
    nearby : Nearby, optional
        Of this layer, opened before.

    Returns
    -------
    DataFrame
        galaxy_id, distance, ra, dec, prediction, confidence, label, same_galaxy, separation; nearest first.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    SurveyError
        The layer was not analysed.
    """
    nearby = nearby or Nearby.open(subject.survey, subject.model, layer)
    galaxy = outside_galaxy(path, subject.survey)
    activations = activations_as_in(nearby.analysis, subject, galaxy.cutout.image[None])
    here = Sky(np.array([galaxy.ra]), np.array([galaxy.dec]))
    return nearby.table_of(nearby.of_activations(activations, here, NearbyWish(most, skip_same, least)))
