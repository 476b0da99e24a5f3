"""Building blocks and feature images of a layer, their pictures, and the building blocks of one galaxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboards.loading.attributions import study_of
from dashboards.loading.map import analysed_layers
from dashboards.loading.pictures import stretch_for
from dashboards.loading.surveys import model_of, stamp
from gz2interp.cells import CellGeometry
from gz2interp.concepts.atlas import Atlas
from gz2interp.errors import SurveyError
from gz2interp.figures.places import class_colours, framed_places, over_places, pieces_around
from gz2interp.figures.rgb import Stretch, rgb, stretch_of, thumbnails
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder, blocks_folder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import failing_as
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
"""What is numbered anew whenever building blocks are looked for."""

SAMPLE: Final = 64
"""Feature images of each kind that decide on their stretch."""


class StoredLayer:
    """What is kept of a layer: its building blocks and its feature images, either of which may not be there.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder
    analysis : Analysis
    """

    def __init__(self, survey: Survey, model: ModelFolder, analysis: Analysis) -> None:
        self.survey, self.model, self.analysis = survey, model, analysis
        blocks, features = blocks_folder(analysis), features_folder(analysis)
        self.blocks: BlocksFolder | None = blocks if blocks.provenance is not None else None
        self.features: FeaturesFolder | None = features if features.provenance is not None else None
        self.begun = self.features is None and (features.path / "question.json").is_file()
        """Whether a sheet has been begun and not finished."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What may be shown feature images of: groups and cells only if they are of these very building blocks."""
        made = self.features.provenance if self.features else None
        if made is None:
            return ()
        blocks = self.blocks.provenance if self.blocks else None
        same = blocks is not None and made.parameters.get("blocks") == blocks.digest
        return KINDS if same else tuple(kind for kind in KINDS if kind not in OF_BLOCKS)

    @property
    def key(self) -> tuple[str, int, int]:
        """Of everything that is derived from it."""
        return _key(self.analysis)

    @property
    def cells(self) -> CellGeometry:
        """Where the layer's cells lie in the images."""
        return _cells(self.key, self)


def layer_results_of(survey: Survey, model: ModelFolder, analysis: Analysis) -> StoredLayer:
    """As its files are now."""
    return _layer_results(_key(analysis), survey, model, analysis)


def has_blocks(analysis: Analysis) -> bool:
    """Whether building blocks or feature images of a layer have been made."""
    return any(stamp(folder(analysis).path / "provenance.json") for folder in (blocks_folder, features_folder))


def table_for(shelf: StoredLayer, kind: str) -> pd.DataFrame:
    """See `gz2interp.workflows.layer_table.layer_table`."""
    return _table((*shelf.key, *_agreement_stamps(shelf)), kind, shelf)


def agreements_for(shelf: StoredLayer) -> tuple[FeatureAgreement, ...]:
    """What other networks say of the sheet."""
    return _agreements((*shelf.key, *_agreement_stamps(shelf)), shelf) if shelf.features else ()


def network_to_compare(shelf: StoredLayer) -> tuple[str, str] | None:
    """Another network, and a layer of it, that could be asked about the sheet; None where one was, or there is none."""
    if not len(shelf.features.judged if shelf.features else ()) or agreements_for(shelf):
        return None
    for name, layer in analysed_layers(shelf.survey):
        other = model_of(shelf.survey, name)
        if not other.latents and other.digest != shelf.model.digest:
            return name, layer
    return None


def feature_pictures(shelf: StoredLayer, kind: str, seed: int = 0) -> dict[int, str]:
    """Feature images of a kind from one start as data URIs, by number, but of what nothing excites."""
    return _feature_pictures(shelf.key, kind, seed, shelf) if kind in shelf.kinds else {}


def feature_stretch(shelf: StoredLayer) -> Stretch:
    """One stretch for all feature images of a sheet: they are often fainter than galaxies, and fill the image."""
    return _feature_stretch(shelf.key, shelf)


