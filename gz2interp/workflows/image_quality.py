"""``gz2interp quality``: the quality of each image of a survey, measured once and stored with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.measure.image_quality import image_quality
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import locked
from gz2interp.stores.quality import QualityFile
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_parquet
from gz2interp.workflows.shards import Shard, SurveyAt, Workers, over_shards
from gz2interp.workflows.study import Progress

__all__ = ["quality", "quality_of_rows", "quality_of_shard", "quality_provenance"]

VERSION = 1
"""Version of the measurements; a table of another version is measured again."""


def quality(
    survey: Survey,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    cluster: Workers | None = None,
) -> pd.DataFrame:
    """Measure the quality of every image, a shard of 256 galaxies at a time.

    A table that is up to date is returned as it is; an interrupted run is resumed.

    Parameters
    ----------
    stop : callable, optional
        Called before each shard; if it returns True the run ends like an interrupted one.
    cluster : Workers, optional
        Workers that measure; by default this process.

    Returns
    -------
    DataFrame
        row, galaxy_id, and the columns of `gz2interp.measure.image_quality.image_quality`; ``psf_from`` is the source
        of the PSF's width: ``"survey"``, ``"stars"`` in the cutout, or "".

    Raises
    ------
    SurveyError
        No galaxy of the survey has an image, or the run was stopped.
    """
    rows = np.flatnonzero(survey.usable)
    if not len(rows):
        raise SurveyError(f"No galaxy of {survey.name} has an image", "At least one", "Run gz2interp survey check")
    provenance, file = quality_provenance(survey), QualityFile(survey)
    if not file.is_of(provenance):
        with locked(survey.path / ".quality.lock", f"measuring the images of {survey.path}"):
            _measure(survey, file, provenance, rows, progress, stop, cluster)
    return read_parquet(file.path)


def _measure(
    survey: Survey,
    file: QualityFile,
    provenance: Provenance,
    rows: NDArray[np.int64],
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    cluster: Workers | None,
) -> None:
    numbers, starts = np.unique(rows // SHARD_ROWS, return_index=True)
    parts = zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True)
    left = [Shard(number, part) for number, part in parts if not file.has_part(provenance, number)]
    done, shards = len(numbers) - len(left), numbers.tolist()
    shards_left = _stoppable(stop, left, survey)
    for shard, table in over_shards(quality_of_shard, survey, shards_left, cluster, SurveyAt.of(survey)):
        file.write_part(provenance, shard.number, table)
        done += 1
        if progress:
            progress("quality", done, len(shards))
    file.complete(provenance, shards)


def _stoppable(stop: Callable[[], bool] | None, shards: Iterable[Shard], survey: Survey) -> Iterator[Shard]:
    for shard in shards:
        if stop is not None and stop():
            raise SurveyError("Measuring was stopped", remedy=f"Run gz2interp quality {survey.path} to go on")
        yield shard


def quality_of_shard(survey: Survey, shard: Shard) -> pd.DataFrame:
    """`quality_of_rows` of a shard."""
    return quality_of_rows(survey, shard.rows)


def quality_of_rows(survey: Survey, rows: NDArray[np.int64]) -> pd.DataFrame:
    """The quality of some images."""
    entries = survey.journal.entries_of(rows)
    psf_fwhm = entries[[f"psf_fwhm_{band}" for band in survey.bands]].to_numpy(np.float32)
    scale = entries["pixel_scale"].to_numpy(np.float32)
    columns = image_quality(survey.images(rows), survey.valid(rows), survey.bands, scale, psf_fwhm)
    widths = np.stack([columns[f"psf_{band}"] for band in survey.bands], axis=1)
    from_stars = np.where(np.isfinite(widths).any(axis=1), "stars", "")
    source = np.where(np.isfinite(psf_fwhm).any(axis=1), "survey", from_stars)
    return pd.DataFrame({"row": rows, GALAXY_ID: survey.galaxy_ids[rows], **columns, "psf_from": source})


def quality_provenance(survey: Survey) -> Provenance:
    """Provenance of the table of a survey as it is now."""
    return Provenance(
        data=survey.digest,
        model="",
        layer="",
        method="image quality",
        parameters={"version": VERSION},
        versions=versions_of("gz2interp", "numpy", "scipy"),
    )
