"""The first step of an analysis: pooled activations of every galaxy, shard by shard."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.workflows.analyse.settings import OVER_VIEWS
from gz2interp.workflows.cluster import SubjectAt
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.shards import Shard, Workers, over_shards, shards_of

__all__ = ["activations_as_in", "activations_of_shard", "write_activations"]


def write_activations(
    analysis: Analysis,
    subject: Subject,
    rows: NDArray[np.int64],
    made: Provenance,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Store the activations of the given rows; shards that are on disk already are left alone."""
    left = [shard for shard in shards_of(rows) if not analysis.has_shard(shard.number)]
    done = len(rows) - sum(len(shard.rows) for shard in left)
    job = partial(activations_of_shard, layer=made.layer, views=_over_views(made))
    for shard, values in over_shards(job, subject, left, cluster, SubjectAt.of(subject)):
        analysis.write_activations(shard.number, values, len(rows))
        done += len(shard.rows)
        if progress:
            progress("activations", done, len(rows))


def activations_of_shard(subject: Subject, shard: Shard, layer: str, views: bool = False) -> NDArray[np.float32]:
    """What a layer says of the galaxies of a shard, or their latents, float32 (n, channel)."""
    latents = subject.model.latents
    if latents is not None:
        return latents.values(shard.number * SHARD_ROWS + np.arange(len(shard.rows)))
    return _pooled(subject, subject.survey.images(shard.rows), layer, views)


def activations_as_in(analysis: Analysis, subject: Subject, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the analysed layer says of other images, pooled as the survey's were.

    Parameters
    ----------
    analysis : Analysis
    subject : Subject
    images : float32 (n, y, x, band), nanomaggies

    Returns
    -------
    float32 (n, channel)
    """
    made = analysis.provenance
    return _pooled(subject, images, made.layer, _over_views(made))


def _pooled(subject: Subject, images: NDArray[np.float32], layer: str, views: bool) -> NDArray[np.float32]:
    (values,) = pooled_activations(subject.probe, [images], layer, views)
    return values


def _over_views(made: Provenance) -> bool:
    return bool(made.parameters["pooling"] == OVER_VIEWS)
