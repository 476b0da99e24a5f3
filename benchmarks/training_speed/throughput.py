"""Our loop beside Keras' own ``model.fit``, in turns."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trainer.paint import paint_survey

CLASSES, BATCH = 5, 64


def throughput(options: argparse.Namespace) -> None:
    """Images a second of our loop and of Keras', and their ratio, the median of rounds in turns."""
    from trainer.process import configure_process

    configure_process(options.threads, 1)
    with tempfile.TemporaryDirectory() as folder:
        survey = paint_survey(Path(folder) / "painted", options.galaxies, 1)
        pixels, valid = survey.images(np.arange(len(survey))), survey.valid(np.arange(len(survey)))
    jobs = {
        "ours, no augmentation": ours(pixels, valid, "none"),
        "Keras, no augmentation": keras_fit(pixels, False),
        "ours, augmented": ours(pixels, valid, "standard"),
        "Keras, augmented": keras_fit(pixels, True),
    }
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()  # compiles
    for _ in range(options.rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            rates[name].append(len(pixels) / (time.perf_counter() - start))
    for name, each in rates.items():
        print(f"{name:<24} {np.median(each):7.1f} images/s  ({min(each):.1f} to {max(each):.1f})")
    for kind in ("no augmentation", "augmented"):
        ratios = np.array(rates[f"ours, {kind}"]) / np.array(rates[f"Keras, {kind}"])
        print(f"ours / Keras, {kind:<16} {np.median(ratios):.3f}  ({ratios.min():.3f} to {ratios.max():.3f})")


def network(bands: int, size: int) -> Any:
    """The network of the recipe `default`."""
    from trainer.networks import build_network

    return build_network(
        "cnn", shape=(size, size), class_count=CLASSES, scaling="asinh", softening=[0.1] * bands, dropout=0.0
    )


def targets_for(count: int) -> Any:
    """Any will do: nobody asks what is learnt."""
    return np.eye(CLASSES, dtype=np.float32)[np.arange(count) % CLASSES]


def ours(pixels: Any, valid: Any, augmentation: str) -> Callable[[], None]:
    """One epoch of our loop on pixels that are held in memory."""
    from trainer.config import Config
    from trainer.dataset import Examples, PixelsInMemory, training_batches
    from trainer.step import CrossEntropy, compiled_step, optimizer_of

    rows = np.arange(len(pixels))
    examples = Examples(PixelsInMemory(rows, pixels, valid), rows, targets_for(len(rows)))
    model, optimizer = network(pixels.shape[-1], pixels.shape[1]), optimizer_of(Config())
    optimizer.build(model.trainable_variables)
    teach, epochs = compiled_step(model, optimizer, CrossEntropy()), iter(range(10**6))

    def job() -> None:
        sky = [0.1] * pixels.shape[-1]
        of = {"batch_size": BATCH, "seed": 1, "epoch": next(epochs), "sky_sigma": sky}
        for images, targets in training_batches(examples, augmentation, **of):
            for result in teach(images, targets, 1e-3):
                float(result)

    return job


def keras_fit(pixels: Any, augmented: bool) -> Callable[[], None]:
    """One epoch of `model.fit` on arrays, or on a tf.data pipeline with Keras' own layers for augmentation."""
    from gz2interp.network.quiet import keras, tf

    layers, model = keras.layers, network(pixels.shape[-1], pixels.shape[1])
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-3), "categorical_crossentropy", metrics=["accuracy"])
    targets = targets_for(len(pixels))
    if not augmented:
        return lambda: model.fit(pixels, targets, batch_size=BATCH, verbose=0)
    turned = keras.Sequential(
        [
            layers.RandomFlip(seed=1),
            layers.RandomRotation(0.5, seed=2),
            layers.RandomTranslation(0.06, 0.06, seed=3),
            layers.RandomZoom(0.1, seed=4),
        ]
    )
    data = tf.data.Dataset.from_tensor_slices((pixels, targets)).shuffle(len(pixels), seed=1).batch(BATCH)
    data = data.map(lambda images, wanted: (turned(images, training=True), wanted)).prefetch(2)
    return lambda: model.fit(data, shuffle=False, verbose=0)
