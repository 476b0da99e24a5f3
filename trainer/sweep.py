"""Comparison of several recipes on one survey."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gz2interp.errors import Gz2interpError, InputError, choices
from gz2interp.network.quiet import keras
from gz2interp.statistics import proportion
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_table
from trainer.config import read_config
from trainer.fit import fit
from trainer.training import TrainingProgress

__all__ = ["sweep", "sweep_file"]

SweepProgress = Callable[[str, TrainingProgress], None]
"""Called with the name of the recipe and the progress of its training."""


def sweep(
    survey: Survey,
    name: str,
    recipes: Sequence[str],
    changes: Mapping[str, Any] | None = None,
    progress: SweepProgress | None = None,
) -> pd.DataFrame:
    """Train each recipe, unless it is done, and compare them; the table is updated after each training.

    Parameters
    ----------
    name : str
        Models are named ``NAME-RECIPE``.
    recipes : sequence of str
        Recipes of the trainer, or paths of ``.toml`` files.
    changes : mapping, optional
        Settings that replace those of every recipe.

    Returns
    -------
    DataFrame
        One row per recipe: recipe, model, epochs, validation_loss and validation_accuracy of the best epoch, test,
        test_low, test_high (accuracy with its 95 % interval), seconds, images_per_second, and
        failed (the error message, or "").

    Raises
    ------
    InputError
        Two recipes have the same name, or a recipe cannot be read.
    """
    names = [Path(recipe).stem for recipe in recipes]
    if len(set(names)) < len(names):
        raise InputError(f"The recipes given are {choices(recipes, most=99)}", "Recipes of different names")
    configs = [read_config(recipe, **(changes or {})) for recipe in recipes]
    rows = []
    for recipe, config in zip(names, configs, strict=True):
        model = check_model_name(f"{name}-{recipe}")
        rows.append({"recipe": recipe, "model": model, **_outcome(survey, model, config, recipe, progress)})
        write_table(sweep_file(survey, name), pd.DataFrame(rows))
        keras.backend.clear_session()  # free the graphs of this training
    return pd.DataFrame(rows)


def sweep_file(survey: Survey, name: str) -> Path:
    """Path of the table of a sweep."""
    return survey.path / "models" / f"{name}-sweep.csv"


def _outcome(survey: Survey, model: str, config: Any, recipe: str, progress: SweepProgress | None) -> dict[str, Any]:
    path = survey.path / "models" / model
    try:
        if (path / "checkpoint").exists() or not (path / "model.keras").exists():
            fit(survey, model, config, None if progress is None else lambda now: progress(recipe, now))
    except Gz2interpError as error:
        return {"failed": str(error)}
    return {**_scores(survey.model(model)), "failed": ""}


def _scores(model: ModelFolder) -> dict[str, Any]:
    history, predictions = model.history, model.predictions
    best = history.iloc[int(history["validation_loss"].argmin())]
    sample = predictions[(predictions["split"] == "test") & predictions["label"].notna()]
    test = proportion((sample["label"] == sample["prediction"]).to_numpy())
    return {
        "epochs": len(history),
        "validation_loss": best["validation_loss"],
        "validation_accuracy": best["validation_accuracy"],
        "test": test.value,
        "test_low": test.low,
        "test_high": test.high,
        "seconds": round(float(history["seconds"].sum()), 1),
        "images_per_second": float(history["images_per_second"].median()),
    }