def peak_pictures(shelf: StoredLayer, rows: Ints, y: Ints, x: Ints) -> list[str]:
    """Galaxies as data URIs, the place framed where something is greatest."""
    return _peaks(shelf.key, tuple(map(tuple, np.stack([rows, y, x], axis=1).tolist())), shelf)


def patch_pictures(shelf: StoredLayer, rows: Ints, y: Ints, x: Ints) -> list[str]:
    """Pieces of galaxies around places as data URIs."""
    return _patches(shelf.key, tuple(map(tuple, np.stack([rows, y, x], axis=1).tolist())), shelf)


def atlas_for(shelf: StoredLayer, name: str) -> Atlas:
    """The atlas of all places, or of a class."""
    return _atlas(shelf.key, name, shelf)


def _key(analysis: Analysis) -> tuple[str, int, int]:
    blocks, features = (folder(analysis).path / "provenance.json" for folder in (blocks_folder, features_folder))
    return str(analysis.path), stamp(blocks), stamp(features)


def _agreement_stamps(shelf: StoredLayer) -> tuple[tuple[str, int], ...]:
    """Of everything that other networks were asked, and of their files: what another network said is not shown."""
    files = [*shelf.analysis.path.glob("features/agreements/*/provenance.json")]
    files += [shelf.survey.model(name).model_file for name in shelf.survey.models()] if files else []
    return tuple((str(file), stamp(file)) for file in sorted(files))


Places = tuple[tuple[int, int, int], ...]
"""Row of the survey, y, x."""


@st.cache_resource(show_spinner=False, max_entries=8)
def _layer_results(key: tuple[str, int, int], _survey: Survey, _model: ModelFolder, _analysis: Analysis) -> StoredLayer:
    return StoredLayer(_survey, _model, _analysis)


