"""The activation grid of a galaxy: at each place of a layer, the feature image of all that is said there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.concepts.dictionary import activation_grid
from gz2interp.errors import InputError
from gz2interp.features.objectives import cosine_direction
from gz2interp.features.visualise import visualise
from gz2interp.figures.layouts.grid import FAINTEST, grid_figure
from gz2interp.figures.style import Manner
from gz2interp.workflows.blocks.pictures import shown_of_rows
from gz2interp.workflows.blocks.words import caption
from gz2interp.workflows.explain import row_with_image
from gz2interp.workflows.features.finding import light_of_survey
from gz2interp.workflows.features.settings import SheetSettings
from gz2interp.workflows.features.wanted import POWER
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["GridOfImages", "galaxy_grid", "grid_drawing"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GridOfImages:
    """A galaxy as a layer sees it.

    Attributes
    ----------
    galaxy_id : int
    layer : str
    strengths : float32 (y, x)
        How much is said at each place, 1 where most.
    images : dict
        (y, x) -> the feature image (y, x, band), nanomaggies; of places that say at least a twentieth of the most.
    cells : CellGeometry
        Where the places lie in the galaxy's image.
    """

    galaxy_id: int
    layer: str
    strengths: Floats
    images: dict[tuple[int, int], Floats]
    cells: CellGeometry


def galaxy_grid(
    subject: Subject,
    galaxy_id: int | str,
    layer: str = "",
    cells: int = 0,
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
) -> GridOfImages:
    """Make the feature image of each place of a galaxy, all from one start, so that what differs is what is said.

    Parameters
    ----------
    subject : Subject
    galaxy_id : int or str
    layer : str
        "" for the last spatial one.
    cells : int
        Along each side, fewer than the layer has; 0 for all.
    settings : SheetSettings, optional
    progress : callable, optional

    Raises
    ------
    InputError
        The galaxy or the layer is not known, or the layer has no places.
    SurveyError
        The galaxy has no image; the error says why.

    References
    ----------
    Olah et al. 2018, The Building Blocks of Interpretability, https://distill.pub/2018/building-blocks
    """
    settings, probe = settings or SheetSettings(), subject.probe
    row = row_with_image(subject, galaxy_id)
    info = probe.layer(layer or probe.default_layer)
    if not info.spatial:
        raise InputError(f"The grid of layer {info.name} was asked for", "A layer of shape (y, x, channel)")
    grid = activation_grid(probe.activations(subject.survey.images([row]), info.name)[0], cells)
    places = [(int(y), int(x)) for y, x in np.argwhere(grid.strengths >= FAINTEST)]
    made = visualise(
        probe,
        [cosine_direction(info.name, grid.directions[at], POWER, f"place {at[0]},{at[1]}") for at in places],
        light_of_survey(subject.survey, settings.galaxies, settings.seed),
        parametrisation=settings.parametrisation,
        steps=settings.steps,
        seed=settings.seed,
        aligned=True,
        progress=progress,
    )
    lie = probe.cells(info.name, subject.survey.shape).averaged(cells)
    return GridOfImages(int(galaxy_id), info.name, grid.strengths, dict(zip(places, made.images, strict=False)), lie)


def grid_drawing(subject: Subject, grid: GridOfImages, manner: Manner | None = None) -> Drawing:
    """The grid as a figure for a paper."""
    (shown,) = shown_of_rows(subject, np.array([subject.survey.row_of(grid.galaxy_id)]))
    foot = f"Layer {grid.layer}. The area of a picture is proportional to the length of the activation there."
    figure = grid_figure(shown, grid.strengths, grid.cells, grid.images, subject.survey.bands, manner or Manner(), foot)
    what = (
        f"Activation grid of galaxy {grid.galaxy_id} in layer {grid.layer}: at each place the feature image of the "
        "direction of its activation, of an area proportional to the activation's length. Places below a twentieth of "
        "the strongest are left empty."
    )
    numbers = pd.DataFrame([{"y": y, "x": x, "strength": float(grid.strengths[y, x])} for y, x in grid.images])
    return Drawing(figure, caption(subject, what, [shown], features=True), (), numbers)
