"""How many labels that were flipped on purpose stand at the head of the list of suspects.

    python benchmarks/suspects.py [--seed 1000] [--galaxies 2500] [--epochs 8] [--folds 5]

Paints galaxies, takes what was painted as the label (round, in_between, cigar, edge_on, spiral), gives 5 % of the
labels to another class by lot, and runs ``python -m trainer suspects``'s own function. Prints the share of the flipped
labels within the first tenth of the list against the goal of 80 %, for the list's own ranking and, below it, for the
paper's other one; and how good the flag is.
Seeds below 100 are for development; 1000 has been measured once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.statistics import proportion
from gz2interp.stores.survey import Survey
from trainer.config import read_config
from trainer.folds import find_suspects
from trainer.paint import paint_survey
from trainer.suspects import normalised_margin, self_confidence

CLASSES = ("round", "in_between", "cigar", "edge_on", "spiral")
GOAL, FLIPPED, HEAD = 0.8, 0.05, 0.1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--galaxies", type=int, default=2500)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--folds", type=int, default=5)
    asked = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        painted = paint_survey(Path(folder) / "painted", asked.galaxies, asked.seed)
        survey, flipped = mislabelled(painted, Path(folder) / "mislabelled", asked.seed)
        config = read_config("default", epochs=asked.epochs)
        table = find_suspects(survey, "cnn", config, asked.folds)
    wrong = table["galaxy_id"].isin(flipped).to_numpy()
    labels = pd.Index(CLASSES).get_indexer(pd.Index(table["label"]))
    probabilities = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    head = round(HEAD * len(table))
    print(f"{len(table)} labelled galaxies, {wrong.sum()} labels flipped, seed {asked.seed}")
    for rank in (self_confidence, normalised_margin):
        first = np.argsort(rank(probabilities, labels), kind="stable")[:head]
        found = np.isin(np.flatnonzero(wrong), first)
        print(f"in the first {head} by {rank.__name__}: {proportion(found)}, goal {GOAL:.0%}")
    flagged = table["suspect"].to_numpy()
    print(f"flagged: {flagged.sum()}; of the flipped {proportion(flagged[wrong])}; right {proportion(wrong[flagged])}")
    print(f"the networks say the label of {proportion((table['suggestion'] == table['label']).to_numpy())}")
    print(f"{time.perf_counter() - start:.0f} s")


def mislabelled(painted: Survey, path: Path, seed: int) -> tuple[Survey, list[int]]:
    """The galaxies of the five classes with a few labels flipped, and the ids of those."""
    generator = np.random.default_rng([seed, 5])
    kinds = painted.catalog["painted_kind"]
    rows = np.flatnonzero(kinds.isin(CLASSES))
    labels = kinds.to_numpy(dtype=object)[rows]
    chosen = generator.choice(len(rows), round(FLIPPED * len(rows)), replace=False)
    for place in chosen:
        labels[place] = generator.choice([name for name in CLASSES if name != labels[place]])
    catalog = painted.catalog.iloc[rows].reset_index(drop=True).assign(label=pd.array(labels, dtype="str"))
    survey = Survey.create(path, catalog, bands=painted.bands, shape=painted.shape, source=painted.header.source)
    with survey.writer() as writer:
        for row in rows:
            writer.append(painted.cutout(int(row)))
    return survey.refreshed(), catalog["galaxy_id"].iloc[chosen].tolist()


if __name__ == "__main__":
    main()
