"""Figures for papers: the feature sheet of a layer, and the activation grid of a galaxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.concepts.dictionary import activation_grid
from gz2interp.errors import InputError, choices
from gz2interp.features.objectives import cosine_direction
from gz2interp.features.visualise import visualise
from gz2interp.figures.layouts.grid import FAINTEST, grid_figure
from gz2interp.figures.layouts.sprites import Sprite, sprites_figure
from gz2interp.figures.rgb import Stretch, stretch_of
from gz2interp.figures.style import FigureStyle
from gz2interp.schema import name_in_words
from gz2interp.stores.layer_results import FeaturesFolder
from gz2interp.workflows.building_block_figures import caption
from gz2interp.workflows.explain import row_with_image
from gz2interp.workflows.feature_sheet import KINDS, SheetSettings, open_sheet
from gz2interp.workflows.figure_parts import Drawing, colour_in_words, figure_galaxies_at, origin_in_words
from gz2interp.workflows.make_feature_sheet import POWER, survey_prior
from gz2interp.workflows.study import Progress, Study

__all__ = ["GridOfImages", "feature_stretch", "galaxy_grid", "grid_drawing", "sheet_drawing"]

Floats = NDArray[np.float32]

KIND_TITLES: Final = {"channel": "channels", "class": "classes", "group": "neuron groups", "cell": "cells of the atlas"}

_PARAMETRISATIONS: Final = {
    "fourier": "as Fourier coefficients",
    "maco": "with a fixed spectrum (MACO)",
    "pixels": "as pixels",
}


def feature_stretch(folder: FeaturesFolder, bands: tuple[str, ...]) -> Stretch:
    """One stretch for all images of a sheet."""
    images_by_kind = [folder.read_images(kind).get("images") for kind in KINDS]
    all_images = np.concatenate([images[:64] for images in images_by_kind if images is not None])
    return stretch_of(all_images, bands)


def sheet_drawing(
    study: Study,
    layer: str = "",
    kind: str = "channel",
    style: FigureStyle | None = None,
    first: int = 0,
    most: int = 144,
) -> Drawing:
    """All feature images of a kind on a page.

    Parameters
    ----------
    layer : str, optional
        "" for the layer analysed last.
    kind : str, optional
        One of `KINDS`.
    first, most : int, optional
        The range of images shown.

    Raises
    ------
    SurveyError
        The sheet has not been computed.
    InputError
        The sheet has no image of that kind.
    """
    survey = study.survey
    folder = open_sheet(survey, study.model, layer)
    table = folder.judged
    table = table[(table["kind"] == kind) & (table["seed"] == 0)].iloc[first : first + most]
    if not len(table):
        kinds = sorted(set(folder.judged["kind"]), key=KINDS.index)
        raise InputError(f"Feature images of {kind} from {first} were requested", f"The sheet has {choices(kinds)}")
    images, provenance = folder.images(kind), folder.provenance
    stretch = feature_stretch(folder, tuple(survey.bands))
    is_beyond = (table["reached"] > table["best"]).to_numpy()
    sprites = [
        Sprite(_sprite_label(study, kind, number), None if silent else images[number], bool(beyond_best))
        for number, silent, beyond_best in zip(
            table["number"].tolist(), table["silent"].tolist(), is_beyond, strict=True
        )
    ]
    beyond = int(is_beyond.sum())
    foot = (
        f"Green frame: the image excites its objective more than any real galaxy of the sample ({beyond} of "
        f"{len(table)}). Crossed out: no image was found that excites it."
    )
    figure = sprites_figure(sprites, survey.bands, stretch, style or FigureStyle(), foot)
    caption = " ".join(
        part
        for part in (
            _sheet_sentence(table, kind, provenance),
            colour_in_words(survey.bands, stretch),
            origin_in_words(study),
        )
        if part
    )
    return Drawing(figure, caption, (), table.reset_index(drop=True))


def _sprite_label(study: Study, kind: str, number: int) -> str:
    """The name of a class, the number of a group from 1, or the number of a channel or cell."""
    if kind == "class":
        return name_in_words(study.probe.class_names[number])
    return str(number + (kind == "group"))


def _sheet_sentence(table: pd.DataFrame, kind: str, provenance: Any) -> str:
    agreement, unlike = table["agreement"].median(), table["unlike"].median()
    reference = "" if np.isnan(unlike) else f", images of different objectives by {unlike:.2f}"
    repeat = f" Images of one objective from two starts agree by {agreement:.2f} at the median{reference}."
    repeat = "" if np.isnan(agreement) else repeat
    steps = provenance.parameters.get("steps") if provenance else "?"
    parametrisation = str(provenance.parameters.get("parametrisation")) if provenance else "?"
    parametrisation = _PARAMETRISATIONS.get(parametrisation, parametrisation)
    return (
        f"Feature images of the {KIND_TITLES[kind]} of layer {provenance.layer if provenance else ''}: light that "
        f"excites each most, within the survey's own range of fluxes and colours ({steps} steps, {parametrisation}, "
        f"under rotation, shift, scale, noise and blur). {(table['reached'] > table['random']).mean():.0%} reach "
        "more than the best of 64 random images of the survey's light, "
        f"{(table['reached'] > table['best']).mean():.0%} more than the best real galaxy.{repeat}"
    ).replace("%", " %")


@dataclass(frozen=True, eq=False)
class GridOfImages:
    """Feature images of the activations at the places of a galaxy.

    Attributes
    ----------
    strengths : float32 (y, x)
        Length of the activation at each place, relative to the longest.
    images : dict
        (y, x) -> the feature image (y, x, band), nanomaggies; for places of a strength of at least a twentieth.
    cells : CellGeometry
        Positions of the places in the galaxy's image.
    """

    galaxy_id: int
    layer: str
    strengths: Floats
    images: dict[tuple[int, int], Floats]
    cells: CellGeometry


def galaxy_grid(
    study: Study,
    galaxy_id: int | str,
    layer: str = "",
    cells: int = 0,
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
) -> GridOfImages:
    """Feature images of the activation at each place of a galaxy, all from one start so that they can be compared.

    Parameters
    ----------
    layer : str
        "" for the last spatial one.
    cells : int
        Cells along each side, fewer than the layer has; 0 for all.

    Raises
    ------
    InputError
        The galaxy or the layer does not exist, or the layer has no (y, x) plane.
    SurveyError
        The galaxy has no image; the error says why.

    References
    ----------
    Olah et al. 2018, The Building Blocks of Interpretability, https://distill.pub/2018/building-blocks
    """
    settings, probe = settings or SheetSettings(), study.probe
    row = row_with_image(study, galaxy_id)
    info = probe.layer(layer or probe.default_layer)
    if not info.spatial:
        raise InputError(f"The grid of layer {info.name} was requested", "A layer of shape (y, x, channel)")
    grid = activation_grid(probe.activations(study.survey.images([row]), info.name)[0], cells)
    places = [(int(y), int(x)) for y, x in np.argwhere(grid.strengths >= FAINTEST)]
    feature_images = visualise(
        probe,
        [cosine_direction(info.name, grid.directions[at], POWER, f"place {at[0]},{at[1]}") for at in places],
        survey_prior(study.survey, settings.galaxies, settings.seed),
        parametrisation=settings.parametrisation,
        steps=settings.steps,
        seed=settings.seed,
        aligned=True,
        progress=progress,
    )
    geometry = probe.cells(info.name, study.survey.shape).averaged(cells)
    return GridOfImages(
        int(galaxy_id), info.name, grid.strengths, dict(zip(places, feature_images.images, strict=False)), geometry
    )


def grid_drawing(study: Study, grid: GridOfImages, style: FigureStyle | None = None) -> Drawing:
    """The grid as a figure for a paper."""
    (galaxy,) = figure_galaxies_at(study, np.array([study.survey.row_of(grid.galaxy_id)]))
    footer = f"Layer {grid.layer}. The area of a picture is proportional to the length of the activation there."
    figure = grid_figure(
        galaxy, grid.strengths, grid.cells, grid.images, study.survey.bands, style or FigureStyle(), footer
    )
    text = (
        f"Activation grid of galaxy {grid.galaxy_id} in layer {grid.layer}: at each place the feature image of the "
        "direction of its activation, of an area proportional to the activation's length. Places below a twentieth of "
        "the strongest are left empty."
    )
    numbers = pd.DataFrame([{"y": y, "x": x, "strength": float(grid.strengths[y, x])} for y, x in grid.images])
    return Drawing(figure, caption(study, text, [galaxy], features=True), (), numbers)
