"""Measures of predictive uncertainty, how well each predicts a network's errors, and the best one for every galaxy."""

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
    """How spread a distribution is [nat], (..., n) of (..., n, class)."""
    given = np.asarray(probabilities, np.float64)
    return np.asarray(-(given * np.log(np.maximum(given, TINY))).sum(axis=-1))


def mutual_information(answers: Floats) -> NDArray[np.float64]:
    """How far several answers differ beyond what each leaves open: their mutual information [nat], (n,).

    Ref. Houlsby, Huszar, Ghahramani, Lengyel 2011, Bayesian active learning, https://arxiv.org/abs/1112.5745

    Parameters
    ----------
    answers : float (answer, n, class)
    """
    return np.asarray(entropy(np.mean(answers, axis=0)) - entropy(answers).mean(axis=0))


def error_auroc(uncertainty: Floats, right: Bools) -> float | None:
    """How often a mistake is held less sure than something right (1/2 by chance); None where all or none are mistakes.

    Parameters
    ----------
    uncertainty : float (n,)
    right : bool (n,)
    """
    wrong = ~right
    if wrong.all() or right.all():
        return None
    ranks = rankdata(uncertainty)
    beaten = ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2
    return float(beaten / (wrong.sum() * right.sum()))


def risk_coverage(uncertainty: Floats, right: Bools) -> float:
    """The share of mistakes among the surest galaxies, on average over how many of them one takes: small is good.

    Ref. Geifman, Uziel, El-Yaniv 2019, Bias-reduced uncertainty estimation, https://arxiv.org/abs/1805.08206

    Parameters
    ----------
    uncertainty : float (n,)
    right : bool (n,)
    """
    surest_first = np.argsort(uncertainty, kind="stable")
    return float((np.cumsum(~right[surest_first]) / np.arange(1, len(right) + 1)).mean())


FEWEST = 5
"""Mistakes on the side that chooses; with fewer, luck would choose."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class UncertaintyMeasure:
    """How well one way of being unsure tells mistakes.

    Attributes
    ----------
    name : str
        ``"doubt"`` (one minus the largest probability), ``"entropy"``, or the disagreement of ``"views"``,
        ``"dropout"`` or ``"members"``.
    choosing, test : float
        Mean share of mistakes among the surest galaxies (`risk_coverage`), on the validation side, which chooses, and
        on the test side; there None where nobody stands.
    test_auroc : float or None
        How often a mistake is held less sure than something right.
    chosen : bool
    """

    name: str
    choosing: float
    test: float | None
    test_auroc: float | None
    chosen: bool = False


def measure_uncertainty(
    survey: Survey, name: str | None = None, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> tuple[UncertaintyMeasure, ...]:
    """Ask the network in several ways, choose the one that tells mistakes best on the validation side, and keep it.

    Writes ``uncertainty.parquet`` (galaxy_id, row, uncertainty) and ``uncertainty.json`` into the model's folder.

    Parameters
    ----------
    survey : Survey
    name : str, optional
        Of the model; the only one if not given.
    seed : int
        Of what dropout forgets.
    progress : callable, optional

    Returns
    -------
    tuple of UncertaintyMeasure
        The best on the validation side first.

    Raises
    ------
    InputError
        The network made fewer than `FEWEST` mistakes on the validation side.
    """
    model = survey.model(name)
    table = model.predictions
    _refuse_few_mistakes(table)
    unsure = _unsure(survey, load_network(model.model_file), table, seed, progress)
    ways = _judged(unsure, table)
    best = ways[0].name
    kept = table[["galaxy_id", "row"]].assign(uncertainty=unsure[best].astype(np.float32))
    model.write_uncertainty(kept, {"chosen": best, "seed": seed, "ways": [asdict(way) for way in ways]})
    return ways


def _unsure(
    survey: Survey, network: Any, table: pd.DataFrame, seed: int, progress: Callable[[int, int], None] | None
) -> Mapping[str, Doubles]:
    """Each way's uncertainty of each row of the predictions; images are read batch by batch."""
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


def _refuse_few_mistakes(table: pd.DataFrame) -> None:
    """Before anything is asked: what luck would choose is not worth minutes of asking."""
    known = table["label"].notna() & (table["split"] == "validation")
    mistakes = int((table["label"] != table["prediction"])[known].sum())
    if mistakes < FEWEST:
        raise InputError(
            f"The network made {mistakes} mistakes on the validation side",
            f"At least {FEWEST}, or luck would choose",
            "Train with a larger validation_fraction, or on more galaxies",
        )


def _judged(unsure: Mapping[str, Doubles], table: pd.DataFrame) -> tuple[UncertaintyMeasure, ...]:
    right = (table["label"] == table["prediction"]).to_numpy()
    labelled = table["label"].notna().to_numpy()
    sides = {side: labelled & (table["split"] == side).to_numpy() for side in ("validation", "test")}
    ways = [
        UncertaintyMeasure(
            name,
            choosing=risk_coverage(values[sides["validation"]], right[sides["validation"]]),
            test=risk_coverage(values[sides["test"]], right[sides["test"]]) if sides["test"].any() else None,
            test_auroc=error_auroc(values[sides["test"]], right[sides["test"]]),
        )
        for name, values in unsure.items()
    ]
    first, *others = sorted(ways, key=lambda way: way.choosing)
    return (replace(first, chosen=True), *others)
