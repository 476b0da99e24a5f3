"""What networks say of every galaxy that none of them learnt from: one training a fold, each asked about its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from gz2interp.network.quiet import keras
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.fit import fit
from trainer.training import TrainingProgress

__all__ = ["FoldProgress", "fold_name", "out_of_fold"]

FoldProgress = Callable[[int, TrainingProgress], None]
"""Receives the fold, from 0, and how far its training is."""


def fold_name(name: str, fold: int, folds: int) -> str:
    """The model that leaves out one fold."""
    return f"{name}-fold{fold + 1}of{folds}"


def out_of_fold(survey: Survey, name: str, config: Config, progress: FoldProgress | None = None) -> pd.DataFrame:
    """Train a network for each fold, but those that are there, and gather what each says of its own fold.

    Parameters
    ----------
    survey : Survey
    name : str
        The models are called ``NAME-fold1of5``, ...
    config : Config
        With its `folds`; `fold` is of no account.
    progress : callable, optional

    Returns
    -------
    DataFrame
        As `ModelFolder.predictions`, one row per labelled galaxy with an image, and its fold.
    """
    parts = []
    for fold in range(config.folds):
        _train(survey, fold_name(name, fold, config.folds), replace(config, fold=fold), fold, progress)
        said = survey.model(fold_name(name, fold, config.folds)).predictions
        parts.append(said[(said["split"] == "test") & said["label"].notna()].assign(fold=fold))
    return pd.concat(parts).sort_values("row", ignore_index=True)


def _train(survey: Survey, name: str, config: Config, fold: int, progress: FoldProgress | None) -> None:
    path = survey.path / "models" / name
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return
    fit(survey, name, config, None if progress is None else lambda now: progress(fold, now))
    keras.backend.clear_session()  # what one training has traced, the next does not need
