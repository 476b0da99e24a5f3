"""The first step of an analysis: pooled activations of every galaxy, shard by shard."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.cluster import SubjectAt
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.shards import Shard, Workers, over_shards, shards_of

__all__ = ["activations_of_shard", "write_activations"]


def write_activations(
    analysis: Analysis,
    subject: Subject,
    rows: NDArray[np.int64],
    layer: str,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Store the activations of the given rows; shards that are on disk already are left alone."""
    left = [shard for shard in shards_of(rows) if not analysis.has_shard(shard.number)]
    done = len(rows) - sum(len(shard.rows) for shard in left)
    job = partial(activations_of_shard, layer=layer)
    for shard, values in over_shards(job, subject, left, cluster, SubjectAt.of(subject)):
        analysis.write_activations(shard.number, values, len(rows))
        done += len(shard.rows)
        if progress:
            progress("activations", done, len(rows))


def activations_of_shard(subject: Subject, shard: Shard, layer: str) -> NDArray[np.float32]:
    """The spatial mean of each channel of a layer, float32 (n, channel)."""
    return subject.probe.activations(subject.survey.images(shard.rows), layer, pooled=True)
