"""Neighbours of the selected galaxy, and of an image from a file, for which TensorFlow is loaded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dashboards.loading.attributions import study_of
from dashboards.loading.caching import cached
from dashboards.loading.pictures import stretch_for
from gz2interp.figures.rgb import rgb, thumbnails
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings, SkyNeighbours, SkyPoints

__all__ = ["Outsider", "neighbours_in", "neighbours_of_file"]


Outsider = tuple[str, SkyNeighbours]
"""A picture as a data URI, and the neighbours of the galaxy on it."""


@cached(lambda survey, model, analysis: str(analysis.path), 4, shared=True)
def _lookup(survey: Survey, model: ModelFolder, analysis: Analysis) -> NeighbourLookup:
    return NeighbourLookup(survey, model, analysis)


@cached(lambda survey, model, analysis, row, settings: (str(analysis.path), row, settings), 256, shared=True)
def neighbours_in(
    survey: Survey, model: ModelFolder, analysis: Analysis, row: int, settings: NeighbourSettings
) -> SkyNeighbours | None:
    """The neighbours of a galaxy of the survey; None where it was not analysed."""
    position = analysis.position_of(row)
    if position is None:
        return None
    return _lookup(survey, model, analysis).of_positions(np.array([position]), settings)


@cached(lambda survey, model, analysis, *file: (str(analysis.path), *file), 16, shared=True)
def neighbours_of_file(
    survey: Survey, model: ModelFolder, analysis: Analysis, name: str, content: bytes, settings: NeighbourSettings
) -> Outsider:
    """The neighbours of an image from a file.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    """
    from gz2interp.workflows.analysis_steps import activations_as_in
    from gz2interp.workflows.image_from_file import outside_galaxy

    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        galaxy = outside_galaxy(file, survey)
    image = galaxy.cutout.image[None]
    (picture,) = thumbnails(rgb(image, survey.bands, stretch_for(survey)))
    activations = activations_as_in(analysis, study_of(survey, model), image)
    position = SkyPoints(np.array([galaxy.ra]), np.array([galaxy.dec]))
    return picture, _lookup(survey, model, analysis).of_activations(activations, position, settings)
