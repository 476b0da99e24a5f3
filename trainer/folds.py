"""Cross-validation: out-of-fold predictions of networks trained on the other folds."""

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
"""Called with the fold, from 0, and the progress of its training."""


def fold_name(name: str, fold: int, folds: int) -> str:
    """Name of the model that is trained without one fold."""
    return f"{name}-fold{fold + 1}of{folds}"


def out_of_fold(survey: Survey, name: str, config: Config, progress: FoldProgress | None = None) -> pd.DataFrame:
    """Train a network for each fold, unless it exists, and collect the out-of-fold predictions.

    Parameters
    ----------
    name : str
        The models are named ``NAME-fold1of5``, ...
    config : Config
        With `folds`; `fold` is ignored.

    Returns
    -------
    DataFrame
        As `ModelFolder.predictions`, one row per labelled galaxy with an image, with its fold.
    """
    parts = []
    for fold in range(config.folds):
        _train(survey, fold_name(name, fold, config.folds), replace(config, fold=fold), fold, progress)
        table = survey.model(fold_name(name, fold, config.folds)).predictions
        parts.append(table[(table["split"] == "test") & table["label"].notna()].assign(fold=fold))
    return pd.concat(parts).sort_values("row", ignore_index=True)


def _train(survey: Survey, name: str, config: Config, fold: int, progress: FoldProgress | None) -> None:
    path = survey.path / "models" / name
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return
    fit(survey, name, config, None if progress is None else lambda now: progress(fold, now))
    keras.backend.clear_session()  # free the graphs of this training
