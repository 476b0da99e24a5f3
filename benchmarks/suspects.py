"""Labels changed on purpose: how many of them stand at the top of the list of suspects?

    python benchmarks/suspects.py FOLDER --galaxies 4000 --seed 1000

Paints a survey, labels its galaxies of five kinds by what they are, changes 5 % of these labels to another one drawn
evenly, ranks all labels by `trainer.label_errors`, and counts how many of the changed ones stand in the first tenth.
Killed, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.painting import PAINTED_KIND
from gz2interp.statistics import proportion
from gz2interp.stores.survey import Survey
from trainer.config import read_config
from trainer.label_errors import rank_label_errors
from trainer.paint import paint_survey
from trainer.training import TrainingProgress

FLIPPED, FIRST = 0.05, 0.10
KINDS = ("round", "in_between", "cigar", "edge_on", "spiral")


def flipped(labels: pd.Series[str], seed: int) -> tuple[pd.Series[str], NDArray[np.bool_]]:
    """The labels with some of them changed, and which."""
    rng = np.random.default_rng([seed, 5])
    known = np.flatnonzero(labels.notna())
    chosen = rng.choice(known, round(FLIPPED * len(known)), replace=False)
    changed = labels.copy()
    for row in chosen:
        changed.iloc[row] = rng.choice([kind for kind in KINDS if kind != labels.iloc[row]])
    which = np.zeros(len(labels), np.bool_)
    which[chosen] = True
    return changed, which


def mislabelled(folder: Path, painted: Survey, labels: pd.Series[str]) -> Survey:
    """The same galaxies with other labels, in a survey of their own."""
    if (folder / "survey.json").exists() and Survey.open(folder).usable.all():
        return Survey.open(folder)
    survey = Survey.create(folder, painted.catalog.assign(label=labels), bands=painted.bands, source="painted")
    with survey.writer() as writer:
        for row in range(len(painted)):
            writer.append(painted.cutout(row))
    return survey.refreshed()


def told(fold: int, now: TrainingProgress) -> None:
    """One line an epoch."""
    if now.validation_accuracy is not None:
        print(f"  fold {fold + 1}, epoch {now.epoch}: validation {now.validation_accuracy:.3f}", flush=True)


def main() -> None:
    """Paint, change, rank, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--galaxies", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    painted = paint_survey(given.folder / "painted", given.galaxies, given.seed)
    kinds = painted.catalog[PAINTED_KIND].astype("str")
    labels, which = flipped(kinds.where(kinds.isin(KINDS)), given.seed)
    survey = mislabelled(given.folder / "mislabelled", painted, labels)
    config = read_config("default", epochs=given.epochs, seed=given.seed, threads=given.threads, folds=5)
    ranked = rank_label_errors(survey, "cnn", config, told)
    changed = which[ranked["row"]]
    first = changed[: round(FIRST * len(ranked))]
    found = np.zeros(changed.sum(), np.bool_)
    found[: first.sum()] = True
    errors = ranked["suspect"].to_numpy()
    print(f"{len(ranked)} labels, {changed.sum()} of them changed")
    print(f"in the first {FIRST:.0%} of the list: {proportion(found)} of the changed ones")
    print(f"counted as errors: {errors.sum()}, of which {proportion(changed[errors])} were changed")
    print(f"of the changed ones counted as errors: {proportion(errors[changed])}")


if __name__ == "__main__":
    sys.exit(main())
