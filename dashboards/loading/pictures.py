"""Colour pictures of galaxies on one stretch, and the components of painted galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dashboards.loading.attributions import study_of
from dashboards.loading.caching import cached
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


@cached(lambda survey: survey.digest, 8)
def stretch_for(survey: Survey) -> Stretch:
    """One stretch for all pictures of a survey, so that they can be compared."""
    usable = np.flatnonzero(survey.usable)
    rows = usable[:: max(len(usable) // STRETCH_SAMPLE, 1)][:STRETCH_SAMPLE]
    return stretch_of(survey.images(rows), survey.bands)


@cached(lambda survey, rows: (survey.digest, tuple(int(row) for row in rows)), 128)
def pictures_of(survey: Survey, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Thumbnails of the given rows as data URIs; black where a galaxy has no image."""
    if not len(rows):
        return []
    return thumbnails(rgb(survey.images(tuple(int(row) for row in rows)), survey.bands, stretch_for(survey)))


def has_truth(survey: Survey) -> bool:
    """Whether the survey's galaxies were painted, so that their components are known."""
    return survey.location.has("truth.parquet")


@cached(lambda survey, galaxy_id: (survey.digest, galaxy_id), 256)
def pictures_of_parts(survey: Survey, galaxy_id: int) -> list[tuple[str, float, str]]:
    """Of each component its name, its share of the light in r, and its light as a picture."""
    parts = painted_components(survey, galaxy_id)
    pictures = thumbnails(np.stack([light_picture(part.light) for part in parts])) if parts else []
    return [(part.name, part.share, picture) for part, picture in zip(parts, pictures, strict=True)]


def redshift_of(survey: Survey, galaxy_id: int) -> float:
    """Of the recipe; 0 for a star."""
    return recipe_of_galaxy(survey, galaxy_id).redshift


@cached(
    lambda survey, galaxy_id, alteration, model: (survey.digest, model.digest if model else "", galaxy_id, alteration),
    128,
)
def repainted_galaxy(survey: Survey, galaxy_id: int, alteration: Alteration, model: ModelFolder | None) -> Repainted:
    """A galaxy painted again, with the predictions of the network, if there is one, before and after.

    Raises
    ------
    InputError
        The galaxy cannot be altered so.
    """
    probe = study_of(survey, model).probe if model else None
    return repaint_galaxy(survey, galaxy_id, alteration, probe)


def altered_pictures(survey: Survey, repaint: Repainted) -> list[NDArray[np.uint8]]:
    """Before, after and their difference, on the survey's own stretch."""
    return list(three_pictures(repaint.before.image, repaint.after.image, survey.bands, stretch_for(survey)))
