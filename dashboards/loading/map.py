"""Data of the map: an embedding or the sky, colours, lassos, comparisons of two layers, and placed images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dashboards.loading.attributions import study_of
from dashboards.loading.surveys import analysis_of, column_of, labels_of, layers_of, model_of, predictions_of, stamp
from gz2interp.figures.colours import Colouring, categories, scale
from gz2interp.figures.density import MapWindow, inside_polygon, window_of
from gz2interp.figures.map import MapPoints
from gz2interp.map_quality import MapQuality
from gz2interp.results import digest_of
from gz2interp.schema import DEC, GALAXY_ID, LABEL, RA, name_in_words
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.embedding.placing import Placer
    from gz2interp.workflows.compare import Comparison, Representation

__all__ = [
    "MapData",
    "analysed_layers",
    "colouring_of",
    "comparison_of",
    "default_pair",
    "map_data_of",
    "members_of",
    "place_of_file",
]


Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class MapData:
    """What a map shows, with what it takes to answer a click.

    Attributes
    ----------
    key : str
        Names this ground: another survey, model or analysis is another one.
    points : MapPoints
    rows : int64 (n,)
        Rows of the survey, ascending.
    tree : scipy.spatial.cKDTree
        Of the coordinates.
    layer : str
        ``""`` for a map of the sky.
    in_order : bool
        Whether it is no map but the catalogue's order, since the catalogue has no positions.
    home : MapWindow
        Shows every galaxy.
    quality : MapQuality, optional
        How far the map can be believed, where that was measured.
    """

    key: str
    points: MapPoints
    rows: NDArray[np.int64]
    tree: Any
    layer: str
    home: MapWindow
    quality: MapQuality | None = None
    in_order: bool = False

    def nearest(self, x: float, y: float) -> int:
        """The survey's row of the galaxy nearest to a place on the map."""
        return int(self.rows[self.tree.query([x, y])[1]])

    def position_of(self, row: int) -> int | None:
        """Where a row of the survey stands among the points; None if it is not on this map."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None


def map_data_of(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> MapData:
    """The map of an analysis; without one, the sky."""
    predicted = (model.digest, stamp(model.path / "predictions.json"), str(model.path)) if model else ()
    judged = stamp(analysis.path / "quality.json") if analysis else 0
    place = (str(analysis.path), analysis.provenance.digest, judged) if analysis else ()
    return _map_data((survey.digest, *predicted, *place), survey, model, analysis)


def colouring_of(survey: Survey, model: ModelFolder | None, ground: MapData, column: str) -> Colouring:
    """Colours of the ground's galaxies by a column of the catalogue or of the predictions."""
    return _colouring((ground.key, column), survey, model, ground)


def members_of(ground: MapData, lasso: Polygon) -> NDArray[np.bool_]:
    """Which of the ground's galaxies lie inside a lasso, bool (n,)."""
    return _members((ground.key, lasso), ground)


@st.cache_resource(show_spinner=False, max_entries=4)
def _map_data(key: tuple[Any, ...], _survey: Survey, _model: ModelFolder | None, _analysis: Analysis | None) -> MapData:
    if _analysis is not None:
        rows, coordinates, layer = _analysis.rows, _analysis.embedding.coordinates, _analysis.layer
    else:
        (rows, coordinates), layer = _sky(_survey), ""
    asked = _model is not None and predictions_of(_survey, _model) is not None
    told = _words(column_of(_survey, _model, rows, "prediction")) if asked else ["none"] * len(rows)
    ids = [str(galaxy_id) for galaxy_id in _survey.catalog[GALAXY_ID].iloc[rows].tolist()]
    order = np.random.default_rng(0).permutation(len(rows))
    # Unbalanced trees are built five times as fast, and a click asks one question.
    tree = cKDTree(coordinates, balanced_tree=False, compact_nodes=False)
    points = MapPoints(coordinates, ids, _words(labels_of(_survey, _model).iloc[rows]), told, order)
    quality = _analysis.quality if _analysis is not None else None
    named = digest_of([str(part) for part in key])[:12]
    in_order = _analysis is None and not _has_positions(_survey)
    return MapData(named, points, rows, tree, layer, window_of(coordinates), quality, in_order)


@st.cache_resource(show_spinner=False, max_entries=16)
def _colouring(key: tuple[str, str], _survey: Survey, _model: ModelFolder | None, _map_data: MapData) -> Colouring:
    column = key[1]
    values = column_of(_survey, _model, _map_data.rows, column)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return scale(column, values.to_numpy(np.float64, na_value=np.nan))
    if column in (LABEL, "prediction"):
        values = values.map(lambda name: name_in_words(str(name)), na_action="ignore")
    return categories(column, values.astype(object).where(values.notna(), None).tolist())


