"""Small surveys for the trainer's tests, and a training that can be run, and killed, as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gz2interp.network.quiet import keras
from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey

FIRST_ID = 588015507658768484  # beyond what a float can hold
BANDS = ("g", "r", "i")


def ring_survey(path: Path, count: int = 240, size: int = 24, seed: int = 0, unlabelled: int = 0) -> Survey:
    """Blobs, rings and, with `unlabelled`, some that nobody named; a class can be seen however a galaxy is turned."""
    generator = np.random.default_rng(seed)
    shapes = np.array(["blob", "ring"])[np.arange(count) % 2]
    catalog = pd.DataFrame(
        {
            "galaxy_id": FIRST_ID + np.arange(count),
            "ra": generator.uniform(0, 360, count),
            "dec": generator.uniform(-60, 60, count),
            "label": pd.array([None] * unlabelled + list(shapes[unlabelled:]), dtype="str"),
        }
    )
    survey = Survey.create(path, catalog, bands=BANDS, shape=(size, size))
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(y, x)[:, :, None]
    with survey.writer() as writer:
        for shape in shapes:
            light = np.exp(-(radius**2) / 8) if shape == "blob" else np.exp(-((radius - 6) ** 2) / 2)
            image = light * [1.0, 2.0, 3.0] + generator.normal(0, 0.05, (size, size, len(BANDS)))
            writer.append(Cutout(image.astype(np.float32), np.ones((size, size), np.bool_), "test", 0.396))
    return Survey.open(path)


@contextmanager
def tiny_network() -> Iterator[str]:
    """A network of one convolution, which is compiled in a second: its name, while it is among the trainer's."""
    from trainer import networks
    from trainer.networks.layers import classifier_head, convolution

    def tiny(pixels: Any, class_count: int, dropout: float = 0.0) -> Any:
        features = keras.layers.Activation("relu", name="block")(convolution(pixels, 12, 7, 2, "block"))
        return classifier_head(features, class_count, dropout)

    networks.NETWORKS["tiny"] = tiny
    try:
        yield "tiny"
    finally:
        del networks.NETWORKS["tiny"]


def main(path: str, name: str) -> None:
    """Train a network with dropout and augmentation, and say how far it is after each step."""
    from trainer.config import Config
    from trainer.fit import fit

    config = Config(network="original", epochs=4, batch_size=16, learning_rate=1e-3, weight_decay=0.0, threads=1)
    model = fit(Survey.open(path), name, config, progress=lambda now: print(now.epoch, now.step, flush=True))  # noqa: T201
    losses = model.history[["loss", "validation_loss"]].to_numpy().tolist()
    print(model.run["weights_digest"], losses, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
