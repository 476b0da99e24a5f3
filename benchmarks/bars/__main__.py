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

from benchmarks.bars.judging import Measured, fitted_axes, fitted_line, judged, table_of
from benchmarks.bars.picture import draw
from benchmarks.bars.regression import regressed, taught
from benchmarks.bars.samples import Sample, bars_of, image_alone, measured_by
from benchmarks.painted_classes import told
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.bars import BarSettings
from trainer.config import read_config
from trainer.dataset import in_memory
from trainer.fit import fit
from trainer.paint import paint_survey

SHARES = {"spiral": 0.6, "disc": 0.2, "ring": 0.2}
"""Kinds of galaxies in which a bar may be: a third have one."""

CHANGES = {"scheme": "barred", "batch_size": 24, "learning_rate": 2e-3, "test_fraction": 0.0, "class_balance": 0.0}
"""Of the recipe ``default``: smaller batches, for fewer galaxies."""


def network(survey: Survey, epochs: int, seed: int, start: str = "") -> ModelFolder:
    """The network that tells bars, trained unless it is there; with `start` one that goes on from that."""
    name = f"{start}-further" if start else "barred"
    path = survey.path / "models" / name
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return survey.model(name)
    config = read_config("default", **CHANGES, epochs=epochs, seed=seed, start=start, threads=1)
    return fit(survey, name, config, told)


WAYS = {
    "gradient": BarSettings("gradient"),
    "LayerCAM, stem": BarSettings("layer_cam", layers=("stem",)),
    "LayerCAM, block1": BarSettings("layer_cam", layers=("block1",)),
    "SmoothGrad": BarSettings("smooth_grad"),
}
"""Maps by which bars are measured; each is the mean over a galaxy's eight views."""

TOGETHER = ("LayerCAM, stem", "LayerCAM, block1")
"""Ellipses of two maps, whose four axes a least-squares fit turns into a length; the angle is the first's."""


def by_regression(folder: Path, survey: Survey, known: Sample, asked: Sample, epochs: int, seed: int) -> Measured:
    """What the direct regression says of the bars that are asked about; it learns from those that volunteers see."""
    taught_on = known.those(known.voted)
    rows, path = taught_on.rows, folder / "regression.keras"
    model = taught(path, in_memory(survey, rows), rows, taught_on.length, taught_on.angle, epochs=epochs, seed=seed)
    return Measured(*regressed(model, asked.survey.images(asked.rows)))


def without_network(known: Sample, asked: Sample) -> dict[str, Measured]:
    """What the catalogue and the image tell by themselves."""
    nowhere = np.full(len(asked.rows), np.nan)
    offset, slope = fitted_line(known.radius, known.length)
    image = image_alone(asked)
    on_line = fitted_line(image_alone(known).length, known.length)
    return {
        "the same length for all": Measured(np.full(len(asked.rows), known.length.mean()), nowhere),
        "a line in the Petrosian radius": Measured(offset + slope * asked.radius, nowhere),
        "ellipse of the r image, on its line": image.on(*on_line),
    }


def by_maps(folder: Path, model: ModelFolder, few: Sample, asked: Sample) -> dict[str, Measured]:
    """What maps tell, as they are and on lines found on galaxies of the taught survey."""
    told_of, ways = {}, {}
    for name, question in WAYS.items():
        of_few, of_asked = (
            measured_by(
                model, sample, question, folder / "measured" / model.name / f"{side} {name} {sample.rows[0]}.parquet"
            )
            for side, sample in (("taught", few), ("asked", asked))
        )
        offset, slope = fitted_line(of_few.length, few.length)
        print(f"{name}: length = {offset:.3f} + {slope:.3f} x the map's", flush=True)
        told_of[name] = of_few, of_asked
        ways[name], ways[f"{name}, on its line"] = of_asked, of_asked.on(offset, slope)
    firsts, seconds = (told_of[name] for name in TOGETHER)
    ways["both layers' axes, fitted"] = fitted_axes(firsts, seconds, few.length)
    return ways


def report(ways: dict[str, Measured], asked: Sample) -> None:
    """The tables for all bars, for those that volunteers see, and for the longer ones."""
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
    parser.add_argument("--epochs", type=int, nargs=2, default=(20, 16), help="Of the network and of the regression.")
    parser.add_argument("--further", type=int, default=0, help="Epochs for which the network goes on from there.")
    parser.add_argument("--skip", type=int, default=0, help="Bars passed over, of those asked about.")
    parser.add_argument("--most", type=int, default=350, help="Bars that are measured, of those asked about.")
    parser.add_argument("--lines-from", type=int, default=150, help="Bars of the taught survey that give the lines.")
    parser.add_argument("--picture", type=Path, help="Also draw some of them: a .jpg or .png file.")
    given = parser.parse_args()
    survey = paint_survey(given.folder / "taught", given.galaxies, given.seed, shares=SHARES)
    others = paint_survey(given.folder / "asked", given.asked, given.asked_seed, shares=SHARES)
    model = network(survey, given.epochs[0], given.seed)
    model = network(survey, given.further, given.seed, model.name) if given.further else model
    known, asked = bars_of(survey), bars_of(others).those(slice(given.skip, given.skip + given.most))
    few = known.those(known.voted).those(slice(given.lines_from))
    ways = without_network(known, asked) | by_maps(given.folder, model, few, asked)
    ways["regression"] = by_regression(given.folder, survey, known, asked, given.epochs[1], given.seed)
    report(ways, asked)
    if given.picture:
        shown = "LayerCAM, block1"
        draw(given.picture, model, asked, ways[f"{shown}, on its line"], WAYS[shown], count=9)


if __name__ == "__main__":
    sys.exit(main())
