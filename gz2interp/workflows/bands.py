"""``gz2interp bands``: how much of a score each band carries, for galaxies, for classes and for the survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution import band_shapley
from gz2interp.errors import InputError
from gz2interp.network.scores import Score, logit
from gz2interp.schema import GALAXY_ID
from gz2interp.statistics import Z
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Progress, Study

__all__ = ["MOST", "band_table", "bands_in_words", "by_class"]

MOST: Final = 1000
"""Galaxies that stand for a survey: a mean over them is known to a thirtieth of the galaxies' own scatter."""

PORTION: Final = 64
"""Galaxies in memory at a time."""


def band_table(
    study: Study,
    galaxy_ids: Sequence[int | str] = (),
    score: Score | None = None,
    *,
    most: int = MOST,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """What each band adds to a score, galaxy by galaxy.

    Parameters
    ----------
    study : Study
    galaxy_ids : sequence of int or str, optional
        By default galaxies drawn from the whole survey.
    score : Score, optional
        By default the logit of the class that the network predicts for each galaxy.
    most : int, optional
        How many are drawn.
    seed : int, optional
        Of the draw.
    progress : callable, optional

    Returns
    -------
    DataFrame
        ``galaxy_id``, ``prediction``, ``score`` (its name), ``value``, ``total`` and a column for each band, in the
        unit of the score; the bands sum to the total. See `gz2interp.attribution.bands`.
    """
    rows = _rows(study, galaxy_ids, most, seed)
    said = predict(study).set_index("row").loc[rows, "prediction"].to_numpy(str)
    parts = []
    for start in range(0, len(rows), PORTION):
        some = slice(start, start + PORTION)
        parts.append(_band_values(study, rows[some], said[some], score))
        if progress is not None:
            progress("bands", min(start + PORTION, len(rows)), len(rows))
    return pd.concat(parts, ignore_index=True)


def by_class(table: pd.DataFrame, bands: Sequence[str]) -> pd.DataFrame:
    """Means over the galaxies that the network takes for each class, and over all of them, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        As from `band_table`.
    bands : sequence of str

    Returns
    -------
    DataFrame
        ``class`` ("all" in the last row), ``galaxies``, ``total``, and for each band the mean and ``BAND_error``, half
        of the interval of the mean; NaN for a single galaxy.
    """
    groups = [*((str(name), part) for name, part in table.groupby("prediction", sort=True)), ("all", table)]
    records = []
    for name, part in groups:
        values = part[list(bands)]
        error = Z * values.std(ddof=1) / np.sqrt(len(part))
        record = {"class": name, "galaxies": len(part), "total": part["total"].mean()}
        for band in bands:
            record |= {band: values[band].mean(), f"{band}_error": error[band]}
        records.append(record)
    return pd.DataFrame(records)


def bands_in_words(told: pd.DataFrame, bands: Sequence[str]) -> pd.DataFrame:
    """What `by_class` gives as texts: ``class``, ``galaxies``, ``total`` and the bands, as in ``+0.52 ±0.10``."""
    words = {
        band: [
            f"{mean:+.2f} \N{PLUS-MINUS SIGN}{error:.2f}"
            for mean, error in zip(told[band], told[f"{band}_error"], strict=True)
        ]
        for band in bands
    }
    counts = [str(count) for count in told["galaxies"]]
    totals = [f"{total:+.2f}" for total in told["total"]]
    return pd.DataFrame({"class": told["class"], "galaxies": counts, "total": totals, **words})


def _rows(study: Study, galaxy_ids: Sequence[int | str], most: int, seed: int) -> NDArray[np.int64]:
    survey = study.survey
    if galaxy_ids:
        rows = np.array([survey.row_of(galaxy_id) for galaxy_id in galaxy_ids], dtype=np.int64)
        for row in rows[~survey.usable[rows]]:
            survey.cutout(int(row))  # says why there is none
        return rows
    there = np.flatnonzero(survey.usable)
    if not len(there) or most < 1:
        raise InputError(f"{len(there)} galaxies have an image, {most} were asked for", "At least one")
    return np.sort(np.random.default_rng(seed).choice(there, min(most, len(there)), replace=False))


def _band_values(study: Study, rows: NDArray[np.int64], said: NDArray[np.str_], score: Score | None) -> pd.DataFrame:
    images, bands = study.survey.images(rows), study.survey.bands
    asked = [score or logit(str(name)) for name in said]
    numbers = np.empty((len(rows), 2 + len(bands)), np.float32)
    for each in dict.fromkeys(asked):
        which = [other == each for other in asked]
        found = band_shapley(study.probe, images[which], each)
        numbers[which] = np.column_stack([found.scores, found.total, found.values])
    return pd.DataFrame(
        {
            GALAXY_ID: study.survey.galaxy_ids[rows],
            "prediction": said,
            "score": [each.name for each in asked],
            **dict(zip(("value", "total", *bands), numbers.T, strict=True)),
        }
    )
