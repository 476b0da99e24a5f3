"""``gz2interp bands``: Shapley values of the bands for a score: of galaxies, and their means over classes."""

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
"""Size of a sample of a survey: the error of its mean is a thirtieth of the scatter of the galaxies."""

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
    """Contribution of each band to a score, galaxy by galaxy.

    Parameters
    ----------
    galaxy_ids : sequence of int or str, optional
        By default galaxies drawn from the whole survey.
    score : Score, optional
        By default the logit of the predicted class of each galaxy.
    most : int, optional
        Number of galaxies drawn.
    seed : int, optional
        Of the draw.

    Returns
    -------
    DataFrame
        ``galaxy_id``, ``prediction``, ``score`` (its name), ``value``, ``total`` and a column for each band, in the
        unit of the score; the bands sum to the total. See `gz2interp.attribution.bands`.
    """
    rows = _rows(study, galaxy_ids, most, seed)
    predictions = predict(study).set_index("row").loc[rows, "prediction"].to_numpy(str)
    parts = []
    for start in range(0, len(rows), PORTION):
        some = slice(start, start + PORTION)
        parts.append(_band_values(study, rows[some], predictions[some], score))
        if progress is not None:
            progress("bands", min(start + PORTION, len(rows)), len(rows))
    return pd.concat(parts, ignore_index=True)


def by_class(table: pd.DataFrame, bands: Sequence[str]) -> pd.DataFrame:
    """Means over the galaxies of each predicted class, and over all galaxies, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        As from `band_table`.

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


def bands_in_words(means: pd.DataFrame, bands: Sequence[str]) -> pd.DataFrame:
    """The table of `by_class` as texts: ``class``, ``galaxies``, ``total`` and the bands, as in ``+0.52 ±0.10``."""
    words = {
        band: [
            f"{mean:+.2f} \N{PLUS-MINUS SIGN}{error:.2f}"
            for mean, error in zip(means[band], means[f"{band}_error"], strict=True)
        ]
        for band in bands
    }
    counts = [str(count) for count in means["galaxies"]]
    totals = [f"{total:+.2f}" for total in means["total"]]
    return pd.DataFrame({"class": means["class"], "galaxies": counts, "total": totals, **words})


def _rows(study: Study, galaxy_ids: Sequence[int | str], most: int, seed: int) -> NDArray[np.int64]:
    survey = study.survey
    if galaxy_ids:
        rows = np.array([survey.row_of(galaxy_id) for galaxy_id in galaxy_ids], dtype=np.int64)
        for row in rows[~survey.usable[rows]]:
            survey.cutout(int(row))  # raises the reason
        return rows
    usable = np.flatnonzero(survey.usable)
    if not len(usable) or most < 1:
        raise InputError(f"{len(usable)} galaxies have an image, {most} were requested", "At least one")
    return np.sort(np.random.default_rng(seed).choice(usable, min(most, len(usable)), replace=False))


def _band_values(
    study: Study, rows: NDArray[np.int64], predictions: NDArray[np.str_], score: Score | None
) -> pd.DataFrame:
    images, bands = study.survey.images(rows), study.survey.bands
    scores = [score or logit(str(name)) for name in predictions]
    numbers = np.empty((len(rows), 2 + len(bands)), np.float32)
    for distinct in dict.fromkeys(scores):
        selected = [other == distinct for other in scores]
        result = band_shapley(study.probe, images[selected], distinct)
        numbers[selected] = np.column_stack([result.scores, result.total, result.values])
    return pd.DataFrame(
        {
            GALAXY_ID: study.survey.galaxy_ids[rows],
            "prediction": predictions,
            "score": [distinct.name for distinct in scores],
            **dict(zip(("value", "total", *bands), numbers.T, strict=True)),
        }
    )
