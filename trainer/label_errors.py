"""Label errors by confident learning from out-of-fold predictions, the most likely first.

Ref. Northcutt, Jiang, Chuang 2021, Confident learning: estimating uncertainty in dataset labels,
https://arxiv.org/abs/1911.00068

Notes on differences: all labelled galaxies are ranked, not only those counted as errors, by the difference between the
probabilities of the label and of the strongest other class, each relative to the threshold of its class. This corrects
for classes that the network predicts with low confidence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.folds import FoldProgress, out_of_fold

__all__ = ["class_thresholds", "confident_class", "label_margin", "rank_label_errors"]


Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def class_thresholds(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """Mean probability of each class over the galaxies with that label, float64 (class,).

    Parameters
    ----------
    probabilities : float (n, class)
        From networks that were not trained on the galaxy.
    labels : int (n,)
        Classes without a galaxy get a threshold of 1.
    """
    count = probabilities.shape[1]
    return np.array([probabilities[labels == k, k].mean() if (labels == k).any() else 1.0 for k in range(count)])


def confident_class(probabilities: Floats, labels: Ints) -> NDArray[np.int64]:
    """The most probable class among those above their thresholds, or -1.

    A label that differs from it counts as an error in the confident joint of the paper.
    """
    above = probabilities >= class_thresholds(probabilities, labels)
    best = np.where(above, probabilities, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, -1).astype(np.int64)


def label_margin(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """Margin of the label over the strongest other class, relative to their thresholds; low for likely errors."""
    excess = np.asarray(probabilities, np.float64) - class_thresholds(probabilities, labels)
    rows = np.arange(len(labels))
    label_excess = excess[rows, labels]
    excess[rows, labels] = -np.inf
    return np.asarray(label_excess - excess.max(axis=1))


def rank_label_errors(survey: Survey, name: str, config: Config, progress: FoldProgress | None = None) -> pd.DataFrame:
    """Rank all labelled galaxies with an image by how strongly out-of-fold predictions contradict the label.

    Stores the table in ``models/NAME`` of the survey, see `ModelFolder.label_errors`.

    Parameters
    ----------
    name : str
        Model folder for the table, which need not hold a model. The networks are named ``NAME-fold1of5``, ...; finished
        ones are reused.
    config : Config
        With at least two folds; 5 if it has none.

    Returns
    -------
    DataFrame
        rank (from 1), galaxy_id, row, label, suggestion (predicted class), margin, self_confidence (probability of the
        label), suspect (whether confident learning counts the label as an error), and p_CLASS.

    Raises
    ------
    InputError
        The labels are none of the classes.
    """
    config = config if config.folds else replace(config, folds=5)
    predictions = out_of_fold(survey, name, config, progress)
    classes = [str(column)[2:] for column in predictions if str(column).startswith("p_")]
    labels = pd.Index(classes).get_indexer(pd.Index(predictions["label"]))
    if (labels < 0).any():
        raise InputError(
            f"Some labels are none of the classes {', '.join(classes)}", "One label scheme for networks and survey"
        )
    ranked = _rank(predictions, labels, classes)
    folder = survey.path / "models" / check_model_name(name)
    folder.mkdir(exist_ok=True)
    ModelFolder(folder).write_label_errors(ranked, _provenance(survey, config))
    return ranked


def _provenance(survey: Survey, config: Config) -> Provenance:
    return Provenance(
        data=survey.digest,
        model="",
        layer="",
        method="confident learning",
        parameters={"config": config.to_json()},
        seed=config.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras"),
    )


def _rank(predictions: pd.DataFrame, labels: np.ndarray, classes: list[str]) -> pd.DataFrame:
    columns = [f"p_{name}" for name in classes]
    probabilities = predictions[columns].to_numpy()
    confident = confident_class(probabilities, labels)
    table = predictions[["galaxy_id", "row", "label"]].assign(
        suggestion=predictions["prediction"],
        margin=label_margin(probabilities, labels),
        self_confidence=probabilities[np.arange(len(labels)), labels],
        suspect=(confident >= 0) & (confident != labels),
        **{column: predictions[column] for column in columns},
    )
    ranked = table.sort_values("margin", ignore_index=True, kind="stable")
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked
