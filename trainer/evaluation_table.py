"""An evaluation as a table."""

from __future__ import annotations

import pandas as pd

from gz2interp.cards import Evaluation
from gz2interp.result_tables import ResultTable

__all__ = ["evaluation_table"]


def evaluation_table(evaluation: Evaluation) -> ResultTable:
    """Scores by class with 95 % intervals, and below them what holds for all and for galaxies without a label."""
    title = f"{evaluation.model}: accuracy {evaluation.accuracy}"
    scores = {each.name: {"recall": each.recall, "precision": each.precision} for each in evaluation.classes}
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
    return ResultTable(title, pd.DataFrame(rows), {title: pd.DataFrame(drawn)}, _sentences(evaluation))


def _sentences(evaluation: Evaluation) -> list[str]:
    lines = [
        f"On {evaluation.selection}. In brackets: 95 % intervals.",
        f"Expected calibration error {evaluation.calibration_error}.",
        f"A perfectly calibrated network would show {evaluation.ideal_calibration_error} on as many galaxies.",
        f"Brier score {evaluation.brier.plain}; 0 is perfect, 2 the worst.",
    ]
    rest = evaluation.rest
    if rest.count:
        lines.append(
            f"{rest.count} galaxies have no label and no part in these numbers: the network is more than 90 % sure of "
            f"{rest.confident} of them."
        )
    if rest.count and rest.agreement is not None and rest.agreement.value is not None:
        lines.append(
            f"It says what most volunteers said for {rest.agreement} of the {rest.agreement.count} with votes."
        )
    return lines
