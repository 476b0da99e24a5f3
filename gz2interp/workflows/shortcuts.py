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
"""Of pixels in memory: galaxies beyond that are not drawn."""

HELD_OUT: Final = ("test", "validation")
"""Sides that did not teach the network: on those that did, its answers may be known by heart."""


def shortcut_findings(study: Study, seed: int = 0, progress: Progress | None = None, most: int = 512) -> list[Finding]:
    """One finding for each family of nuisances: alarms first, the strongest first.

    Parameters
    ----------
    seed : int, optional
        Of the draw of galaxies and of the test.
    most : int, optional
        Recipients at most.

    Returns
    -------
    list of Finding
        ``check`` is ``"shortcut"`` and ``study`` the family. `passed` is None where it is not known.
    """
    return [
        Finding(
            check="shortcut",
            method="",
            subject=each.family,
            estimate=each.estimate,
            limit=each.limit,
            passed=None if each.alarm is None else not each.alarm,
            words=each.words,
        )
        for each in find_shortcuts(study, seed, progress, most)
    ]


def find_shortcuts(
    study: Study, seed: int = 0, progress: Progress | None = None, most: int = 512
) -> tuple[ShortcutResult, ...]:
    """As `shortcut_findings`, with the class and the place of each as fields of their own."""
    generator = np.random.default_rng(seed)
    told = predict(study, progress=progress).set_index("row")
    classes = _classes(told, study.probe.class_names)
    rows = _rows(study, told, classes, 2 * most, generator)
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


def _classes(told: pd.DataFrame, class_names: tuple[str, ...]) -> pd.Series[str]:
    """The class of each galaxy by its label, "" without one; where labels are too few, what the network says."""
    labels = told["label"].where(told["label"].isin(class_names), "").fillna("").astype(str)
    counts = labels[labels != ""].value_counts()
    return labels if (counts >= FEWEST).sum() >= 2 else told["prediction"].astype(str)


def _rows(
    study: Study, told: pd.DataFrame, classes: pd.Series[str], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Galaxies to draw on, those first that did not teach the network, and of each class as many as there are."""
    y, x = study.survey.shape
    room = max(MOST_BYTES // (y * x * len(study.survey.bands) * 4), 1)
    known = told[classes != ""]
    number = max(min(most, room) // max(classes.loc[known.index].nunique(), 1), 2 * FEWEST)
    held, parts = known["split"].isin(HELD_OUT), []
    for _, rows in classes.loc[known.index].groupby(classes.loc[known.index]).groups.items():
        lots = pd.Series(generator.random(len(rows)), index=rows) + ~held.loc[rows]
        parts.append(lots.sort_values().index[:number].to_numpy(np.int64))
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _fwhm(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Width of the PSF (n, band) [pixel]; NaN where unknown."""
    status = study.survey.status.loc[rows]
    widths = status[[f"psf_fwhm_{band}" for band in study.survey.bands]].to_numpy(np.float64)
    scale = status["pixel_scale"].to_numpy(np.float64)[:, None]
    return np.where((widths > 0) & (scale > 0), widths / np.where(scale > 0, scale, 1), np.nan)


def _size_and_brightness(study: Study, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Size and brightness by the catalogue, if it has both for most; else None, and they are measured."""
    catalog = study.survey.catalog
    band = next((name for name in ("r", *MAGNITUDES) if name in catalog), None)
    if PETRO_RADIUS not in catalog or band is None:
        return None
    radius = catalog[PETRO_RADIUS].iloc[rows].to_numpy(np.float64)
    scale = study.survey.status.loc[rows, "pixel_scale"].to_numpy(np.float64)
    size = np.log(np.where((radius > 0) & (scale > 0), radius / np.where(scale > 0, scale, 1), np.nan))
    looks = np.stack([size, catalog[band].iloc[rows].to_numpy(np.float64)], axis=1)
    return looks if len(looks) and np.isfinite(looks).all(axis=1).mean() > 0.5 else None
