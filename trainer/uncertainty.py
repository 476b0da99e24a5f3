"""Measures of predictive uncertainty, and selection of the one that best predicts the errors of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from gz2interp.errors import InputError
from gz2interp.network.loading import load_network
from gz2interp.stores.survey import Survey
from trainer.answers import prediction_samplers

__all__ = [
    "UncertaintyMeasure",
    "entropy",
    "error_auroc",
    "least_confidence",
    "measure_uncertainty",
    "mutual_information",
    "risk_coverage",
]


Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

TINY = 1e-12


def least_confidence(probabilities: Floats) -> NDArray[np.float64]:
    """One minus the largest probability, (n,) of (n, class)."""
    return np.asarray(1.0 - np.asarray(probabilities, np.float64).max(axis=-1))


def entropy(probabilities: Floats) -> NDArray[np.float64]:
    """Shannon entropy [nat], (..., n) of (..., n, class)."""
    p = np.asarray(probabilities, np.float64)
    return np.asarray(-(p * np.log(np.maximum(p, TINY))).sum(axis=-1))


def mutual_information(samples: Floats) -> NDArray[np.float64]:
    """Mutual information of prediction samples (sample, n, class): entropy of the mean less mean entropy [nat], (n,).

    Ref. Houlsby, Huszar, Ghahramani, Lengyel 2011, Bayesian active learning, https://arxiv.org/abs/1112.5745
    """
    return np.asarray(entropy(np.mean(samples, axis=0)) - entropy(samples).mean(axis=0))


def error_auroc(uncertainty: Floats, right: Bools) -> float | None:
    """Area under the ROC curve of errors predicted by uncertainty (1/2 by chance); None without or with only errors."""
    wrong = ~right
    if wrong.all() or right.all():
        return None
    ranks = rankdata(uncertainty)
    pairs = ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2
    return float(pairs / (wrong.sum() * right.sum()))


def risk_coverage(uncertainty: Floats, right: Bools) -> float:
    """Area under the risk-coverage curve: mean error rate of the most certain galaxies over all coverages; low is good.

    Ref. Geifman, Uziel, El-Yaniv 2019, Bias-reduced uncertainty estimation, https://arxiv.org/abs/1805.08206
    """
    order = np.argsort(uncertainty, kind="stable")
    return float((np.cumsum(~right[order]) / np.arange(1, len(right) + 1)).mean())


MIN_ERRORS = 5
"""Least number of errors in the validation sample for a meaningful selection."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class UncertaintyMeasure:
    """How well a measure of uncertainty predicts errors.

    Attributes
    ----------
    name : str
        ``"doubt"`` (one minus the largest probability), ``"entropy"``, or the mutual information over ``"views"``,
        ``"dropout"`` or ``"members"``.
    choosing, test : float
        `risk_coverage` on the validation sample, used for the selection, and on the test sample (None if it is empty).
    test_auroc : float or None
        `error_auroc` on the test sample.
    chosen : bool
        Whether this measure is selected.
    """

    name: str
    choosing: float
    test: float | None
    test_auroc: float | None
    chosen: bool = False


def measure_uncertainty(
    survey: Survey, name: str | None = None, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> tuple[UncertaintyMeasure, ...]:
    """Select the uncertainty measure that best predicts errors on the validation sample, and store it for all galaxies.

    Writes ``uncertainty.parquet`` (galaxy_id, row, uncertainty) and ``uncertainty.json`` into the model's folder.

    Parameters
    ----------
    name : str, optional
        Of the model; by default the only one.
    seed : int
        Seed of dropout.

    Returns
    -------
    tuple of UncertaintyMeasure
        The best on the validation sample first.

    Raises
    ------
    InputError
        The network made fewer than `MIN_ERRORS` errors on the validation sample.
    """
    model = survey.model(name)
    predictions = model.predictions
    _check_errors(predictions)
    uncertainties = _uncertainties(survey, load_network(model.model_file), predictions, seed, progress)
    measures = _rank_measures(uncertainties, predictions)
    best = measures[0].name
    table = predictions[["galaxy_id", "row"]].assign(uncertainty=uncertainties[best].astype(np.float32))
    model.write_uncertainty(table, {"chosen": best, "seed": seed, "ways": [asdict(measure) for measure in measures]})
    return measures


def _uncertainties(
    survey: Survey, network: Any, table: pd.DataFrame, seed: int, progress: Callable[[int, int], None] | None
) -> Mapping[str, Doubles]:
    """Uncertainty of each row of the predictions by each measure."""
    probabilities = table[[column for column in table if str(column).startswith("p_")]].to_numpy()
    samplers, done = prediction_samplers(network, seed), 0
    parts: dict[str, list[Doubles]] = {}
    for batch in survey.batches(rows=table["row"].to_numpy()):
        for name, sampler in samplers.items():
            parts.setdefault(name, []).append(mutual_information(sampler(batch.images)))
        done += len(batch.rows)
        if progress is not None:
            progress(done, len(table))
    plain = {"doubt": least_confidence(probabilities), "entropy": entropy(probabilities)}
    return plain | {name: np.concatenate(values) for name, values in parts.items()}


def _check_errors(table: pd.DataFrame) -> None:
    """Raise `InputError` if the validation sample has too few errors."""
    validation = table["label"].notna() & (table["split"] == "validation")
    errors = int((table["label"] != table["prediction"])[validation].sum())
    if errors < MIN_ERRORS:
        raise InputError(
            f"The network made {errors} errors on the validation sample",
            f"At least {MIN_ERRORS}, for a meaningful selection",
            "Train with a larger validation_fraction, or on more galaxies",
        )


def _rank_measures(uncertainties: Mapping[str, Doubles], table: pd.DataFrame) -> tuple[UncertaintyMeasure, ...]:
    right = (table["label"] == table["prediction"]).to_numpy()
    labelled = table["label"].notna().to_numpy()
    sides = {side: labelled & (table["split"] == side).to_numpy() for side in ("validation", "test")}
    measures = [
        UncertaintyMeasure(
            name,
            choosing=risk_coverage(values[sides["validation"]], right[sides["validation"]]),
            test=risk_coverage(values[sides["test"]], right[sides["test"]]) if sides["test"].any() else None,
            test_auroc=error_auroc(values[sides["test"]], right[sides["test"]]),
        )
        for name, values in uncertainties.items()
    ]
    first, *others = sorted(measures, key=lambda measure: measure.choosing)
    return (replace(first, chosen=True), *others)
