"""One network per fold, so that every labelled galaxy is asked by a network that has not learnt from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from gz2interp.errors import InputError
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, LABEL
from gz2interp.stores.models import ModelFolder, checked_model_name
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.fit import fit
from trainer.suspects import confident_joint, suspects, thresholds
from trainer.training import Progress

__all__ = ["OutOfFold", "find_suspects", "out_of_fold"]

Listener = Callable[[int, Progress], None]
"""Called with the number of the fold, and how far its training is."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What networks say of galaxies that they have not learnt from.

    Attributes
    ----------
    predictions : DataFrame
        One row per labelled galaxy with an image: row, galaxy_id, label, p_CLASS.
    class_names : tuple of str
    models : tuple of str
        Digests of the networks, fold by fold.
    """

    predictions: pd.DataFrame
    class_names: tuple[str, ...]
    models: tuple[str, ...]


def find_suspects(
    survey: Survey, name: str, config: Config, folds: int, progress: Listener | None = None
) -> pd.DataFrame:
    """Suspect labels by confident learning, kept as ``models/NAME/suspects.parquet``.

    Parameters
    ----------
    survey : Survey
    name : str
        The networks are called NAME-fold0 and so on; finished ones are kept.
    config : Config
    folds : int
    progress : callable, optional

    Returns
    -------
    DataFrame
        As from `trainer.suspects.suspects`.

    Raises
    ------
    InputError
        As from `trainer.fit.fit`, or a network of that name was trained otherwise.
    """
    asked = out_of_fold(survey, name, config, folds, progress)
    table = suspects(asked.predictions, asked.class_names)
    folder = ModelFolder(survey.path / "models" / name)
    folder.path.mkdir(exist_ok=True)
    folder.write_suspects(table, _provenance(survey, asked, config, folds))
    return table


def out_of_fold(survey: Survey, name: str, config: Config, folds: int, progress: Listener | None = None) -> OutOfFold:
    """Train a network for each fold, and gather what it says of the galaxies of its test side.

    Parameters
    ----------
    survey : Survey
    name : str
    config : Config
        Its own folds are not looked at.
    folds : int
        At least two.
    progress : callable, optional
    """
    checked_model_name(name)
    if folds < 2:
        raise InputError(
            f"--folds {folds} was given", "At least 2: each galaxy is asked by a network that has not met it"
        )
    models = [
        _network(survey, f"{name}-fold{fold}", replace(config, folds=folds, fold=fold), progress)
        for fold in range(folds)
    ]
    class_names = models[0].class_names
    columns = ["row", GALAXY_ID, LABEL, *(f"p_{class_name}" for class_name in class_names)]
    asked = [model.predictions.query("split == 'test'")[columns] for model in models]
    table = pd.concat(asked).sort_values("row", ignore_index=True)
    return OutOfFold(table, class_names, tuple(model.digest for model in models))


def _network(survey: Survey, name: str, config: Config, progress: Listener | None) -> ModelFolder:
    folder = ModelFolder(survey.path / "models" / name)
    if name in survey.models() and not (folder.path / "checkpoint").exists():
        return _kept(survey, folder, config)
    return fit(survey, name, config, None if progress is None else lambda now: progress(config.fold, now))


def _kept(survey: Survey, folder: ModelFolder, config: Config) -> ModelFolder:
    """A finished network, if it is the one that would be trained."""
    if (folder.run.get("config"), folder.run.get("data_digest")) != (config.to_json(), survey.digest):
        raise InputError(
            f"{survey.name} has a model {folder.name!r} that was trained with other settings or other data",
            "One trained with these",
            f"Give another name with --name, or remove {folder.path}",
        )
    return folder


def _provenance(survey: Survey, asked: OutOfFold, config: Config, folds: int) -> Provenance:
    labels = pd.Index(asked.class_names).get_indexer(pd.Index(asked.predictions[LABEL]))
    probabilities = asked.predictions[[f"p_{name}" for name in asked.class_names]].to_numpy()
    return Provenance(
        data=survey.digest,
        model=" ".join(asked.models),
        layer="",
        method="confident learning",
        parameters={
            "folds": folds,
            "config": config.to_json(),
            "class_names": list(asked.class_names),
            "thresholds": thresholds(probabilities, labels).tolist(),
            "confident_joint": confident_joint(probabilities, labels).tolist(),
        },
        seed=config.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras"),
    )
