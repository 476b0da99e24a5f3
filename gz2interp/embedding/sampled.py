"""The map of a survey of any size: laid out whole, or on a sample among which the others are placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import NeighbourIndex, neighbours_in_portions
from gz2interp.embedding.placing import Placer
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.embedding.spaces import MetricSpace, VectorTable, portions_of, space_of, take
from gz2interp.results import Embedding, Neighbours

__all__ = ["SurveyMap", "draw_map", "drawn"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class SurveyMap:
    """A map, and who made it.

    Attributes
    ----------
    embedding : Embedding
    laid_out : bool (n,)
        False for the galaxies that were placed among the others.
    """

    embedding: Embedding
    laid_out: Bools


def drawn(n: int, settings: MapSettings) -> Bools:
    """Which of n galaxies shape the map, bool (n,): all, or a sample that follows from the seed."""
    if n <= settings.sample:
        return np.ones(n, np.bool_)
    chosen = np.zeros(n, np.bool_)
    chosen[np.random.default_rng(settings.seed).choice(n, settings.sample, replace=False)] = True
    return chosen


def draw_map(
    activations: VectorTable,
    neighbours: Neighbours,
    settings: MapSettings,
    progress: Callable[[int, int], None] | None = None,
    *,
    space: MetricSpace | None = None,
    start: Floats | None = None,
) -> SurveyMap:
    """Lay out a map; beyond ``settings.sample`` galaxies of a sample, with the others placed.

    Parameters
    ----------
    activations : float32 (n, channel)
        Wherever they lie; where a sample is laid out, they are read a portion at a time.
    neighbours : Neighbours
        Positions among `activations`; of a sample the neighbours are found anew, exactly and among the sample.
    settings : MapSettings
    progress : callable, optional
        Called with (galaxies that have a place, galaxies in all).
    space : MetricSpace, optional
        That of the neighbours, if it is known; a sample is then measured as all were.
    start : float32 (n, 2), optional
        Places to begin with, see `project`.
    """
    n = activations.shape[0]
    chosen = drawn(n, settings)
    if chosen.all():
        return SurveyMap(project(np.asarray(activations[:]), neighbours, settings, start), chosen)
    few, near = take(activations, np.flatnonzero(chosen)), space or space_of(activations, neighbours.metric)
    embedding = project(few, _among(few, near, settings), settings, None if start is None else start[chosen])
    places = np.empty((n, 2), np.float32)
    places[chosen] = embedding.coordinates
    placer, done = Placer(few, embedding.coordinates, near, settings), len(few)
    for first, portion in portions_of(activations, _BLOCK):
        others = np.flatnonzero(~chosen[first : first + len(portion)])
        places[first + others] = placer.place(portion[others]).coordinates
        done += len(others)
        if progress:
            progress(done, n)
    return SurveyMap(Embedding(places, embedding.method), chosen)


def _among(few: Floats, space: MetricSpace, settings: MapSettings) -> Neighbours:
    """The exact neighbours among a sample."""
    index = NeighbourIndex(few, index="exact", space=space)
    found = [near for _, near in neighbours_in_portions(index, few, settings.neighbours)]
    rows, distances = (np.concatenate([getattr(each, part) for each in found]) for part in ("rows", "distances"))
    return Neighbours(rows, distances, space.metric, index.search)
