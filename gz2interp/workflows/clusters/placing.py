"""The cluster in which a place of the map lies: that of a galaxy which is not in the survey, for example."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gz2interp.embedding.clusters import BETWEEN, MapClusters
from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import ClusterFolder

__all__ = ["clusters_at"]


def clusters_at(analysis: Analysis, coordinates: ArrayLike) -> list[dict[str, str]]:
    """The clusters in which places of an analysis' map lie.

    Parameters
    ----------
    analysis : Analysis
    coordinates : float (m, 2)

    Returns
    -------
    list of dict, m
        By scale the cluster's name; "" between the clusters.

    Raises
    ------
    SurveyError
        Nobody has looked for clusters on this map.
    InputError
        The coordinates are no pairs of numbers.
    """
    folder = ClusterFolder(analysis.path / "clusters")
    if folder.provenance is None:
        raise SurveyError(
            f"Nobody has looked for clusters in {analysis.layer}", remedy="Run gz2interp clusters SURVEY first"
        )
    found = folder.clusters
    labels = {scale: folder.members[scale].to_numpy(np.int64) - 1 for scale in found.scales}
    reach = {scale: np.array(found.reach[scale], np.float64) for scale in found.scales}
    kept = MapClusters(np.asarray(analysis.embedding.coordinates, np.float64), labels, reach, found.samples)
    placed = {scale: kept.place(coordinates, scale) for scale in found.scales}
    count = len(np.asarray(coordinates))
    return [
        {scale: "" if at[row] == BETWEEN else f"{scale}-{at[row] + 1}" for scale, at in placed.items()}
        for row in range(count)
    ]
