"""The first step of an analysis: pooled activations of every galaxy, shard by shard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["write_activations"]


def write_activations(
    analysis: Analysis, subject: Subject, rows: NDArray[np.int64], layer: str, progress: Progress | None
) -> None:
    """Store the activations of the given rows; shards that are on disk already are left alone."""
    starts = [start for start in range(0, len(rows), SHARD_ROWS) if not analysis.has_shard(start // SHARD_ROWS)]
    images = (subject.survey.images(rows[start : start + SHARD_ROWS]) for start in starts)
    values = pooled_activations(subject.probe, images, layer)
    for start, activations in zip(starts, values, strict=True):
        analysis.write_activations(start // SHARD_ROWS, activations, len(rows))
        if progress:
            progress("activations", min(start + SHARD_ROWS, len(rows)), len(rows))
