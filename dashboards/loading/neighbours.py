"""Neighbours of the selected galaxy, and of an image from a file, for which TensorFlow is loaded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import streamlit as st

from dashboards.loading.attributions import study_of
from dashboards.loading.pictures import stretch_for
from gz2interp.figures.rgb import rgb, thumbnails
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings, SkyNeighbours, SkyPoints

__all__ = ["Outsider", "neighbours_in", "neighbours_of_file"]


Outsider = tuple[str, SkyNeighbours]
"""A picture as a data URI, and the neighbours of what it shows."""


def neighbours_in(
    survey: Survey, model: ModelFolder, analysis: Analysis, row: int, wish: NeighbourSettings
) -> SkyNeighbours | None:
    """The neighbours of a galaxy of the survey; None where it was not analysed."""
    position = analysis.position_of(row)
    if position is None:
        return None
    return _neighbours(str(analysis.path), position, wish, _lookup(str(analysis.path), survey, model, analysis))


def neighbours_of_file(
    survey: Survey, model: ModelFolder, analysis: Analysis, name: str, content: bytes, wish: NeighbourSettings
) -> Outsider:
    """The neighbours of an image from a file, computed once for each file and question.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    """
    nearby = _lookup(str(analysis.path), survey, model, analysis)
    return _outsider(str(analysis.path), name, content, wish, nearby)


@st.cache_resource(show_spinner=False, max_entries=4)
def _lookup(path: str, _survey: Survey, _model: ModelFolder, _analysis: Analysis) -> NeighbourLookup:
    return NeighbourLookup(_survey, _model, _analysis)


@st.cache_resource(show_spinner=False, max_entries=256)
def _neighbours(path: str, position: int, wish: NeighbourSettings, _lookup: NeighbourLookup) -> SkyNeighbours:
    return _lookup.of_positions(np.array([position]), wish)


@st.cache_resource(show_spinner=False, max_entries=16)
def _outsider(path: str, name: str, content: bytes, wish: NeighbourSettings, _lookup: NeighbourLookup) -> Outsider:
    from gz2interp.workflows.analysis_steps import activations_as_in
    from gz2interp.workflows.image_from_file import outside_galaxy

    survey = _lookup.survey
    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        galaxy = outside_galaxy(file, survey)
    image = galaxy.cutout.image[None]
    (picture,) = thumbnails(rgb(image, survey.bands, stretch_for(survey)))
    activations = activations_as_in(_lookup.analysis, study_of(survey, _lookup.model), image)
    return picture, _lookup.of_activations(activations, SkyPoints(np.array([galaxy.ra]), np.array([galaxy.dec])), wish)
