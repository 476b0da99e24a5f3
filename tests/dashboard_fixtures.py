"""Small surveys for the tests of the dashboard: round and long galaxies, a network's answers, a map."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Embedding, Neighbours, Provenance
from gz2interp.schema import BANDS
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

FIRST_ID = 588015507658768484
"""Beyond 2**53: as a float it is another galaxy."""
CLASSES = ("round", "long")
LAYER = "block3"
LOST = 3
"""The row of the galaxy that has no image."""


def make_survey(
    path: Path, n: int = 120, *, model: bool = True, analysed: bool = True, network: bytes = b"none"
) -> Survey:
    """A survey of n galaxies, half round and half long, the fourth without an image."""
    rng = np.random.default_rng(1)
    survey = Survey.create(path, catalogue(n, rng), shape=(32, 32), source="test")
    with survey.writer() as writer:
        for row in range(n):
            writer.append(
                CutoutUnavailable("missing", "the archive has no such field") if row == LOST else cutout(row, rng)
            )
    survey = Survey.open(path)
    if model:
        add_model(survey, rng, network)
    if analysed:
        add_analysis(survey)
    return survey


def catalogue(n: int, rng: np.random.Generator) -> pd.DataFrame:
    smooth = rng.uniform(size=n)
    return pd.DataFrame(
        {
            "galaxy_id": FIRST_ID + np.arange(n, dtype=np.int64),
            "ra": 150 + rng.uniform(size=n),
            "dec": 2 + rng.uniform(size=n),
            "label": [CLASSES[row % 2] for row in range(n)],
            "r": rng.uniform(14, 17.7, n),
            "petro_radius": rng.uniform(3, 12, n),
            "t01_smooth_or_features_a01_smooth_debiased": smooth,
            "t01_smooth_or_features_a02_features_or_disk_debiased": 1 - smooth,
            "t04_spiral_a08_spiral_debiased": 1 - smooth,
        }
    )


def cutout(row: int, rng: np.random.Generator) -> Cutout:
    y, x = np.mgrid[-16:16, -16:16] + 0.5
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    light = np.exp(-np.hypot(along / 4, across / (4 if row % 2 == 0 else 1.2)))
    image = light[..., None] * np.array([0.2, 0.7, 1.2, 1.6, 1.8]) + rng.normal(0, 0.02, (32, 32, 5))
    return Cutout(
        image.astype(np.float32), np.ones((32, 32), bool), "test", 0.396, sky_sigma=(0.02,) * 5, psf_fwhm=(1.3,) * 5
    )


def add_model(survey: Survey, rng: np.random.Generator, network: bytes = b"none", name: str = "cnn") -> None:
    folder = survey.path / "models" / name
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(network)
    (folder / "run.json").write_text(json.dumps({"class_names": list(CLASSES), "bands": list(BANDS)}))
    rows = np.flatnonzero(survey.usable)
    sure = rng.uniform(0.5, 1, len(rows))
    long = np.where(rows % 2 == 1, sure, 1 - sure)
    table = pd.DataFrame(
        {
            "galaxy_id": survey.catalog["galaxy_id"].iloc[rows].to_numpy(),
            "row": rows,
            "split": "test",
            "label": survey.catalog["label"].iloc[rows].to_numpy(),
            "prediction": [CLASSES[int(share > 0.5)] for share in long],
            "confidence": sure.astype(np.float32),
            "p_round": (1 - long).astype(np.float32),
            "p_long": long.astype(np.float32),
        }
    )
    model = survey.model(name)
    model.write_predictions(
        table, Provenance(survey.digest, model.digest, "", "predictions", {"class_names": list(CLASSES)})
    )


def add_analysis(survey: Survey, data: str | None = None, name: str = "cnn", layer: str = LAYER) -> None:
    model = survey.model(name)
    rows = np.flatnonzero(survey.usable)
    places = np.stack([np.cos(rows * 2.4), np.sin(rows * 2.4)], axis=1) * np.sqrt(rows + 1)[:, None]
    places[:, 0] += np.where(rows % 2 == 1, 12, 0)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1:9]
    made = Provenance(data or survey.digest, model.digest, layer, "analysis", {"metric": "euclidean", "map": "umap"}, 0)
    analysis = Analysis(layer_folder(model.path, layer) / made.digest)
    analysis.path.mkdir(parents=True)
    for shard, start in enumerate(range(0, len(rows), SHARD_ROWS)):
        analysis.write_activations(shard, places[start : start + SHARD_ROWS].astype(np.float32), len(rows))
    distances = np.take_along_axis(apart, nearest, axis=1).astype(np.float32)
    analysis.write_neighbours(Neighbours(rows[nearest], distances, "euclidean"))
    ids = survey.catalog["galaxy_id"].to_numpy()[rows]
    analysis.write_map(rows, ids, Embedding(places.astype(np.float32), "umap"))
    analysis.complete(made)


def small_network(side: int = 32) -> bytes:
    """A network for cutouts of 32 by 32 pixels, or another side, untrained, as the bytes of its file."""
    from gz2interp.network.quiet import keras  # here, because most tests of the dashboard need no TensorFlow

    keras.utils.set_random_seed(0)
    image = keras.Input((side, side, len(BANDS)))
    seen = keras.layers.Conv2D(6, 5, strides=4, padding="same", activation="relu", name="seen")(image)
    logits = keras.layers.Dense(len(CLASSES), name="logits")(keras.layers.GlobalAveragePooling2D()(seen))
    model = keras.Model(image, keras.layers.Softmax()(logits))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def given_to(page: AppTest, key: str) -> dict[str, Any]:
    """What a component of ours on a page was given."""
    for element in page.get("bidi_component"):
        if key in element.proto.id:
            return dict(json.loads(element.proto.json))
    raise AssertionError(f"no component {key}")


def press(page: AppTest, key: str) -> AppTest:
    """Press a button that selects something, as the browser does: the press is numbered, and comes with every run."""
    value = given_to(page, key)["button"]["id"]
    page.session_state[key] = {"pick": [{"id": value, "serial": time.time_ns()}]}
    return page.run()


def use_surveys(folder: Path) -> None:
    """Make `folder` the surveys folder of this process."""
    os.environ["GZ2INTERP_SURVEYS"] = str(folder)
