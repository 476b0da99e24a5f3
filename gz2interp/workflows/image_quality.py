"""``gz2interp quality``: how good each image of a survey is, kept beside it and measured only once."""

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
"""Of what is measured; another one makes another table."""


def quality(
    survey: Survey,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    cluster: Workers | None = None,
) -> pd.DataFrame:
    """The quality of every image, a shard of 256 galaxies at a time.

    What is up to date is left alone; an interrupted run goes on where it stopped.

    Parameters
    ----------
    survey : Survey
    progress : callable, optional
    stop : callable, optional
        Asked before each shard; True ends the run as an interruption would.
    cluster : Workers, optional
        Who measures; by default it is done here.

    Returns
    -------
    DataFrame
        row, galaxy_id, and the columns of `gz2interp.measure.image_quality.image_quality`; ``psf_from`` says whence the
        PSF's width is: ``"survey"``, ``"stars"`` in the cutout, or "".

    Raises
    ------
    SurveyError
        No galaxy of the survey has an image, or the run was stopped.
    """
    rows = np.flatnonzero(survey.usable)
    if not len(rows):
        raise SurveyError(f"No galaxy of {survey.name} has an image", "At least one", "Run gz2interp survey check")
    made, file = quality_provenance(survey), QualityFile(survey)
    if not file.is_of(made):
        with locked(survey.path / ".quality.lock", f"measuring the images of {survey.path}"):
            _measure(survey, file, made, rows, progress, stop, cluster)
    return read_parquet(file.path)


def _measure(
    survey: Survey,
    file: QualityFile,
    made: Provenance,
    rows: NDArray[np.int64],
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    cluster: Workers | None,
) -> None:
    numbers, starts = np.unique(rows // SHARD_ROWS, return_index=True)
    parts = zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True)
    left = [Shard(number, part) for number, part in parts if not file.has_part(made, number)]
    done, shards = len(numbers) - len(left), numbers.tolist()
    place, wanted = SurveyAt.of(survey), _until(stop, left, survey)
    for shard, table in over_shards(quality_of_shard, survey, wanted, cluster, place):
        file.write_part(made, shard.number, table)
        done += 1
        if progress:
            progress("quality", done, len(shards))
    file.complete(made, shards)


def _until(stop: Callable[[], bool] | None, shards: Iterable[Shard], survey: Survey) -> Iterator[Shard]:
    for shard in shards:
        if stop is not None and stop():
            raise SurveyError("Measuring was stopped", remedy=f"Run gz2interp quality {survey.path} to go on")
        yield shard


def quality_of_shard(survey: Survey, shard: Shard) -> pd.DataFrame:
    """`quality_of_rows` for whoever works through shards."""
    return quality_of_rows(survey, shard.rows)


def quality_of_rows(survey: Survey, rows: NDArray[np.int64]) -> pd.DataFrame:
    """The quality of some images, by which a shard is measured wherever it is done."""
    known = survey.journal.entries_of(rows)
    told = known[[f"psf_fwhm_{band}" for band in survey.bands]].to_numpy(np.float32)
    scale = known["pixel_scale"].to_numpy(np.float32)
    found = image_quality(survey.images(rows), survey.valid(rows), survey.bands, scale, told)
    widths = np.stack([found[f"psf_{band}"] for band in survey.bands], axis=1)
    whence = np.where(np.isfinite(told).any(axis=1), "survey", np.where(np.isfinite(widths).any(axis=1), "stars", ""))
    return pd.DataFrame({"row": rows, GALAXY_ID: survey.galaxy_ids[rows], **found, "psf_from": whence})


def quality_provenance(survey: Survey) -> Provenance:
    """How the table is made."""
    return Provenance(
        data=survey.digest,
        model="",
        layer="",
        method="image quality",
        parameters={"version": VERSION},
        versions=versions_of("gz2interp", "numpy", "scipy"),
    )
