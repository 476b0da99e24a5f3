"""Evaluation of a trained network on held-out galaxies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cards import ClassScore, Evaluation, UnlabelledGalaxies
from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.result_tables import ResultTable
from gz2interp.statistics import proportion
from gz2interp.stores.survey import Survey
from trainer.evaluation_figure import evaluation_figure, save_figure
from trainer.metrics import brier_estimate, calibration_estimate, confusion_matrix, ideal_calibration, reliability
from trainer.targets import strongest_votes

__all__ = ["evaluate", "evaluation_table", "score_predictions"]


CONFIDENT = 0.9


def evaluate(survey: Survey, name: str | None = None, side: str = "test", seed: int = 0) -> Evaluation:
    """Evaluate a model by its stored predictions.

    Writes ``evaluation.json``, ``evaluation.pdf`` and ``evaluation.png`` into the model's folder.

    Parameters
    ----------
    name : str, optional
        Of the model; by default the only one.
    side : str
        Sample: ``"test"``, ``"validation"``, ``"train"``, or ``"none"`` for a network that was trained elsewhere.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    InputError
        The survey has no such model, or the sample has no labelled galaxy.
    """
    model = survey.model(name)
    if not model.class_names:
        raise SurveyError(
            f"The model {model.name!r} has no class names",
            "A run.json beside it, as python -m trainer fit writes",
        )
    strongest = strongest_votes(survey.catalog, model.class_names)
    evaluation = score_predictions(
        model.predictions,
        model.class_names,
        name=model.name,
        side=side,
        label_scheme=str(model.run.get("label_scheme", "label")),
        strongest=None if strongest is None else strongest[model.predictions["row"].to_numpy()],
        generator=np.random.default_rng(seed),
    )
    model.write_evaluation(evaluation)
    save_figure(evaluation_figure(evaluation), model.path, "evaluation")
    return evaluation


def score_predictions(
    predictions: pd.DataFrame,
    class_names: Sequence[str],
    *,
    name: str,
    side: str,
    label_scheme: str,
    strongest: NDArray[np.object_] | None,
    generator: np.random.Generator,
) -> Evaluation:
    """Evaluate a table of predictions.

    Parameters
    ----------
    predictions : DataFrame
        As in ``predictions.parquet``.
    strongest : object (n,) or None
        The class with most votes, for each prediction.
    """
    labelled = predictions["label"].notna()
    sample = predictions[labelled & (predictions["split"] == side)]
    if sample.empty:
        raise InputError(
            f"The {side} sample has no galaxy with a label",
            f"Samples with labels: {', '.join(sorted(predictions.loc[labelled, 'split'].unique())) or 'none'}",
            "Train with a larger test_fraction",
        )
    unknown = set(sample["label"]) - set(class_names)
    if unknown:
        raise InputError(
            f"Galaxies are labelled {choices(sorted(unknown))}",
            f"The classes of the network are {choices(class_names)}",
            "A network of these classes, or gz2interp survey import with --classes as in the labels",
        )
    truth, predicted = (
        pd.Index(class_names).get_indexer(pd.Index(sample[column])) for column in ("label", "prediction")
    )
    confidence, right = sample["confidence"].to_numpy(), truth == predicted
    return Evaluation(
        model=name,
        side=side,
        label_scheme=label_scheme,
        labelled=int(labelled.sum()),
        usable=len(predictions),
        accuracy=proportion(right),
        classes=tuple(
            ClassScore(class_name, proportion(right[truth == i]), proportion(right[predicted == i]))
            for i, class_name in enumerate(class_names)
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion_matrix(truth, predicted, len(class_names))),
        calibration_error=calibration_estimate(confidence, right, generator),
        ideal_calibration_error=ideal_calibration(confidence, generator),
        brier=brier_estimate(sample[[f"p_{name}" for name in class_names]].to_numpy(np.float64), truth, generator),
        reliability=reliability(confidence, right),
        rest=_unlabelled(predictions[~labelled], None if strongest is None else strongest[~labelled.to_numpy()]),
    )


def _unlabelled(predictions: pd.DataFrame, strongest: NDArray[np.object_] | None) -> UnlabelledGalaxies:
    confidence = predictions["confidence"].to_numpy()
    counts = {str(name): int(count) for name, count in predictions["prediction"].value_counts().items()}
    agreement = None
    if strongest is not None:
        voted = np.array([vote is not None for vote in strongest], dtype=np.bool_)
        agreement = proportion((predictions["prediction"].to_numpy(dtype=object) == strongest)[voted])
    return UnlabelledGalaxies(
        count=len(predictions),
        median_confidence=float(np.median(confidence)) if len(confidence) else None,
        confident=proportion(confidence > CONFIDENT),
        agreement=agreement,
        predictions=counts,
    )


def evaluation_table(evaluation: Evaluation) -> ResultTable:
    """Table of scores by class with 95 % intervals, with notes on calibration and on galaxies without a label."""
    title = f"{evaluation.model}: accuracy {evaluation.accuracy}"
    scores = {score.name: {"recall": score.recall, "precision": score.precision} for score in evaluation.classes}
    rows = [
        {"class": name, "galaxies": estimates["recall"].count}
        | {
            f"{score}{part}": getattr(estimate, part.removeprefix("_") or "value")
            for score, estimate in estimates.items()
            for part in ("", "_low", "_high")
        }
        for name, estimates in scores.items()
    ]
    drawn = [
        {"class": name, "galaxies": str(estimates["recall"].count)}
        | {score: str(estimate) for score, estimate in estimates.items()}
        for name, estimates in scores.items()
    ]
    return ResultTable(title, pd.DataFrame(rows), {title: pd.DataFrame(drawn)}, _notes(evaluation))


def _notes(evaluation: Evaluation) -> list[str]:
    lines = [
        f"On {evaluation.selection}. In brackets: 95 % intervals.",
        f"Expected calibration error {evaluation.calibration_error}.",
        f"A perfectly calibrated network would show {evaluation.ideal_calibration_error} on as many galaxies.",
        f"Brier score {evaluation.brier.plain}; 0 is perfect, 2 the worst.",
    ]
    rest = evaluation.rest
    if rest.count:
        lines.append(
            f"{rest.count} galaxies have no label and are not included: the confidence is above 90 % for "
            f"{rest.confident} of them."
        )
    if rest.count and rest.agreement is not None and rest.agreement.value is not None:
        lines.append(
            f"It agrees with the majority of votes for {rest.agreement} of the {rest.agreement.count} with votes."
        )
    return lines
