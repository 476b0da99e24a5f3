"""Colour pictures of galaxies on one stretch, and the components of painted galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboards.loading.attributions import study_of
from gz2interp.figures.repaint import light_picture, three_pictures
from gz2interp.figures.rgb import Stretch, rgb, stretch_of, thumbnails
from gz2interp.painting import Alteration
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.repaint import Repainted, painted_components, recipe_of_galaxy, repaint_galaxy

__all__ = [
    "altered_pictures",
    "has_truth",
    "pictures_of",
    "pictures_of_parts",
    "redshift_of",
    "repainted_galaxy",
    "stretch_for",
]


STRETCH_SAMPLE: Final = 64


def stretch_for(survey: Survey) -> Stretch:
    """One stretch for all pictures of a survey, so that they can be compared."""
    return _stretch(survey.digest, survey)


def pictures_of(survey: Survey, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Thumbnails of the given rows as data URIs; black where a galaxy has no image."""
    return _pictures(survey.digest, tuple(int(row) for row in rows), survey)


@st.cache_data(show_spinner=False, max_entries=8)
def _stretch(digest: str, _survey: Survey) -> Stretch:
    usable = np.flatnonzero(_survey.usable)
    rows = usable[:: max(len(usable) // STRETCH_SAMPLE, 1)][:STRETCH_SAMPLE]
    return stretch_of(_survey.images(rows), _survey.bands)


@st.cache_data(show_spinner=False, max_entries=128)
def _pictures(digest: str, rows: tuple[int, ...], _survey: Survey) -> list[str]:
    return thumbnails(rgb(_survey.images(rows), _survey.bands, stretch_for(_survey))) if rows else []


def has_truth(survey: Survey) -> bool:
    """Whether it is known what the survey's galaxies are made of."""
    return survey.place.has("truth.parquet")


@st.cache_data(show_spinner=False, max_entries=256)
def _parts(digest: str, galaxy_id: int, _survey: Survey) -> list[tuple[str, float, str]]:
    parts = painted_components(_survey, galaxy_id)
    pictures = thumbnails(np.stack([light_picture(part.light) for part in parts])) if parts else []
    return [(part.name, part.share, picture) for part, picture in zip(parts, pictures, strict=True)]


def pictures_of_parts(survey: Survey, galaxy_id: int) -> list[tuple[str, float, str]]:
    """Of each component its name, its share of the light in r, and its light as a picture."""
    return _parts(survey.digest, galaxy_id, survey)


def redshift_of(survey: Survey, galaxy_id: int) -> float:
    """Of the recipe; 0 for a star."""
    return recipe_of_galaxy(survey, galaxy_id).redshift


@st.cache_data(show_spinner=False, max_entries=128)
def _repainted_galaxy(
    digests: tuple[str, str], galaxy_id: int, alteration: Alteration, _survey: Survey, _model: ModelFolder | None
) -> Repainted:
    probe = study_of(_survey, _model).probe if _model else None
    return repaint_galaxy(_survey, galaxy_id, alteration, probe)


def repainted_galaxy(survey: Survey, galaxy_id: int, alteration: Alteration, model: ModelFolder | None) -> Repainted:
    """A galaxy painted again, and what the network, if there is one, says of both.

    Raises
    ------
    InputError
        It cannot be altered so.
    """
    return _repainted_galaxy((survey.digest, model.digest if model else ""), galaxy_id, alteration, survey, model)


def altered_pictures(survey: Survey, found: Repainted) -> list[NDArray[np.uint8]]:
    """Before, after and their difference, on the survey's own stretch."""
    return list(three_pictures(found.before.image, found.after.image, survey.bands, stretch_for(survey)))
