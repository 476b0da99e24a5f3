"""One galaxy taken apart by its network, which is asked when the page wants it, and pictures of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboards.loading.attributions import subject_of
from dashboards.loading.features import Shelf
from dashboards.loading.pictures import stretch_for
from gz2interp.figures.places import class_colours, over_places
from gz2interp.figures.rgb import rgb, thumbnails

if TYPE_CHECKING:  # the workflow loads TensorFlow
    from gz2interp.workflows.blocks.galaxy import GalaxyBlocks

__all__ = ["Apart", "attributed_picture", "galaxy_picture", "group_pictures", "taken_apart"]


@dataclass(frozen=True, eq=False)
class Apart:
    """A galaxy taken apart.

    Attributes
    ----------
    row : int
        Of the survey.
    blocks : GalaxyBlocks
    classes : tuple of str
        As one reads the scores, in their order.
    predicted : int
        The most probable class.
    """

    row: int
    blocks: GalaxyBlocks
    classes: tuple[str, ...]
    predicted: int


def taken_apart(shelf: Shelf, row: int) -> Apart:
    """A galaxy of the survey in the layer on show, asked once.

    Raises
    ------
    SurveyError
        It has no image.
    """
    return _apart((shelf.model.digest, *shelf.key), row, shelf)


def galaxy_picture(shelf: Shelf, row: int) -> str:
    """In colour, as a data URI."""
    (picture,) = thumbnails(_colour(shelf, row)[None])
    return picture


def attributed_picture(shelf: Shelf, apart: Apart, score: int) -> tuple[str, float]:
    """What each place of the layer adds to a score, over the galaxy; and the limit of the scale."""
    drawn, limit = over_places(
        _colour(shelf, apart.row), apart.blocks.attributions[score].places[0], apart.blocks.cells
    )
    return thumbnails(drawn[None])[0], limit


def group_pictures(shelf: Shelf, apart: Apart) -> tuple[str, list[str]]:
    """All neuron groups over the galaxy, and each alone."""
    from gz2interp.figures.pieces.cells import over_image

    ground, loads = _colour(shelf, apart.row), apart.blocks.cells.on_pixels(apart.blocks.effects.loads[0])
    inks = class_colours(loads.shape[-1])
    maps = [over_image(ground, loads, inks)]
    maps += [over_image(ground, loads[..., k : k + 1], inks[k : k + 1]) for k in range(loads.shape[-1])]
    whole, *each = thumbnails(np.stack(maps))
    return whole, each


def _colour(shelf: Shelf, row: int) -> NDArray[np.uint8]:
    return rgb(shelf.survey.images([row])[0], shelf.survey.bands, stretch_for(shelf.survey))


@st.cache_resource(show_spinner=False, max_entries=16)
def _apart(key: tuple[object, ...], row: int, _shelf: Shelf) -> Apart:
    from gz2interp.workflows.blocks.galaxy import blocks_of_galaxy
    from gz2interp.workflows.blocks.words import short

    subject = subject_of(_shelf.survey, _shelf.model)
    found = blocks_of_galaxy(subject, int(_shelf.survey.galaxy_ids[row]), _shelf.analysis.layer)
    return Apart(row, found, tuple(map(short, found.scores)), int(np.argmax(found.probabilities)))
