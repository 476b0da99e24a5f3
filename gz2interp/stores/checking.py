"""Integrity check of a survey: every part is read and compared with its digests and with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import Gz2interpError, SurveyError
from gz2interp.results import digest_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import analyses_of
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import digest_of_file
from gz2interp.stores.reading import errors_as
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.stores.writer import digest_of_pixels

__all__ = ["IntegrityProblem", "check_survey"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IntegrityProblem:
    """One finding of the check.

    Attributes
    ----------
    is_damage : bool
        True where data are lost or wrong; False for a remark, such as on galaxies that no archive has.
    """

    is_damage: bool
    words: str


def check_survey(path: str | Path, progress: Progress | None = None) -> list[IntegrityProblem]:
    """Verify shapes, alignment and digests, and list what is missing, shard by shard in bounded memory.

    Parameters
    ----------
    progress : callable, optional
        Called with (rows read, rows in all).

    Returns
    -------
    list of IntegrityProblem
        Without damage the survey is intact.
    """
    survey = Survey.open(path)
    parts = _catalogue, _arrays, partial(_pixels, progress=progress), _truth, _missing, _models
    return [finding for part in parts for finding in _findings(part(survey))]


def _findings(check: Iterator[IntegrityProblem]) -> Iterator[IntegrityProblem]:
    """The findings of one part, to which an error in reading it belongs."""
    try:
        with errors_as(SurveyError, "A part"):
            yield from check
    except Gz2interpError as error:
        yield IntegrityProblem(True, str(error))


def _catalogue(survey: Survey) -> Iterator[IntegrityProblem]:
    if digest_of_file(survey.location.file("catalog.parquet")) != survey.header.catalog_digest:
        yield IntegrityProblem(True, "catalog.parquet was changed after the survey was made: it is written once")
    if len(survey.catalog) != len(survey):
        yield IntegrityProblem(True, f"catalog.parquet has {len(survey.catalog)} rows, survey.json says {len(survey)}")
    entries = survey.status
    if not np.array_equal(entries.index, np.arange(survey.rows_committed)):
        yield IntegrityProblem(True, f"status.sqlite has {len(entries)} of the {survey.rows_committed} committed rows")
    elif not np.array_equal(entries[GALAXY_ID], survey.catalog[GALAXY_ID][: survey.rows_committed]):
        yield IntegrityProblem(True, "status.sqlite and catalog.parquet name different galaxies on the same rows")


def _arrays(survey: Survey) -> Iterator[IntegrityProblem]:
    pixels = (len(survey), *survey.shape)
    for name, expected in (("images", (*pixels, len(survey.bands))), ("valid", pixels)):
        shape = survey.location.array(f"cutouts.zarr/{name}").shape
        if shape != expected:
            yield IntegrityProblem(True, f"cutouts.zarr/{name} has the shape {shape}, {expected} is right")


def _pixels(survey: Survey, progress: Progress | None) -> Iterator[IntegrityProblem]:
    """Compare the committed rows; a writer that is running or was killed may have recorded more."""
    recorded, digests = survey.journal.shard_digests(), []
    for shard, start in enumerate(range(0, survey.rows_committed, SHARD_ROWS)):
        rows = np.arange(start, min(start + SHARD_ROWS, survey.rows_committed))
        images, valid = survey.images(rows), survey.valid(rows)
        digests.append(digest_of_pixels(images, valid))
        if len(rows) == SHARD_ROWS and recorded[shard : shard + 1] != digests[-1:]:
            yield IntegrityProblem(True, f"The pixels of rows {rows[0]} to {rows[-1]} are not those that were written")
        if not valid[survey.usable[rows]].any(axis=(1, 2)).all():
            yield IntegrityProblem(
                False, f"Rows {rows[0]} to {rows[-1]} hold galaxies that are ok without one valid pixel"
            )
        if progress:
            progress(int(rows[-1]) + 1, survey.rows_committed)
    if digest_of(digests) != survey.header.pixels_digest:
        yield IntegrityProblem(True, "The digest of the pixels is not that of survey.json")
    if recorded != digests:
        yield IntegrityProblem(
            False, "A writer is running or was killed; the next one cleans up what it left uncommitted"
        )


def _truth(survey: Survey) -> Iterator[IntegrityProblem]:
    """Compare the light of each component with its flux: both are zero or neither is."""
    if not Truth.exists(survey.path):
        return
    truth = Truth.open(survey.path)
    if not np.array_equal(truth.galaxy_ids, survey.galaxy_ids):
        yield IntegrityProblem(True, "truth.parquet has recipes of other galaxies than the catalogue")
    for start in range(0, survey.rows_committed, SHARD_ROWS):
        rows = np.arange(start, min(start + SHARD_ROWS, survey.rows_committed))
        shares = truth.light(rows).sum(axis=(1, 2), dtype=np.float32)
        has_flux = (truth.flux(rows) != 0).any(axis=2)
        if not (np.isfinite(shares).all() and ((shares != 0) <= has_flux).all() and (shares.max(axis=1) > 0).all()):
            yield IntegrityProblem(True, f"The truth of rows {rows[0]} to {rows[-1]} is not the light of a galaxy")


def _missing(survey: Survey) -> Iterator[IntegrityProblem]:
    if survey.rows_committed < len(survey):
        yield IntegrityProblem(
            False, f"{len(survey) - survey.rows_committed} of {len(survey)} galaxies were not requested yet"
        )
    for note in survey.notes:
        yield IntegrityProblem(False, note)
    missing = survey.status[~survey.usable]
    for (status, reason), entries in missing.groupby(["status", "reason"]):
        yield IntegrityProblem(
            False, f"{len(entries)} x {status}: {reason} (for example galaxy {entries[GALAXY_ID].iloc[0]})"
        )


def _models(survey: Survey) -> Iterator[IntegrityProblem]:
    for name in survey.models():
        folder = survey.model(name)
        if not folder.run:
            yield IntegrityProblem(False, f"The model {name} has no run.json: its classes have no names")
        if folder.predictions_provenance is not None:
            yield from _predictions(survey, name, folder.predictions)
        for analysis in analyses_of(folder.path):
            provenance = analysis.provenance
            if (provenance.data, provenance.model) != (survey.digest, folder.digest):
                yield IntegrityProblem(
                    False, f"{analysis.path.relative_to(survey.path)} is of other data or another model"
                )


def _predictions(survey: Survey, name: str, predictions: pd.DataFrame) -> Iterator[IntegrityProblem]:
    rows = predictions["row"].to_numpy()
    if rows.max(initial=-1) >= len(survey) or not np.array_equal(
        predictions[GALAXY_ID], survey.catalog[GALAXY_ID].to_numpy()[rows]
    ):
        yield IntegrityProblem(True, f"The predictions of {name} name other galaxies than the catalogue")
    elif not np.array_equal(rows, np.flatnonzero(survey.usable)):
        yield IntegrityProblem(False, f"The predictions of {name} do not cover all {survey.usable.sum()} images")
