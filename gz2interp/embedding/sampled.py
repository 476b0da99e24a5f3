"""The map of a survey of any size: of all galaxies, or of a sample among which the others are placed."""

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

__all__ = ["SurveyMap", "draw_map", "layout_sample"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class SurveyMap:
    """A map; `laid_out` bool (n,) is False for the galaxies that were placed after the projection."""

    embedding: Embedding
    laid_out: Bools


def layout_sample(n: int, settings: MapSettings) -> Bools:
    """Mask of the galaxies that are projected, bool (n,): all, or a random sample."""
    if n <= settings.sample:
        return np.ones(n, np.bool_)
    sample = np.zeros(n, np.bool_)
    sample[np.random.default_rng(settings.seed).choice(n, settings.sample, replace=False)] = True
    return sample


def draw_map(
    activations: VectorTable,
    neighbours: Neighbours,
    settings: MapSettings,
    progress: Callable[[int, int], None] | None = None,
    *,
    space: MetricSpace | None = None,
    start: Floats | None = None,
) -> SurveyMap:
    """Project all galaxies, or a sample of ``settings.sample`` of them and place the others.

    Parameters
    ----------
    activations : float32 (n, channel)
        Read in portions where a sample is projected.
    neighbours : Neighbours
        Positions among `activations`; of a sample the neighbours are searched again within it.
    settings : MapSettings
    progress : callable, optional
        Called with (galaxies that have a place, galaxies in all).
    space : MetricSpace, optional
        That of the neighbours; by default it is fitted to the activations.
    start : float32 (n, 2), optional
        Initial places, see `project`.
    """
    n = activations.shape[0]
    in_sample = layout_sample(n, settings)
    if in_sample.all():
        return SurveyMap(project(np.asarray(activations[:]), neighbours, settings, start), in_sample)
    sample, space = take(activations, np.flatnonzero(in_sample)), space or space_of(activations, neighbours.metric)
    graph = _sample_neighbours(sample, space, settings)
    embedding = project(sample, graph, settings, None if start is None else start[in_sample])
    places = np.empty((n, 2), np.float32)
    places[in_sample] = embedding.coordinates
    placer, done = Placer(sample, embedding.coordinates, space, settings), len(sample)
    for first, portion in portions_of(activations, _BLOCK):
        others = np.flatnonzero(~in_sample[first : first + len(portion)])
        places[first + others] = placer.place(portion[others]).coordinates
        done += len(others)
        if progress:
            progress(done, n)
    return SurveyMap(Embedding(places, embedding.method), in_sample)


def _sample_neighbours(sample: Floats, space: MetricSpace, settings: MapSettings) -> Neighbours:
    """The exact neighbours within a sample."""
    index = NeighbourIndex(sample, index="exact", space=space)
    parts = [neighbours for _, neighbours in neighbours_in_portions(index, sample, settings.neighbours)]
    rows, distances = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "distances"))
    return Neighbours(rows, distances, space.metric, index.search)
