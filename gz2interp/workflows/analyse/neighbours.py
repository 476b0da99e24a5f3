"""The second step of an analysis: who is near whom."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import QUERIES
from gz2interp.embedding.spaces import Space, space_of
from gz2interp.errors import SurveyError
from gz2interp.results import Search
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.searching import GroundAt, neighbours_of_shard
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.opening import Progress
from gz2interp.workflows.shards import Workers, over_shards, shards_of

__all__ = ["space_as_in", "write_neighbours"]


def write_neighbours(
    analysis: Analysis,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Find the neighbours and store them, block by block, as rows of the survey; what is on disk is left alone."""
    k = max(settings.neighbours, settings.map.neighbours)
    blocks = shards_of(np.arange(len(rows)), QUERIES)
    left = [block for block in blocks if not analysis.has_neighbours_from(int(block.rows[0]), len(block.rows))]
    if not left:
        return
    _keep_whitening(analysis, settings)
    done = len(rows) - sum(len(block.rows) for block in left)
    search, place = analysis.search if done else None, GroundAt.of(analysis, settings, k)
    ground = None if cluster else place()
    for block, found in over_shards(partial(neighbours_of_shard, k=k), ground, left, cluster, place):
        search = _agreed(search, found.search)
        if not done:
            analysis.begin_neighbours(len(rows), k, search)
        as_rows = replace(found, rows=np.where(found.rows < 0, -1, rows[found.rows]))
        analysis.write_neighbours_from(int(block.rows[0]), as_rows)
        done += len(block.rows)
        if progress:
            progress("neighbours", done, len(rows))


def space_as_in(analysis: Analysis) -> Space:
    """The space in which an analysis measured distances."""
    return space_of(analysis.table_of_activations, analysis.metric, analysis.whitening)


def _keep_whitening(analysis: Analysis, settings: AnalyseSettings) -> None:
    whitening = space_of(analysis.table_of_activations, settings.metric).whitening
    if whitening is not None:
        analysis.write_whitening(whitening)


def _agreed(known: Search | None, found: Search | None) -> Search | None:
    """How it was searched, which is the same for every block."""
    if known is not None and found != known:
        raise SurveyError(
            "Workers have made different indexes of the same activations",
            "One index, wherever it is made",
            "Use machines of one kind, or ask for exact neighbours with --index exact",
        )
    return found
