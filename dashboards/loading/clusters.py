"""Clusters and unusual galaxies of an analysis, cached until they change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboards.loading.caching import cached, stamp
from dashboards.loading.map import MapData, members_of
from dashboards.loading.pictures import stretch_for
from dashboards.selection import add_message, current, settle
from gz2interp.errors import SurveyError
from gz2interp.figures.clusters import Outline, mean_pictures, outlines
from gz2interp.figures.rgb import thumbnails
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import ClusterFolder, unusual_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.ratings import Ratings
from gz2interp.stores.survey import Survey
from gz2interp.workflows.rating import Ranking, ranking_of, ratings_of
from gz2interp.workflows.unusual_results import UnusualGalaxies, latest_unusual

__all__ = [
    "clusters_of",
    "has_unusual",
    "mean_pictures_of",
    "outlines_of",
    "ranking_for",
    "ratings_csv",
    "ratings_for",
    "selected_members",
    "unusual_for",
]


def _written(folder: Path) -> tuple[str, int]:
    return str(folder), stamp(folder / "provenance.json")


@cached(_written, 8, shared=True)
def _folder(path: Path) -> ClusterFolder:
    return ClusterFolder(path)


def clusters_of(analysis: Analysis | None) -> ClusterFolder | None:
    """The clusters of an analysis; None where none were computed."""
    if analysis is None:
        return None
    path = analysis.path / "clusters"
    return _folder(path) if stamp(path / "provenance.json") else None


def selected_members(
    map_data: MapData, survey: Survey, model: ModelFolder | None, analysis: Analysis | None
) -> NDArray[np.bool_] | None:
    """Which galaxies of the map are selected by a lasso or a cluster, bool (n,); None without a selection.

    A cluster that does not exist, or no longer, is taken out of the selection, with a message.
    """
    selection = current()
    if not selection.cluster:
        return members_of(map_data, selection.lasso) if selection.lasso else None
    folder = clusters_of(analysis)
    if folder is None or folder.clusters.named(selection.cluster) is None:
        add_message(f"There is no cluster “{selection.cluster}” on this map.")
        settle(cluster="")
        return None
    return folder.is_member(selection.cluster)


@cached(lambda survey, folder, name: (*_written(folder.path), name), 256)
def mean_pictures_of(survey: Survey, folder: ClusterFolder, name: str) -> list[str]:
    """The mean image of a cluster in colour and then band by band, as data URIs."""
    image = folder.mean_image(name) * np.float32(folder.clusters.light)
    return thumbnails(mean_pictures(image, survey.bands, stretch_for(survey)))


@cached(lambda map_data, folder, scale: (map_data.key, stamp(folder.path / "provenance.json"), scale), 12, shared=True)
def outlines_of(map_data: MapData, folder: ClusterFolder, scale: str) -> list[Outline]:
    """The outlines of the clusters of a scale on the map."""
    numbers = folder.members[scale].to_numpy(np.int64)
    places = {cluster.number: cluster.place for cluster in folder.clusters.of(scale)}
    return outlines(map_data.points.coordinates, numbers, places, map_data.home)


def unusual_for(survey: Survey, model: ModelFolder, layer: str = "") -> UnusualGalaxies | None:
    """The scores of exactly these data and this network; None where they were not computed."""
    try:
        return _unusual(latest_unusual(survey, model, layer))
    except SurveyError:
        return None


@cached(lambda galaxies: _written(galaxies.folder.path), 4, shared=True)
def _unusual(galaxies: UnusualGalaxies) -> UnusualGalaxies:
    """One object for all runs, since it reads its tables once."""
    return galaxies


def has_unusual(analysis: Analysis) -> bool:
    """Whether unusual galaxies have been searched for in an analysis."""
    return unusual_folder(analysis).is_complete


def ratings_for(survey: Survey) -> Ratings:
    """The ratings of a survey."""
    return ratings_of(survey)


def _ranking_key(galaxies: UnusualGalaxies, turn: int, without_artefacts: bool = False) -> tuple[object, ...]:
    quality = stamp(galaxies.survey.path / "quality.json") if without_artefacts else 0
    return *_written(galaxies.folder.path), turn, without_artefacts, quality


@cached(_ranking_key, 4, shared=True)
def ranking_for(galaxies: UnusualGalaxies, turn: int, without_artefacts: bool = False) -> Ranking:
    """The order after `turn` changes of the ratings: the number of changes so far gives the current order."""
    return ranking_of(galaxies, without_artefacts=without_artefacts)


def ratings_csv(survey: Survey) -> bytes:
    """The valid ratings of a survey as CSV."""
    return ratings_of(survey).table().to_csv(index=False).encode()
