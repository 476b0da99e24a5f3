"""An evaluation as a table for the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gz2interp.evaluation import Evaluation

__all__ = ["evaluation_table"]


def evaluation_table(evaluation: Evaluation) -> Group:
    """Scores by class with 95 % intervals, and below them what holds for all and for galaxies without a label."""
    table = Table(
        title=f"{evaluation.model}: accuracy {evaluation.accuracy}", box=box.SIMPLE_HEAD, title_justify="left"
    )
    table.add_column("class")
    table.add_column("galaxies", justify="right")
    table.add_column("recall", justify="right")
    table.add_column("precision", justify="right")
    for score in evaluation.classes:
        table.add_row(score.name, str(score.recall.count), str(score.recall), str(score.precision))
    return Group(table, Text("\n".join(_sentences(evaluation)), style="dim"))


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
