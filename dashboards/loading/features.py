"""Building blocks and feature images of a layer, their pictures, and the building blocks of one galaxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.loading.attributions import study_of
from dashboards.loading.caching import cached, stamp
from dashboards.loading.map import analysed_layers
from dashboards.loading.pictures import stretch_for
from dashboards.loading.surveys import model_of
from gz2interp.cells import CellGeometry
from gz2interp.concepts.atlas import Atlas
from gz2interp.errors import SurveyError
from gz2interp.figures.places import class_colours, framed_places, over_places, pieces_around
from gz2interp.figures.rgb import Stretch, rgb, stretch_of, thumbnails
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder, blocks_folder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import errors_as
from gz2interp.stores.survey import Survey
from gz2interp.workflows.building_blocks import load_atlas
from gz2interp.workflows.feature_agreement import FeatureAgreement, load_agreements
from gz2interp.workflows.feature_sheet import KINDS
from gz2interp.workflows.layer_table import layer_table

if TYPE_CHECKING:
    from gz2interp.workflows.galaxy_blocks import GalaxyBlocks

__all__ = [
    "BlocksView",
    "StoredLayer",
    "agreements_for",
    "atlas_for",
    "attributed_picture",
    "blocks_view_of",
    "feature_pictures",
    "feature_stretch",
    "galaxy_picture",
    "group_pictures",
    "has_blocks",
    "layer_results_of",
    "network_to_compare",
    "patch_pictures",
    "peak_pictures",
    "table_for",
]


Ints = NDArray[np.int64]

PORTION: Final = 64
"""Galaxies in memory at a time."""

OF_BLOCKS: Final = ("group", "cell")
"""Kinds whose numbers change whenever building blocks are computed."""

SAMPLE: Final = 64
"""Feature images of each kind that determine their stretch."""


class StoredLayer:
    """The stored results of a layer: its building blocks and its feature images, either of which may be missing."""

    def __init__(self, survey: Survey, model: ModelFolder, analysis: Analysis) -> None:
        self.survey, self.model, self.analysis = survey, model, analysis
        blocks, features = blocks_folder(analysis), features_folder(analysis)
        self.blocks: BlocksFolder | None = blocks if blocks.provenance is not None else None
        self.features: FeaturesFolder | None = features if features.provenance is not None else None
        self.begun = self.features is None and (features.path / "question.json").is_file()
        """Whether a sheet has been begun and not finished."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of feature images that can be shown: groups and cells only if made from these very building blocks."""
        provenance = self.features.provenance if self.features else None
        if provenance is None:
            return ()
        blocks = self.blocks.provenance if self.blocks else None
        same = blocks is not None and provenance.parameters.get("blocks") == blocks.digest
        return KINDS if same else tuple(kind for kind in KINDS if kind not in OF_BLOCKS)

    @property
    def key(self) -> tuple[str, int, int]:
        """The cache key of everything that is derived from these results."""
        return _key(self.survey, self.model, self.analysis)

    @property
    def cells(self) -> CellGeometry:
        """Where the layer's cells lie in the images."""
        return _cells(self)


def _key(survey: Survey, model: ModelFolder, analysis: Analysis) -> tuple[str, int, int]:
    blocks, features = (folder(analysis).path / "provenance.json" for folder in (blocks_folder, features_folder))
    return str(analysis.path), stamp(blocks), stamp(features)


@cached(_key, 8, shared=True)
def layer_results_of(survey: Survey, model: ModelFolder, analysis: Analysis) -> StoredLayer:
    """The results of a layer, as its files are now."""
    return StoredLayer(survey, model, analysis)


def has_blocks(analysis: Analysis) -> bool:
    """Whether building blocks or feature images of a layer have been made."""
    return any(stamp(folder(analysis).path / "provenance.json") for folder in (blocks_folder, features_folder))


@cached(lambda results: results.key, 8)
def _cells(results: StoredLayer) -> CellGeometry:
    text = results.blocks.arrays("places").get("cells") if results.blocks else None
    if text is not None:
        with errors_as(SurveyError, "places.npz", remedy="Run gz2interp channels again"):
            return CellGeometry.from_json(json.loads(str(text)))
    from gz2interp.workflows.building_blocks import layer_cells

    return layer_cells(study_of(results.survey, results.model).probe, results.analysis.layer, results.survey.shape)


def _agreement_key(results: StoredLayer) -> tuple[object, ...]:
    """With the stamps of the agreements and of all model files: results of another network are never shown."""
    files = [*results.analysis.path.glob("features/agreements/*/provenance.json")]
    files += [results.survey.model(name).model_file for name in results.survey.models()] if files else []
    return *results.key, *((str(file), stamp(file)) for file in sorted(files))


@cached(lambda results, kind: (_agreement_key(results), kind), 16)
def table_for(results: StoredLayer, kind: str) -> pd.DataFrame:
    """See `gz2interp.workflows.layer_table.layer_table`."""
    features = results.features if kind in results.kinds else None
    return layer_table(results.blocks, features, kind, agreements_for(results))


@cached(_agreement_key, 8, shared=True)
def agreements_for(results: StoredLayer) -> tuple[FeatureAgreement, ...]:
    """The agreement of other networks with the feature images."""
    return load_agreements(results.survey, results.model, results.analysis.layer) if results.features else ()


