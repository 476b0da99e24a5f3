"""Clusters and unusual galaxies of an analysis, cached until they change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboards.loading.map import MapData, members_of
from dashboards.loading.pictures import stretch_for
from dashboards.loading.surveys import stamp
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


def clusters_of(analysis: Analysis | None) -> ClusterFolder | None:
    """What is known of the clusters of an analysis; None where nobody has looked for them."""
    if analysis is None:
        return None
    path = analysis.path / "clusters"
    written = stamp(path / "provenance.json")
    return _folder(str(path), written) if written else None


def selected_members(
    ground: MapData, survey: Survey, model: ModelFolder | None, analysis: Analysis | None
) -> NDArray[np.bool_] | None:
    """Which galaxies of the ground are selected by a lasso or a cluster, bool (n,); None where nothing is.

    A cluster that is not there, or no longer, is taken out of the selection, with a word.
    """
    selection = current()
    if not selection.cluster:
        return members_of(ground, selection.lasso) if selection.lasso else None
    folder = clusters_of(analysis)
    if folder is None or folder.clusters.named(selection.cluster) is None:
        add_message(f"There is no cluster “{selection.cluster}” on this map.")
        settle(cluster="")
        return None
    return folder.is_member(selection.cluster)


def mean_pictures_of(survey: Survey, folder: ClusterFolder, name: str) -> list[str]:
    """The mean image of a cluster in colour and then band by band, as data URIs."""
    return _pictures((str(folder.path), stamp(folder.path / "provenance.json"), name), survey, folder)


def outlines_of(ground: MapData, folder: ClusterFolder, scale: str) -> list[Outline]:
    """Where the clusters of a scale lie on the map."""
    return _outlines((ground.key, stamp(folder.path / "provenance.json"), scale), ground, folder)


@st.cache_resource(show_spinner=False, max_entries=8)
def _folder(path: str, written: int) -> ClusterFolder:
    return ClusterFolder(Path(path))


@st.cache_data(show_spinner=False, max_entries=256)
def _pictures(key: tuple[str, int, str], _survey: Survey, _folder: ClusterFolder) -> list[str]:
    image = _folder.mean_image(key[2]) * np.float32(_folder.clusters.light)
    return thumbnails(mean_pictures(image, _survey.bands, stretch_for(_survey)))


@st.cache_resource(show_spinner=False, max_entries=12)
def _outlines(key: tuple[str, int, str], _ground: MapData, _folder: ClusterFolder) -> list[Outline]:
    scale = key[2]
    numbers = _folder.members[scale].to_numpy(np.int64)
    places = {cluster.number: cluster.place for cluster in _folder.clusters.of(scale)}
    return outlines(_ground.points.coordinates, numbers, places, _ground.home)


def unusual_for(survey: Survey, model: ModelFolder, layer: str = "") -> UnusualGalaxies | None:
    """What was found of exactly these data and this network; None where it was not asked."""
    try:
        found = latest_unusual(survey, model, layer)
    except SurveyError:
        return None
    return _unusual((str(found.folder.path), stamp(found.folder.path / "provenance.json")), found)


def has_unusual(analysis: Analysis) -> bool:
    """Whether unusual galaxies have been searched for in an analysis."""
    return unusual_folder(analysis).is_complete


def ratings_for(survey: Survey) -> Ratings:
    """The ratings of a survey."""
    return ratings_of(survey)


def ranking_for(found: UnusualGalaxies, turn: int, without_artefacts: bool = False) -> Ranking:
    """The order as it was when so many acts of rating were noted; by default asked for with the number of now."""
    measured = stamp(found.survey.path / "quality.json") if without_artefacts else 0
    key = (str(found.folder.path), stamp(found.folder.path / "provenance.json"), turn, without_artefacts, measured)
    return _ranking(key, found)


def ratings_csv(survey: Survey) -> bytes:
    """All ratings that count."""
    return ratings_of(survey).table().to_csv(index=False).encode()


@st.cache_resource(show_spinner=False, max_entries=4)
def _unusual(key: tuple[str, int], _found: UnusualGalaxies) -> UnusualGalaxies:
    return _found


@st.cache_resource(show_spinner=False, max_entries=4)
def _ranking(key: tuple[str, int, int, bool, int], _found: UnusualGalaxies) -> Ranking:
    return ranking_of(_found, without_artefacts=key[3])
