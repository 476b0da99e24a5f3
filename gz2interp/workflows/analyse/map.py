"""The last step of an analysis: a map drawn from the graph of neighbours."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.placing import Placer
from gz2interp.embedding.projection import MapSettings
from gz2interp.embedding.sampled import draw_map
from gz2interp.embedding.spaces import space_of
from gz2interp.results import Neighbours, Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.neighbours import space_as_in
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["map_settings_of", "placer_of", "write_map"]


def write_map(
    analysis: Analysis,
    subject: Subject,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
) -> None:
    """Store the map of the given rows, whose neighbours have been stored."""
    if progress:
        progress("map", 0, len(rows))
    told = partial(progress, "map") if progress else None
    table = analysis.table_of_activations
    space = space_of(table, settings.metric, analysis.whitening)
    drawn = draw_map(table, _neighbours(analysis, rows, settings), settings.map, told, space=space)
    analysis.write_table(rows, subject.survey.galaxy_ids[rows], drawn.embedding, drawn.laid_out)
    if progress:
        progress("map", len(rows), len(rows))


def _neighbours(analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings) -> Neighbours:
    """As positions among the rows; of none where a sample is laid out, which finds its own."""
    few = len(rows) <= settings.map.sample
    found = Analysis(analysis.path).neighbours(None if few else [], settings.metric)
    return replace(found, rows=np.where(found.rows < 0, -1, np.searchsorted(rows, found.rows)))


def map_settings_of(made: Provenance) -> MapSettings:
    """What shaped a map, from its provenance."""
    told, usual = made.parameters, MapSettings()
    return MapSettings(
        neighbours=int(told.get("map_neighbours", usual.neighbours)),
        min_dist=float(told.get("min_dist", usual.min_dist)),
        seed=made.seed or 0,
        density=told.get("map") == "densmap",
        sample=int(told.get("map_sample", usual.sample)),
    )


def placer_of(analysis: Analysis) -> Placer:
    """What places galaxies on an analysis' map: it goes by those that were laid out."""
    laid_out = np.flatnonzero(analysis.laid_out)
    activations = analysis.activations(None if len(laid_out) == len(analysis.rows) else laid_out)
    places = analysis.embedding.coordinates[laid_out]
    return Placer(activations, places, space_as_in(analysis), map_settings_of(analysis.provenance))