@st.cache_data(show_spinner=False, max_entries=8)
def _cells(key: tuple[str, int, int], _layer_results: StoredLayer) -> CellGeometry:
    stored = _layer_results.blocks.arrays("places").get("cells") if _layer_results.blocks else None
    if stored is not None:
        with failing_as(SurveyError, "places.npz", remedy="Run gz2interp channels again"):
            return CellGeometry.from_json(json.loads(str(stored)))
    from gz2interp.workflows.building_blocks import layer_cells

    return layer_cells(
        study_of(_layer_results.survey, _layer_results.model).probe,
        _layer_results.analysis.layer,
        _layer_results.survey.shape,
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _table(key: tuple[Any, ...], kind: str, _layer_results: StoredLayer) -> pd.DataFrame:
    features = _layer_results.features if kind in _layer_results.kinds else None
    return layer_table(_layer_results.blocks, features, kind, agreements_for(_layer_results))


@st.cache_resource(show_spinner=False, max_entries=8)
def _agreements(key: tuple[Any, ...], _layer_results: StoredLayer) -> tuple[FeatureAgreement, ...]:
    return load_agreements(_layer_results.survey, _layer_results.model, _layer_results.analysis.layer)


@st.cache_data(show_spinner=False, max_entries=16)
def _feature_pictures(key: tuple[str, int, int], kind: str, seed: int, _layer_results: StoredLayer) -> dict[int, str]:
    survey, found = _layer_results.survey, dict[int, str]()
    assert _layer_results.features is not None
    for part in _layer_results.features.parts(kind):
        at = np.flatnonzero((part["seed"] == seed) & ~part["silent"])  # those only show where they began
        if len(at):
            made = thumbnails(rgb(part["images"][at], survey.bands, feature_stretch(_layer_results)))
            found |= dict(zip(part["number"][at].tolist(), made, strict=True))
    return found


@st.cache_data(show_spinner=False, max_entries=8)
def _feature_stretch(key: tuple[str, int, int], _layer_results: StoredLayer) -> Stretch:
    assert _layer_results.features is not None
    first = [next(_layer_results.features.parts(kind), {}).get("images") for kind in KINDS]
    return stretch_of(
        np.concatenate([each[:SAMPLE] for each in first if each is not None]), _layer_results.survey.bands
    )


@st.cache_data(show_spinner=False, max_entries=256)
def _peaks(key: tuple[str, int, int], places: Places, _layer_results: StoredLayer) -> list[str]:
    if not places:
        return []
    rows, y, x = np.array(places, np.int64).T
    pictures = rgb(_layer_results.survey.images(rows), _layer_results.survey.bands, stretch_for(_layer_results.survey))
    return thumbnails(framed_places(pictures, _layer_results.cells, y, x))


@st.cache_data(show_spinner=False, max_entries=64)
def _patches(key: tuple[str, int, int], places: Places, _layer_results: StoredLayer) -> list[str]:
    survey, found = _layer_results.survey, list[str]()
    for start in range(0, len(places), PORTION):
        rows, y, x = np.array(places[start : start + PORTION], np.int64).T
        pieces = pieces_around(survey.images(rows), _layer_results.cells, y, x)
        found += thumbnails(rgb(pieces, survey.bands, stretch_for(survey)))
    return found


@st.cache_resource(show_spinner=False, max_entries=16)
def _atlas(key: tuple[str, int, int], name: str, _layer_results: StoredLayer) -> Atlas:
    assert _layer_results.blocks is not None
    return load_atlas(_layer_results.blocks, name)


@dataclass(frozen=True, eq=False)
class BlocksView:
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


def blocks_view_of(shelf: StoredLayer, row: int) -> BlocksView:
    """A galaxy of the survey in the layer on show, asked once.

    Raises
    ------
    SurveyError
        It has no image.
    """
    return _blocks_view((shelf.model.digest, *shelf.key), row, shelf)


def galaxy_picture(shelf: StoredLayer, row: int) -> str:
    """In colour, as a data URI."""
    (picture,) = thumbnails(_colour(shelf, row)[None])
    return picture


def attributed_picture(shelf: StoredLayer, apart: BlocksView, score: int) -> tuple[str, float]:
    """What each place of the layer adds to a score, over the galaxy; and the limit of the scale."""
    drawn, limit = over_places(
        _colour(shelf, apart.row), apart.blocks.attributions[score].places[0], apart.blocks.cells
    )
    return thumbnails(drawn[None])[0], limit


def group_pictures(shelf: StoredLayer, apart: BlocksView) -> tuple[str, list[str]]:
    """All neuron groups over the galaxy, and each alone."""
    from gz2interp.figures.pieces.cells import over_image

    ground, loads = _colour(shelf, apart.row), apart.blocks.cells.on_pixels(apart.blocks.effects.loads[0])
    inks = class_colours(loads.shape[-1])
    maps = [over_image(ground, loads, inks)]
    maps += [over_image(ground, loads[..., k : k + 1], inks[k : k + 1]) for k in range(loads.shape[-1])]
    whole, *each = thumbnails(np.stack(maps))
    return whole, each


def _colour(shelf: StoredLayer, row: int) -> NDArray[np.uint8]:
    return rgb(shelf.survey.images([row])[0], shelf.survey.bands, stretch_for(shelf.survey))


@st.cache_resource(show_spinner=False, max_entries=16)
def _blocks_view(key: tuple[object, ...], row: int, _layer_results: StoredLayer) -> BlocksView:
    from gz2interp.workflows.building_block_figures import short_score
    from gz2interp.workflows.galaxy_blocks import blocks_of_galaxy

    study = study_of(_layer_results.survey, _layer_results.model)
    found = blocks_of_galaxy(study, int(_layer_results.survey.galaxy_ids[row]), _layer_results.analysis.layer)
    return BlocksView(row, found, tuple(map(short_score, found.scores)), int(np.argmax(found.probabilities)))
