"""The second step of an analysis: who is near whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.neighbours import NeighbourIndex, neighbours_in_portions
from gz2interp.embedding.spaces import Space, space_of
from gz2interp.results import Neighbours
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.opening import Progress

__all__ = ["space_as_in", "write_neighbours"]


def write_neighbours(
    analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings, progress: Progress | None
) -> Neighbours:
    """Find the neighbours and store them, portion by portion, as rows of the survey.

    Returns
    -------
    Neighbours
        As positions among `rows`.
    """
    k, activations = max(settings.neighbours, settings.map.neighbours), analysis.table_of_activations
    space = space_of(activations, settings.metric)
    if space.whitening is not None:
        analysis.write_whitening(space.whitening)
    index = NeighbourIndex(activations, index=settings.index, space=space, seed=settings.map.seed, neighbours=k)
    analysis.begin_neighbours(len(rows), k, index.search)
    near, distances = np.empty((len(rows), k), np.int64), np.empty((len(rows), k), np.float32)
    for start, found in neighbours_in_portions(index, activations, k):
        part = slice(start, start + len(found.rows))
        near[part], distances[part] = found.rows, found.distances
        analysis.write_neighbours_from(start, replace(found, rows=np.where(found.rows < 0, -1, rows[found.rows])))
        if progress:
            progress("neighbours", part.stop, len(rows))
    return Neighbours(near, distances, space.metric, index.search)


def space_as_in(analysis: Analysis) -> Space:
    """The space in which an analysis measured distances."""
    return space_of(analysis.table_of_activations, analysis.metric, analysis.whitening)
