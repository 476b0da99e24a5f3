"""Five classes of painted galaxies in Galaxy Zoo 2's proportions, as noisy as SDSS, against the same without noise.

    python benchmarks/painted_classes.py FOLDER --galaxies 20000 --seed 1000

Paints a survey, trains a recipe on what its galaxies are (scheme ``painted``), and asks the network about the galaxies
of another survey: as painted, and painted again without noise. Another network learns what volunteers saw (scheme
``five_class``). Killed, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.loading import load_network
from gz2interp.painting import Recipe, paint_without_noise
from gz2interp.statistics import proportion
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from trainer.catalog.labels import labels_by
from trainer.config import read_config
from trainer.fit import fit
from trainer.metrics import calibration_estimate
from trainer.paint import paint_survey
from trainer.predict import prediction_function
from trainer.training import TrainingProgress

AT_ONCE = 256


def trained(survey: Survey, name: str, recipe: str, scheme: str, seed: int, threads: int) -> ModelFolder:
    """The network, trained unless it is there."""
    path = survey.path / "models" / name
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return survey.model(name)
    start = time.perf_counter()
    made = fit(survey, name, read_config(recipe, scheme=scheme, seed=seed, threads=threads), told)
    print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    return made


def told(now: TrainingProgress) -> None:
    """One line an epoch."""
    if now.validation_accuracy is not None:
        print(f"  epoch {now.epoch}: {now.accuracy:.3f}, validation {now.validation_accuracy:.3f}", flush=True)


def as_painted(survey: Survey, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """The galaxies of those rows, some at a time, float32 (n, y, x, band)."""
    for first in range(0, len(rows), AT_ONCE):
        yield survey.images(rows[first : first + AT_ONCE])


def without_noise(survey: Survey, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """The same galaxies, painted again without noise."""
    for first in range(0, len(rows), AT_ONCE):
        recipes = Truth.open(survey.path).recipes(rows[first : first + AT_ONCE])
        yield np.stack([paint_without_noise(Recipe.from_json(text)) for text in recipes])


def ask(model: ModelFolder, survey: Survey, scheme: str, seeing: Callable[..., Iterator[NDArray[np.float32]]]) -> None:
    """How often the network is right about galaxies that no training has seen."""
    labels = labels_by(scheme, survey.catalog).labels
    rows = np.flatnonzero(labels.notna())
    answer = prediction_function(load_network(model.model_file))
    said = np.concatenate([answer(images) for images in seeing(survey, rows)])
    names, truth = np.array(model.class_names), labels.iloc[rows].to_numpy()
    right, confidence = names[said.argmax(axis=1)] == truth, said.max(axis=1)
    print(
        f"\n{model.name}, {seeing.__name__.replace('_', ' ')}: {proportion(right)} of {len(right)} galaxies never seen"
    )
    for name in names:
        print(f"  {name:<12} {(truth == name).sum():>5}  recall {proportion(right[truth == name])}")
    error = calibration_estimate(confidence, right, np.random.default_rng(0))
    brier = np.square(said - (truth[:, None] == names)).sum(axis=1).mean()
    print(f"  calibration error {error}; Brier score {brier:.4f}", flush=True)


def main() -> None:
    """Paint, train, ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--galaxies", type=int, default=20_000)
    parser.add_argument("--asked", type=int, default=6000, help="Galaxies of the next seed, which nobody learns from.")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--schemes", nargs="+", default=["painted", "five_class"])
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    survey = paint_survey(given.folder / "taught", given.galaxies, given.seed)
    others = paint_survey(given.folder / "asked", given.asked, given.seed + 1)
    for scheme in given.schemes:
        model = trained(survey, scheme.replace("_", "-"), given.recipe, scheme, given.seed, given.threads)
        for seeing in (as_painted, without_noise):
            ask(model, others, scheme, seeing)


if __name__ == "__main__":
    sys.exit(main())
