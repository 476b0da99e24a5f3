"""Bars measured from attribution maps, against the painted truth, beside a direct regression.

    python -m benchmarks.bars FOLDER --galaxies 6000 --asked 2000 --seed 10 --asked-seed 1001

Paints a survey of discs, a third of them barred; trains a network to tell bars by volunteers' votes (scheme ``barred``)
and a regression that is told the lengths and angles of the same bars; measures every barred galaxy of another survey.
Killed, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.bars.judging import Measured, fitted_line, judged, table_of
from benchmarks.bars.regression import regressed, taught
from benchmarks.bars.samples import Sample, bars_of, image_alone, measured_by
from benchmarks.painted_classes import told
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.bars import BarQuestion
from trainer.config import read_config
from trainer.dataset import held
from trainer.fit import fit
from trainer.paint import paint_survey

SHARES = {"spiral": 0.6, "disc": 0.2, "ring": 0.2}
"""Kinds of galaxies in which a bar may be: a third have one."""

CHANGES = {"scheme": "barred", "batch_size": 24, "learning_rate": 2e-3, "test_fraction": 0.0, "class_balance": 0.0}
"""Of the recipe ``default``: smaller batches, for fewer galaxies."""


def network(survey: Survey, epochs: int, seed: int) -> ModelFolder:
    """The network that tells bars, trained unless it is there."""
    path = survey.path / "models" / "barred"
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return survey.model("barred")
    return fit(survey, "barred", read_config("default", **CHANGES, epochs=epochs, seed=seed, threads=1), told)


def by_regression(folder: Path, survey: Survey, known: Sample, asked: Sample, epochs: int, seed: int) -> Measured:
    """What the direct regression says of the bars that are asked about; it learns from those that volunteers see."""
    rows = known.rows[known.voted]
    model = taught(
        folder / "regression.keras",
        held(survey, rows),
        rows,
        known.length[known.voted],
        known.angle[known.voted],
        epochs=epochs,
        seed=seed,
    )
    return Measured(*regressed(model, asked.survey.images(asked.rows)))


def report(ways: dict[str, Measured], asked: Sample) -> None:
    """The table for all bars, for those that volunteers see, and for the longer half."""
    some = {
        "all barred galaxies": np.ones(len(asked.length), bool),
        "those whose bar half of the volunteers see": asked.voted,
        'those with a bar longer than 4"': asked.length > 4.0,
    }
    for words, which in some.items():
        print(f"\n{words}: {which.sum()}")
        parts = {name: Measured(way.length[which], way.angle[which]) for name, way in ways.items()}
        print(table_of({name: judged(way, asked.length[which], asked.angle[which]) for name, way in parts.items()}))
    sys.stdout.flush()


def main() -> None:
    """Paint, train, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--galaxies", type=int, default=6000)
    parser.add_argument("--asked", type=int, default=2000, help="Galaxies of another seed, which nobody learns from.")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--asked-seed", type=int, default=1001)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--calibrate-on", type=int, default=300, help="Bars of the taught survey that give the line.")
    parser.add_argument("--methods", nargs="+", default=["smooth_grad", "integrated_gradients"])
    given = parser.parse_args()
    survey = paint_survey(given.folder / "taught", given.galaxies, given.seed, shares=SHARES)
    others = paint_survey(given.folder / "asked", given.asked, given.asked_seed, shares=SHARES)
    model = network(survey, given.epochs, given.seed)
    known, asked = bars_of(survey), bars_of(others)
    ways = {"the same length for all": Measured(np.full(len(asked.rows), known.length.mean()), asked.angle * np.nan)}
    ways["ellipse of the r image, no network"] = image_alone(asked)
    ways["regression"] = by_regression(given.folder, survey, known, asked, given.epochs, given.seed)
    few = known.first(given.calibrate_on)
    for method in given.methods:
        question = BarQuestion(method)
        on_taught = measured_by(model, few, question, given.folder / "measured" / f"taught-{method}.parquet")
        raw = measured_by(model, asked, question, given.folder / "measured" / f"asked-{method}.parquet")
        offset, slope = fitted_line(on_taught.length, few.length)
        print(f"{method}: length = {offset:.3f} + {slope:.3f} x on the map", flush=True)
        ways[method] = raw
        ways[f"{method}, on the line"] = Measured(offset + slope * raw.length, raw.angle)
    report(ways, asked)


if __name__ == "__main__":
    sys.exit(main())
