"""A survey's labels, the most suspect first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gz2interp.errors import InputError
from gz2interp.stores.files import write_json
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import write_parquet
from trainer.config import Config
from trainer.folds import Told, out_of_fold
from trainer.suspects import confident_class, label_margin

__all__ = ["SUSPECTS", "suspect_labels"]

SUSPECTS = "suspects.parquet"


def suspect_labels(survey: Survey, name: str, config: Config, progress: Told | None = None) -> pd.DataFrame:
    """Every labelled galaxy with an image, ranked by how little networks that never saw it believe its label.

    Writes ``suspects.parquet`` and ``suspects.json`` beside the models, in ``suspects/NAME`` of the survey.

    Parameters
    ----------
    survey : Survey
    name : str
        Of the trainings; those that are there are not done again.
    config : Config
        With at least two folds; 5 if it has none.
    progress : callable, optional

    Returns
    -------
    DataFrame
        rank (from 1), galaxy_id, row, label, said (the class networks say), margin, error (whether confident learning
        counts the label as one), and p_CLASS.

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
    folder = survey.path / "suspects" / name
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(folder / SUSPECTS, ranked)
    write_json(folder / "suspects.json", {"config": config.to_json(), "data_digest": survey.digest})
    return ranked


def _ranked(told: pd.DataFrame, labels: np.ndarray, classes: list[str]) -> pd.DataFrame:
    columns = [f"p_{name}" for name in classes]
    probabilities = told[columns].to_numpy()
    confident = confident_class(probabilities, labels)
    table = told[["galaxy_id", "row", "label"]].assign(
        said=told["prediction"],
        margin=label_margin(probabilities, labels),
        error=(confident >= 0) & (confident != labels),
        **{column: told[column] for column in columns},
    )
    ranked = table.sort_values("margin", ignore_index=True, kind="stable")
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked
