"""Label errors by confident learning from out-of-sample predictions, the most likely first.

Ref. Northcutt, Jiang, Chuang 2021, Confident learning: estimating uncertainty in dataset labels,
https://arxiv.org/abs/1911.00068

Notes on differences: all labelled galaxies are ranked, not only those counted as errors, by how far the probability of
the label lies below that of the strongest other class, each measured from its class's own threshold: classes of which
the network is seldom sure are so judged like the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.models import ModelFolder, checked_model_name
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.folds import FoldProgress, out_of_fold

__all__ = ["class_thresholds", "confident_class", "label_margin", "rank_label_errors"]


Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def class_thresholds(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """How sure the network is of a class, on average over the galaxies labelled so, float64 (class,).

    Parameters
    ----------
    probabilities : float (n, class)
        From networks that did not learn from the galaxy.
    labels : int (n,)
        A class without a galaxy gets a threshold of 1: nothing is confidently of it.
    """
    count = probabilities.shape[1]
    return np.array([probabilities[labels == k, k].mean() if (labels == k).any() else 1.0 for k in range(count)])


def confident_class(probabilities: Floats, labels: Ints) -> NDArray[np.int64]:
    """The class that a galaxy is confidently of: the most probable among those above their thresholds, or -1.

    Where it is another than the label, the label counts as an error in the paper's confident joint.

    Parameters
    ----------
    probabilities, labels
        As in `class_thresholds`.
    """
    above = probabilities >= class_thresholds(probabilities, labels)
    best = np.where(above, probabilities, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, -1).astype(np.int64)


def label_margin(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """How far the label is ahead of the strongest other class, above the thresholds of both; the least is most suspect.

    Parameters
    ----------
    probabilities, labels
        As in `class_thresholds`.
    """
    excess = np.asarray(probabilities, np.float64) - class_thresholds(probabilities, labels)
    rows = np.arange(len(labels))
    own = excess[rows, labels]
    excess[rows, labels] = -np.inf
    return np.asarray(own - excess.max(axis=1))


def rank_label_errors(survey: Survey, name: str, config: Config, progress: FoldProgress | None = None) -> pd.DataFrame:
    """Every labelled galaxy with an image, ranked by how little networks that never saw it believe its label.

    Keeps the list in ``models/NAME`` of the survey, see `ModelFolder.label_errors`.

    Parameters
    ----------
    survey : Survey
    name : str
        Of the model under which the list is kept, whether or not there is one. The trainings are called
        ``NAME-fold1of5``, ...; those that are there are not done again.
    config : Config
        With at least two folds; 5 if it has none.
    progress : callable, optional

    Returns
    -------
    DataFrame
        rank (from 1), galaxy_id, row, label, suggestion (what the network says), margin, self_confidence (the label's
        probability), suspect (whether confident learning counts the label as an error), and p_CLASS.

    Raises
    ------
    InputError
        The labels are shares of votes: nobody says that one is wrong.
    """
    config = config if config.folds else replace(config, folds=5)
    told = out_of_fold(survey, name, config, progress)
    classes = [str(column)[2:] for column in told if str(column).startswith("p_")]
    labels = pd.Index(classes).get_indexer(pd.Index(told["label"]))
    if (labels < 0).any():
        raise InputError(
            f"Some labels are none of the classes {', '.join(classes)}", "One label scheme for networks and survey"
        )
    ranked = _ranked(told, labels, classes)
    folder = survey.path / "models" / checked_model_name(name)
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


def _ranked(told: pd.DataFrame, labels: np.ndarray, classes: list[str]) -> pd.DataFrame:
    columns = [f"p_{name}" for name in classes]
    probabilities = told[columns].to_numpy()
    confident = confident_class(probabilities, labels)
    table = told[["galaxy_id", "row", "label"]].assign(
        suggestion=told["prediction"],
        margin=label_margin(probabilities, labels),
        self_confidence=probabilities[np.arange(len(labels)), labels],
        suspect=(confident >= 0) & (confident != labels),
        **{column: told[column] for column in columns},
    )
    ranked = table.sort_values("margin", ignore_index=True, kind="stable")
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked
