"""The second step of an analysis: who is near whom."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.neighbours import nearest_neighbours
from gz2interp.results import Neighbours
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.opening import Progress

__all__ = ["write_neighbours"]


def write_neighbours(
    analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings, progress: Progress | None
) -> Neighbours:
    """Find and store the neighbours; they are returned as positions among `rows`, and stored as rows of the survey."""
    k = max(settings.neighbours, settings.map.neighbours)
    told = partial(progress, "neighbours") if progress else None
    found = nearest_neighbours(analysis.activations(), k, settings.metric, told)
    as_rows = np.where(found.rows < 0, -1, rows[found.rows])
    analysis.write_neighbours(Neighbours(as_rows, found.distances, found.metric))
    return found
