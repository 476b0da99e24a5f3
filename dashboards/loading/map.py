"""Data of the map: an embedding or the sky, colours, lassos, comparisons of two layers, and images from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dashboards.loading.attributions import study_of
from dashboards.loading.caching import cached, stamp
from dashboards.loading.surveys import analysis_of, column_of, labels_of, layers_of, model_of, predictions_of
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
    """The points of a map, with a tree that finds the galaxy of a click.

    Attributes
    ----------
    key : str
        Differs for another survey, model or analysis.
    rows : int64 (n,)
        Rows of the survey, ascending.
    tree : scipy.spatial.cKDTree
        Of the coordinates.
    layer : str
        ``""`` for a map of the sky.
    in_order : bool
        Whether the points stand in the catalogue's order, since the catalogue has no positions.
    home : MapWindow
        Shows every galaxy.
    quality : MapQuality, optional
        Of the map, where it was measured.
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
        """The survey's row of the galaxy nearest to a point of the map."""
        return int(self.rows[self.tree.query([x, y])[1]])

    def position_of(self, row: int) -> int | None:
        """The index of a row of the survey among the points; None if it is not on this map."""
        position = int(np.searchsorted(self.rows, row))
        return position if position < len(self.rows) and self.rows[position] == row else None


def _map_key(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> tuple[object, ...]:
    network = (model.digest, stamp(model.path / "predictions.json"), str(model.path)) if model else ()
    quality = stamp(analysis.path / "quality.json") if analysis else 0
    embedding = (str(analysis.path), analysis.provenance.digest, quality) if analysis else ()
    return survey.digest, *network, *embedding


@cached(_map_key, 4, shared=True)
def map_data_of(survey: Survey, model: ModelFolder | None, analysis: Analysis | None) -> MapData:
    """The map of an analysis; without one, the sky."""
    if analysis is not None:
        rows, coordinates, layer = analysis.rows, analysis.embedding.coordinates, analysis.layer
    else:
        (rows, coordinates), layer = _sky(survey), ""
    has_predictions = model is not None and predictions_of(survey, model) is not None
    classes = _words(column_of(survey, model, rows, "prediction")) if has_predictions else ["none"] * len(rows)
    ids = [str(galaxy_id) for galaxy_id in survey.catalog[GALAXY_ID].iloc[rows].tolist()]
    order = np.random.default_rng(0).permutation(len(rows))
    # Unbalanced trees are built five times as fast, and a click is a single query.
    tree = cKDTree(coordinates, balanced_tree=False, compact_nodes=False)
    points = MapPoints(coordinates, ids, _words(labels_of(survey, model).iloc[rows]), classes, order)
    quality = analysis.quality if analysis is not None else None
    key = digest_of([str(part) for part in _map_key(survey, model, analysis)])[:12]
    in_order = analysis is None and not _has_positions(survey)
    return MapData(key, points, rows, tree, layer, window_of(coordinates), quality, in_order)


@cached(lambda survey, model, map_data, column: (map_data.key, column), 16, shared=True)
def colouring_of(survey: Survey, model: ModelFolder | None, map_data: MapData, column: str) -> Colouring:
    """Colours of the map's galaxies by a column of the catalogue or of the predictions."""
    values = column_of(survey, model, map_data.rows, column)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return scale(column, values.to_numpy(np.float64, na_value=np.nan))
    if column in (LABEL, "prediction"):
        values = values.map(lambda name: name_in_words(str(name)), na_action="ignore")
    return categories(column, values.astype(object).where(values.notna(), None).tolist())


@cached(lambda map_data, lasso: (map_data.key, lasso), 16)
def members_of(map_data: MapData, lasso: Polygon) -> NDArray[np.bool_]:
    """Which of the map's galaxies lie inside a lasso, bool (n,)."""
    return inside_polygon(map_data.points.coordinates, np.array(lasso, dtype=np.float64).reshape(-1, 2))


def _sky(survey: Survey) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """East to the left; right ascension is multiplied by the cosine of the median declination."""
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
    """Rows of a square, from left to right and from top to bottom, in the catalogue's order."""
    rows = np.arange(n)
    side = max(int(np.ceil(np.sqrt(n))), 1)
    return rows, np.stack([rows % side, -(rows // side)], axis=1).astype(np.float32)


def _words(classes: pd.Series[Any]) -> list[str]:
    """The names of classes as they are displayed."""
    pairs = zip(classes.tolist(), classes.notna(), strict=True)
    return [name_in_words(str(name)) if is_known else "none" for name, is_known in pairs]


NEIGHBOURS = 15


def analysed_layers(survey: Survey) -> list[tuple[str, str]]:
    """Model and layer of every analysis."""
    return [(name, layer) for name in survey.models() for layer in layers_of(survey, model_of(survey, name))]


def default_pair(survey: Survey, layers: list[tuple[str, str]]) -> tuple[int, int]:
    """Which two are selected first: the first that have been compared, else the first two."""
    from gz2interp.workflows.compare import has_aligned_map

    for one, first in enumerate(layers):
        for two, second in enumerate(layers):
            if one != two and has_aligned_map(survey, *_representations(survey, first, second)):
                return one, two
    return 0, 1


def comparison_of(survey: Survey, first: tuple[str, str], second: tuple[str, str]) -> Comparison | None:
    """The comparison of two layers on the same galaxies; None where they have not been compared yet.

    Raises
    ------
    SurveyError
        They have no galaxy in common.
    """
    from gz2interp.workflows.compare import has_aligned_map

    pair = _representations(survey, first, second)
    if not has_aligned_map(survey, *pair):
        return None
    analyses = [analysis_of(survey, layer.model, layer.layer) for layer in pair]
    paths = tuple(str(analysis.path) for analysis in analyses if analysis)
    neighbours = min(NEIGHBOURS, *(analysis.n_neighbours for analysis in analyses if analysis))
    return _comparison(survey, *pair, neighbours, paths)


def _representations(
    survey: Survey, first: tuple[str, str], second: tuple[str, str]
) -> tuple[Representation, Representation]:
    from gz2interp.workflows.compare import Representation

    return Representation(model_of(survey, first[0]), first[1]), Representation(model_of(survey, second[0]), second[1])


@cached(lambda survey, first, second, neighbours, paths: (survey.digest, paths, neighbours), 4, shared=True)
def _comparison(
    survey: Survey, first: Representation, second: Representation, neighbours: int, paths: tuple[str, ...]
) -> Comparison:
    from gz2interp.workflows.compare import compare

    return compare(survey, first, second, neighbours)


def _analysis_key(survey: Survey, analysis: Analysis) -> tuple[str, str, str]:
    return str(analysis.path), analysis.provenance.digest, survey.digest


@cached(lambda survey, model, analysis, *file: (_analysis_key(survey, analysis), file), 64)
def place_of_file(
    survey: Survey, model: ModelFolder, analysis: Analysis, name: str, content: bytes
) -> tuple[float, float]:
    """The position (x, y) on the map of an image from a file.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    """
    from gz2interp.workflows.place import place_images

    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        table = place_images(study_of(survey, model), [file], analysis.layer, _placer(survey, analysis))
    return float(table["x"].iloc[0]), float(table["y"].iloc[0])


@cached(_analysis_key, 2, shared=True)
def _placer(survey: Survey, analysis: Analysis) -> Placer:
    from gz2interp.workflows.analysis_steps import placer_of

    return placer_of(analysis)