@st.cache_data(show_spinner=False, max_entries=16)
def _members(key: tuple[str, Polygon], _map_data: MapData) -> NDArray[np.bool_]:
    return inside_polygon(_map_data.points.coordinates, np.array(key[1], dtype=np.float64).reshape(-1, 2))


def _sky(survey: Survey) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """East to the left, as the sky is seen; degrees of right ascension shortened to those of a great circle."""
    ra, dec = (survey.catalog[column].to_numpy(np.float64) for column in (RA, DEC))
    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(rows):
        return _in_order(len(survey))
    middle = float(np.median(dec[rows])) if len(rows) else 0.0
    centred = (ra[rows] + 180) % 360 - 180 if len(rows) and np.ptp(ra[rows]) > 300 else ra[rows]
    return rows, np.stack([-centred * np.cos(np.radians(middle)), dec[rows]], axis=1).astype(np.float32)


def _has_positions(survey: Survey) -> bool:
    return bool((survey.catalog[RA].notna() & survey.catalog[DEC].notna()).any())


def _in_order(n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of a square, from the left and from the top, in the catalogue's order."""
    rows = np.arange(n)
    side = max(int(np.ceil(np.sqrt(n))), 1)
    return rows, np.stack([rows % side, -(rows // side)], axis=1).astype(np.float32)


def _words(values: pd.Series[Any]) -> list[str]:
    """Of classes, as one writes them."""
    told = zip(values.tolist(), values.notna(), strict=True)
    return [name_in_words(str(value)) if said else "none" for value, said in told]


NEIGHBOURS = 15


def analysed_layers(survey: Survey) -> list[tuple[str, str]]:
    """Model and layer of everything that has been analysed."""
    return [(name, layer) for name in survey.models() for layer in layers_of(survey, model_of(survey, name))]


def default_pair(survey: Survey, sides: list[tuple[str, str]]) -> tuple[int, int]:
    """Which two are shown first: the first that have been compared, else the first two."""
    from gz2interp.workflows.compare import is_compared

    for one, first in enumerate(sides):
        for two, second in enumerate(sides):
            if one != two and is_compared(survey, *_representations(survey, first, second)):
                return one, two
    return 0, 1


def comparison_of(survey: Survey, first: tuple[str, str], second: tuple[str, str]) -> Comparison | None:
    """What two sides say of the same galaxies; None where their maps have not been laid side by side yet.

    Raises
    ------
    SurveyError
        They have no galaxy in common.
    """
    from gz2interp.workflows.compare import is_compared

    sides = _representations(survey, first, second)
    if not is_compared(survey, *sides):
        return None
    made = [analysis_of(survey, side.model, side.layer) for side in sides]
    key = tuple(str(each.path) for each in made if each)
    kept = min(each.kept for each in made if each)
    return _comparison((survey.digest, *key), survey, sides[0], sides[1], min(NEIGHBOURS, kept))


def _representations(survey: Survey, first: tuple[str, str], second: tuple[str, str]) -> list[Representation]:
    from gz2interp.workflows.compare import Representation

    return [Representation(model_of(survey, name), layer) for name, layer in (first, second)]


@st.cache_resource(show_spinner=False, max_entries=4)
def _comparison(
    key: tuple[str, ...], _survey: Survey, _first: Representation, _second: Representation, neighbours: int
) -> Comparison:
    from gz2interp.workflows.compare import compare

    return compare(_survey, _first, _second, neighbours)


def place_of_file(
    survey: Survey, model: ModelFolder, analysis: Analysis, name: str, content: bytes
) -> tuple[float, float]:
    """The place (x, y) of an image from a file, found once for each file and map.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    """
    return _place(
        (str(analysis.path), analysis.provenance.digest, survey.digest), name, content, survey, model, analysis
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _place(
    key: tuple[str, ...], name: str, content: bytes, _survey: Survey, _model: ModelFolder, _analysis: Analysis
) -> tuple[float, float]:
    from gz2interp.workflows.place import place_images

    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        study = study_of(_survey, _model)
        table = place_images(study, [file], _analysis.layer, _placer(key, _analysis))
    return float(table["x"].iloc[0]), float(table["y"].iloc[0])


@st.cache_resource(show_spinner=False, max_entries=2)
def _placer(key: tuple[str, ...], _analysis: Analysis) -> Placer:
    from gz2interp.workflows.analysis_steps import placer_of

    return placer_of(_analysis)
