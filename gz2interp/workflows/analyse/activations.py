"""The first step of an analysis: pooled activations of every galaxy, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.workflows.analyse.settings import OVER_VIEWS
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["activations_as_in", "write_activations"]


def write_activations(
    analysis: Analysis, subject: Subject, rows: NDArray[np.int64], made: Provenance, progress: Progress | None
) -> None:
    """Store the activations of the given rows; shards that are on disk already are left alone."""
    starts = [start for start in range(0, len(rows), SHARD_ROWS) if not analysis.has_shard(start // SHARD_ROWS)]
    values = _answers(subject, [rows[start : start + SHARD_ROWS] for start in starts], made)
    for start, activations in zip(starts, values, strict=True):
        analysis.write_activations(start // SHARD_ROWS, activations, len(rows))
        if progress:
            progress("activations", min(start + SHARD_ROWS, len(rows)), len(rows))


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
    (values,) = pooled_activations(subject.probe, [images], made.layer, _over_views(made))
    return values


def _over_views(made: Provenance) -> bool:
    return bool(made.parameters["pooling"] == OVER_VIEWS)


def _answers(subject: Subject, parts: Sequence[NDArray[np.int64]], made: Provenance) -> Iterator[NDArray[np.float32]]:
    latents = subject.model.latents
    if latents is None:
        images = (subject.survey.images(part) for part in parts)
        return pooled_activations(subject.probe, images, made.layer, _over_views(made))
    there = latents.rows
    return (latents.values(np.searchsorted(there, part)) for part in parts)