def network_to_compare(results: StoredLayer) -> tuple[str, str] | None:
    """Another network and its layer, to compare feature images with; None where that was done, or there is none."""
    if not len(results.features.judged if results.features else ()) or agreements_for(results):
        return None
    for name, layer in analysed_layers(results.survey):
        other = model_of(results.survey, name)
        if not other.latents and other.digest != results.model.digest:
            return name, layer
    return None


@cached(lambda results, kind, seed=0: (results.key, kind, seed), 16)
def feature_pictures(results: StoredLayer, kind: str, seed: int = 0) -> dict[int, str]:
    """Feature images of a kind from one start as data URIs, by number, without those of units that nothing excites."""
    pictures: dict[int, str] = {}
    if results.features is None or kind not in results.kinds:
        return pictures
    for part in results.features.parts(kind):
        at = np.flatnonzero((part["seed"] == seed) & ~part["silent"])  # silent ones show only their random start
        if len(at):
            images = rgb(part["images"][at], results.survey.bands, feature_stretch(results))
            pictures |= dict(zip(part["number"][at].tolist(), thumbnails(images), strict=True))
    return pictures


@cached(lambda results: results.key, 8)
def feature_stretch(results: StoredLayer) -> Stretch:
    """One stretch for all feature images of a sheet: they are often fainter than galaxies, and fill the image."""
    assert results.features is not None
    first = [next(results.features.parts(kind), {}).get("images") for kind in KINDS]
    return stretch_of(np.concatenate([images[:SAMPLE] for images in first if images is not None]), results.survey.bands)


def _places_key(results: StoredLayer, rows: Ints, y: Ints, x: Ints) -> tuple[object, ...]:
    return results.key, np.stack([rows, y, x]).tolist()


@cached(_places_key, 256)
def peak_pictures(results: StoredLayer, rows: Ints, y: Ints, x: Ints) -> list[str]:
    """Galaxies as data URIs, the place of a maximum framed."""
    if not len(rows):
        return []
    pictures = rgb(results.survey.images(rows), results.survey.bands, stretch_for(results.survey))
    return thumbnails(framed_places(pictures, results.cells, y, x))


@cached(_places_key, 64)
def patch_pictures(results: StoredLayer, rows: Ints, y: Ints, x: Ints) -> list[str]:
    """Patches of galaxies around places as data URIs."""
    survey, pictures = results.survey, list[str]()
    for start in range(0, len(rows), PORTION):
        part = slice(start, start + PORTION)
        patches = pieces_around(survey.images(rows[part]), results.cells, y[part], x[part])
        pictures += thumbnails(rgb(patches, survey.bands, stretch_for(survey)))
    return pictures


@cached(lambda results, name: (results.key, name), 16, shared=True)
def atlas_for(results: StoredLayer, name: str) -> Atlas:
    """The atlas of all places, or of a class."""
    assert results.blocks is not None
    return load_atlas(results.blocks, name)


@dataclass(frozen=True, eq=False)
class BlocksView:
    """The building blocks of one galaxy.

    Attributes
    ----------
    row : int
        Of the survey.
    classes : tuple of str
        The names of the scores as they are displayed.
    predicted : int
        The most probable class.
    """

    row: int
    blocks: GalaxyBlocks
    classes: tuple[str, ...]
    predicted: int


@cached(lambda results, row: (results.model.digest, results.key, row), 16, shared=True)
def blocks_view_of(results: StoredLayer, row: int) -> BlocksView:
    """The building blocks of a galaxy of the survey in a layer.

    Raises
    ------
    SurveyError
        The galaxy has no image.
    """
    from gz2interp.workflows.building_block_figures import short_score
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy

    study = study_of(results.survey, results.model)
    blocks = blocks_of_galaxy(study, int(results.survey.galaxy_ids[row]), results.analysis.layer)
    return BlocksView(row, blocks, tuple(map(short_score, blocks.scores)), int(np.argmax(blocks.probabilities)))


def galaxy_picture(results: StoredLayer, row: int) -> str:
    """In colour, as a data URI."""
    (picture,) = thumbnails(_colour(results, row)[None])
    return picture


def attributed_picture(results: StoredLayer, view: BlocksView, score: int) -> tuple[str, float]:
    """The contribution of each place of the layer to a score, over the galaxy; and the limit of the scale."""
    places = view.blocks.attributions[score].places[0]
    overlay, limit = over_places(_colour(results, view.row), places, view.blocks.cells)
    return thumbnails(overlay[None])[0], limit


def group_pictures(results: StoredLayer, view: BlocksView) -> tuple[str, list[str]]:
    """All neuron groups over the galaxy, and each alone."""
    from gz2interp.figures.pieces.cells import over_image

    galaxy, loads = _colour(results, view.row), view.blocks.cells.on_pixels(view.blocks.effects.loads[0])
    inks = class_colours(loads.shape[-1])
    maps = [over_image(galaxy, loads, inks)]
    maps += [over_image(galaxy, loads[..., k : k + 1], inks[k : k + 1]) for k in range(loads.shape[-1])]
    whole, *single = thumbnails(np.stack(maps))
    return whole, single


def _colour(results: StoredLayer, row: int) -> NDArray[np.uint8]:
    return rgb(results.survey.images([row])[0], results.survey.bands, stretch_for(results.survey))
