"""The original project's own comparisons, on painted galaxies: E against S, a row each, all from one run.

    python benchmarks/comparisons.py FOLDER --galaxies 6000 --seed 1000

Augmentation or none; the g band or all five; 28 x 28 pixels or 64 x 64 (the same field, its light summed into larger
pixels); min-max or asinh; stars and artefacts left out, a third class, or caught before by a network of their own; and
the other networks, with how far the answers to eight views of one galaxy differ. Each row trains the recipe ``default``
with one thing changed, but for the original project's own recipe, and is asked about galaxies of another survey, never
seen. Killed, it goes on where it stopped; ``--rows`` leaves the others out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.network.loading import load_network
from gz2interp.painting import KIND_SHARES, with_rare
from gz2interp.results import Cutout
from gz2interp.schema import BANDS
from gz2interp.statistics import proportion
from gz2interp.stores.survey import Survey
from trainer.answers import prediction_samplers
from trainer.catalog.labels import labels_by
from trainer.config import read_config
from trainer.fit import fit
from trainer.paint import paint_survey
from trainer.predict import predict, prediction_function

SMALL = 28
RARE = {"artefact": 0.03, "star": 0.03}
"""More than there are in the sky, so that something can be said of them."""

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """One training.

    Attributes
    ----------
    words : str
    seen : str
        Which form of the galaxies: ``"whole"``, ``"g"`` or ``"small"``.
    changes : mapping
        Of the recipe.
    recipe : str
    """

    words: str
    seen: str = "whole"
    changes: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = "default"


ROWS = {
    "default": Row("five bands, 64 x 64, asinh, augmented, stars and artefacts left out"),
    "not_augmented": Row("without augmentation", changes={"augmentation": "none"}),
    "g_alone": Row("the g band alone", "g"),
    "small": Row(f"{SMALL} x {SMALL} pixels of the same field", "small"),
    "minmax": Row("min-max scaling, each galaxy and band by itself", changes={"scaling": "minmax"}),
    "third": Row("stars and artefacts as a third class", changes={"scheme": "e_s_a"}),
    "catcher": Row("", changes={"scheme": "galaxy_vs_artifact"}),
    "d4": Row("the network that is symmetric by construction", changes={"network": "d4"}),
    "caught": Row("stars and artefacts caught before", changes={"without": "catcher:artifact"}),
    "resnet": Row("the plain residual network of twenty layers", changes={"network": "resnet"}),
    "transfer": Row("a backbone made for photographs, which has seen none", changes={"network": "transfer"}),
    "original": Row("the original project's network, scaling and augmentation", recipe="original"),
}


def summed(image: Images) -> Images:
    """The light of larger pixels, (28, 28, band): what a pixel shares with two goes to both in proportion."""
    edges = np.linspace(0, len(image), SMALL + 1)
    pixels = np.arange(len(image))
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    share = np.clip(overlap, 0, None)
    return np.einsum("iy,jx,yxb->ijb", share, share, image).astype(np.float32)


FORMS: Mapping[str, tuple[tuple[str, ...], int, Callable[[Images], Images]]] = {
    "g": (("g",), 64, lambda image: image[..., 1:2]),
    "small": (BANDS, SMALL, summed),
}
"""Bands, pixels along a side, and how an image becomes one of them."""


def form_of(folder: Path, whole: Survey, seen: str) -> Survey:
    """The survey in another form, beside it."""
    if seen == "whole":
        return whole
    path = folder / f"{whole.path.name}-{seen}"
    if (path / "survey.json").exists() and Survey.open(path).usable.all():
        return Survey.open(path)
    bands, side, change = FORMS[seen]
    survey = Survey.create(path, whole.catalog, bands=bands, shape=(side, side), source="painted")
    with survey.writer() as writer:
        for row in range(len(whole)):
            cutout = whole.cutout(row)
            image, scale = change(cutout.image), cutout.pixel_scale * 64 / side
            writer.append(Cutout(image, np.ones(image.shape[:2], np.bool_), "painted", scale))
    return survey.refreshed()


def taught(survey: Survey, name: str, row: Row, settings: Mapping[str, Any]) -> float:
    """Train unless that is done; seconds."""
    path = survey.path / "models" / name
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return float(survey.model(name).history["seconds"].sum())
    start = time.perf_counter()
    fit(survey, name, read_config(row.recipe, **{"scheme": "e_vs_s"} | dict(settings) | dict(row.changes)))
    return time.perf_counter() - start


def said_of(survey: Survey, name: str, asked: Survey) -> NDArray[np.object_]:
    """What a network says of every galaxy of another survey, (n,)."""
    model = survey.model(name)
    shares = predict(prediction_function(load_network(model.model_file)), asked, np.arange(len(asked)))
    return np.array(model.class_names, dtype=object)[shares.argmax(axis=1)]


def turned(survey: Survey, name: str, asked: Survey) -> float:
    """The largest difference between the probabilities of a galaxy and of its turned and mirrored views."""
    answers = prediction_samplers(load_network(survey.model(name).model_file))["views"](asked.images(np.arange(200)))
    return float(np.abs(answers - answers[:1]).max())


def main() -> None:
    """Paint, train each row, ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--galaxies", type=int, default=6000)
    parser.add_argument("--asked", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    given = parser.parse_args()
    if "caught" in given.rows and "catcher" not in given.rows:
        parser.error("the row caught needs the row catcher")
    shares = with_rare(RARE, KIND_SHARES)
    whole = paint_survey(given.folder / "taught", given.galaxies, given.seed, shares=shares)
    others = paint_survey(given.folder / "asked", given.asked, given.seed + 1, shares=shares)
    truth = labels_by("e_s_a", others.catalog).labels.to_numpy(dtype=object)
    settings = {"epochs": given.epochs, "seed": given.seed, "threads": given.threads}
    table, caught = {}, np.zeros(len(others), np.bool_)
    for name, row in ((name, ROWS[name]) for name in given.rows):
        survey, asked = (form_of(given.folder, whole_survey, row.seen) for whole_survey in (whole, others))
        seconds = taught(survey, name, row, settings)
        said = said_of(survey, name, asked)
        if name == "catcher":
            caught = said == "artifact"
            continue
        said = np.where(caught & (name == "caught"), "A", said)
        galaxies = np.isin(truth, ["E", "S"])
        table[row.words] = {
            "E or S, right": str(proportion((said == truth)[galaxies])),
            "of": int(galaxies.sum()),
            "A taken for a galaxy": str(proportion(said[truth == "A"] != "A")),
            "of A": int((truth == "A").sum()),
            "views differ by": f"{turned(survey, name, asked):.1e}",
            "seconds": round(seconds),
        }
        print(f"{name}: {table[row.words]}", flush=True)
    print("\n" + pd.DataFrame(table).T.to_string())


if __name__ == "__main__":
    sys.exit(main())
