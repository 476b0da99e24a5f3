"""The shortcuts that a network takes on a survey, as findings of ``gz2interp check``."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.checks import Finding
from gz2interp.schema import MAGNITUDES, PETRO_RADIUS
from gz2interp.trust.shortcuts import FEWEST, ShortcutResult, shortcuts
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Progress, Study

__all__ = ["find_shortcuts", "shortcut_findings"]

MOST_BYTES: Final = 2**28
"""Largest size of the images in memory, which limits the number of galaxies."""

HELD_OUT: Final = ("test", "validation")
"""Splits that the network was not trained on; predictions for training galaxies may be memorised."""


def shortcut_findings(study: Study, seed: int = 0, progress: Progress | None = None, most: int = 512) -> list[Finding]:
    """One finding for each family of nuisances: alarms first, the strongest first.

    Parameters
    ----------
    seed : int, optional
        Of the sample of galaxies and of the test.
    most : int, optional
        Largest number of recipients.

    Returns
    -------
    list of Finding
        ``check`` is ``"shortcut"`` and ``subject`` the family. `passed` is None where the test is not conclusive.
    """
    return [
        Finding(
            check="shortcut",
            method="",
            subject=result.family,
            estimate=result.estimate,
            limit=result.limit,
            passed=None if result.alarm is None else not result.alarm,
            words=result.words,
        )
        for result in find_shortcuts(study, seed, progress, most)
    ]


def find_shortcuts(
    study: Study, seed: int = 0, progress: Progress | None = None, most: int = 512
) -> tuple[ShortcutResult, ...]:
    """The results behind `shortcut_findings`, with class and family as separate fields."""
    generator = np.random.default_rng(seed)
    predictions = predict(study, progress=progress).set_index("row")
    classes = _classes(predictions, study.probe.class_names)
    rows = _rows(study, predictions, classes, 2 * most, generator)
    survey = study.survey
    return shortcuts(
        study.probe,
        survey.images(rows),
        [str(name) for name in classes.reindex(rows)],
        generator,
        valid=survey.valid(rows),
        fwhm=_fwhm(study, rows),
        looks=_size_and_brightness(study, rows),
        bands=survey.bands,
        most=most,
        progress=progress,
    )


def _classes(predictions: pd.DataFrame, class_names: tuple[str, ...]) -> pd.Series[str]:
    """The label of each galaxy, "" without one; the predicted class if there are too few labels."""
    labels = predictions["label"].where(predictions["label"].isin(class_names), "").fillna("").astype(str)
    counts = labels[labels != ""].value_counts()
    return labels if (counts >= FEWEST).sum() >= 2 else predictions["prediction"].astype(str)


def _rows(
    study: Study, predictions: pd.DataFrame, classes: pd.Series[str], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """A sample of galaxies, balanced over classes; galaxies outside the training split come first."""
    y, x = study.survey.shape
    most_in_memory = max(MOST_BYTES // (y * x * len(study.survey.bands) * 4), 1)
    labelled = predictions[classes != ""]
    per_class = max(min(most, most_in_memory) // max(classes.loc[labelled.index].nunique(), 1), 2 * FEWEST)
    is_held_out, parts = labelled["split"].isin(HELD_OUT), []
    for _, rows in classes.loc[labelled.index].groupby(classes.loc[labelled.index]).groups.items():
        priority = pd.Series(generator.random(len(rows)), index=rows) + ~is_held_out.loc[rows]
        parts.append(priority.sort_values().index[:per_class].to_numpy(np.int64))
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _fwhm(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Width of the PSF (n, band) [pixel]; NaN where unknown."""
    status = study.survey.status.loc[rows]
    widths = status[[f"psf_fwhm_{band}" for band in study.survey.bands]].to_numpy(np.float64)
    scale = status["pixel_scale"].to_numpy(np.float64)[:, None]
    return np.where((widths > 0) & (scale > 0), widths / np.where(scale > 0, scale, 1), np.nan)


def _size_and_brightness(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Log size [pixel] and magnitude from the catalogue (n, 2); None if they are missing for half of the galaxies."""
    catalog = study.survey.catalog
    band = next((name for name in ("r", *MAGNITUDES) if name in catalog), None)
    if PETRO_RADIUS not in catalog or band is None:
        return None
    radius = catalog[PETRO_RADIUS].iloc[rows].to_numpy(np.float64)
    scale = study.survey.status.loc[rows, "pixel_scale"].to_numpy(np.float64)
    size = np.log(np.where((radius > 0) & (scale > 0), radius / np.where(scale > 0, scale, 1), np.nan))
    looks = np.stack([size, catalog[band].iloc[rows].to_numpy(np.float64)], axis=1)
    return looks if len(looks) and np.isfinite(looks).all(axis=1).mean() > 0.5 else None
