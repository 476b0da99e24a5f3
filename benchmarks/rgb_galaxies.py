"""The trainer on real galaxies in three bands, E against S: train on Galaxy Zoo 1, score on Galaxy Zoo 2's letters.

    python benchmarks/rgb_galaxies.py DATA --recipes original default

DATA holds ``gz1_rgb64.npz`` and ``gz2_rgb64.npz``: composite 64 x 64 RGB images, classes and vote fractions. These are
not linear fluxes, so nothing here speaks of five bands; it asks whether architecture and recipe learn real galaxies.
Galaxies of both files are left out of the training. One run, one seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Cutout
from gz2interp.statistics import proportion
from gz2interp.stores.survey import Survey
from gz2interp.workflows.lay import lay_model
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.predict import predict
from trainer.config import read_config
from trainer.fit import fit
from trainer.training import Progress

BANDS = ("g", "r", "i")
GZ1_LABELS = {"elliptical": "E", "edge_on": "S", "clockwise_spiral": "S", "anticlockwise_spiral": "S"}
PIXEL_SCALE = 0.396
DECIDED = 0.8


def survey_of(path: Path, data: Any, labels: list[str | None], keep: NDArray[np.bool_]) -> Survey:
    """A three-band survey of composite images; red is the last band, as in SDSS's own composites (i, r, g)."""
    ids = data["dr7objid"][keep].astype(np.int64)
    rng = np.random.default_rng(0)  # the files have no positions; these only keep galaxies apart in the split
    positions = rng.uniform(0, 360, len(ids)), rng.uniform(-60, 60, len(ids))
    chosen = pd.array([label for label, kept in zip(labels, keep, strict=True) if kept], dtype="str")
    catalog = pd.DataFrame({"galaxy_id": ids, "ra": positions[0], "dec": positions[1], "label": chosen})
    survey = Survey.create(path, catalog, bands=BANDS, source="composite RGB")
    valid = np.ones((64, 64), np.bool_)
    with survey.writer() as writer:
        for image in data["images"][keep]:
            writer.append(Cutout(image[..., ::-1].astype(np.float32) / 255, valid, "composite RGB", PIXEL_SCALE))
    return survey.refreshed()


def told(now: Progress) -> None:
    """One line an epoch."""
    if now.validation_accuracy is not None:
        print(f"    epoch {now.epoch}: {now.accuracy:.3f}, validation {now.validation_accuracy:.3f}", flush=True)


def judged(table: pd.DataFrame, data: Any) -> dict[str, str]:
    """Accuracy with Wilson intervals: on all with a letter E or S, on the decided ones, and without mergers."""
    known = table["label"].notna().to_numpy()
    right = (table["label"] == table["prediction"]).to_numpy()
    rows = table["row"].to_numpy()
    decided = (np.maximum(data["smooth"], data["features"]) > DECIDED)[rows]
    merger = (data["kind"] == "merger")[rows]
    parts = {"all": known, "decided": known & decided, "without mergers": known & ~merger}
    return {name: f"{proportion(right[part])} of {part.sum()}" for name, part in parts.items()}


def main() -> None:
    """Make both surveys, train each recipe on the first, score it on the second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["original", "default"])
    parser.add_argument("--set", dest="changes", nargs="*", default=[], help="Settings, such as epochs=2.")
    given = parser.parse_args()
    first, second = (np.load(given.data / f"{name}_rgb64.npz") for name in ("gz1", "gz2"))
    new = ~np.isin(first["dr7objid"], second["dr7objid"])
    letters = [text[0] if text[0] in "ES" else None for text in second["gz2_class"]]
    classes = [GZ1_LABELS.get(name) for name in first["gz1_class"]]
    with tempfile.TemporaryDirectory() as folder:
        train = survey_of(Path(folder) / "gz1", first, classes, new)
        test = survey_of(Path(folder) / "gz2", second, letters, np.ones(len(letters), np.bool_))
        print(f"{len(train)} galaxies to train on ({(~new).sum()} common ones left out), {len(test)} to score on")
        changes = {"scheme": "label"} | {name: int(value) for name, value in (c.split("=") for c in given.changes)}
        for recipe in given.recipes:
            start = time.perf_counter()
            model = fit(train, recipe, read_config(recipe, **changes), told)
            table = predict(Subject(test, lay_model(test, model.path, recipe)))
            print(f"{recipe}: {time.perf_counter() - start:.0f} s")
            for name, words in judged(table, second).items():
                print(f"  {name:<16} {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
