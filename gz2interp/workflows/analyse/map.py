"""The last step of an analysis: a map drawn from the graph of neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.projection import project
from gz2interp.results import Neighbours
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["write_map"]


def write_map(
    analysis: Analysis,
    subject: Subject,
    rows: NDArray[np.int64],
    neighbours: Neighbours,
    settings: AnalyseSettings,
    progress: Progress | None,
) -> None:
    """Store the map of the given rows; `neighbours` are positions among them."""
    if progress:
        progress("map", 0, 1)
    embedding = project(analysis.activations(), neighbours, settings.map)
    analysis.write_table(rows, subject.survey.galaxy_ids[rows], embedding)
    if progress:
        progress("map", 1, 1)
