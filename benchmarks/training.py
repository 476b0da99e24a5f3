"""How fast a network is taught, from how little memory, and how soon it is good.

    python benchmarks/training.py throughput --threads 2
    python benchmarks/training.py streaming FOLDER --galaxies 100000 --threads 2
    python benchmarks/training.py time-to-accuracy FOLDER --threads 2

`throughput` sets our loop beside Keras' own `model.fit` on arrays in memory: the same network, optimiser and batches,
in turns, without augmentation on either side and with it (ours against Keras' layers for turning, flipping, shifting
and zooming). `streaming` reads a survey from the disk in one epoch, N galaxies and N/4, each in a process of its own
that reads its peak memory from its own status. Its pixels are not N distinct paintings: some thousand painted galaxies
are repeated, each time with fresh noise as strong as the sky's. `time-to-accuracy` gives the seconds until the
validation accuracy with which the recipe `original` ends is reached, by it and by `default`.

`streaming` and `time-to-accuracy` go on where they were interrupted when they are started again with the same words.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey
from trainer.paint import paint_survey

CLASSES, BATCH, DISTINCT = 5, 64, 3000


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, galaxies in (("throughput", 1000), ("streaming", 100_000), ("time-to-accuracy", 3000), ("epoch", 0)):
        part = parts.add_parser(name)
        if name != "throughput":
            part.add_argument("folder", type=Path, help="where surveys are written, and left")
        part.add_argument("--galaxies", type=int, default=galaxies)
        part.add_argument("--threads", type=int, default=2)
        if name == "throughput":
            part.add_argument("--rounds", type=int, default=5)
        if name == "streaming":
            part.add_argument("--distinct", type=int, default=DISTINCT, help="galaxies that are painted")
        if name == "time-to-accuracy":
            part.add_argument("--epochs", type=int, default=9, help="of the recipe original")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    {"throughput": throughput, "streaming": streaming, "time-to-accuracy": time_to_accuracy, "epoch": epoch}[
        options.part
    ](options)


def throughput(options: argparse.Namespace) -> None:
    """Images a second of our loop and of Keras', and their ratio, the median of rounds in turns."""
    from trainer.process import settle

    settle(options.threads, 1)
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
    from trainer.dataset import Examples, Held, training_batches
    from trainer.losses import CrossEntropy
    from trainer.step import compiled_step, optimizer_of

    rows = np.arange(len(pixels))
    examples = Examples(Held(rows, pixels, valid), rows, targets_for(len(rows)))
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


def streaming(options: argparse.Namespace) -> None:
    """One epoch from the disk, of N galaxies and of N/4."""
    painted = paint_survey(options.folder / "painted", min(options.distinct, options.galaxies), 2)
    peaks = {}
    for count in (options.galaxies // 4, options.galaxies):
        place = options.folder / f"repeated-{count}"
        repeated(place, painted, count)
        words = [sys.executable, __file__, "epoch", str(place), "--threads", str(options.threads)]
        said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        measured = json.loads(said.splitlines()[-1])
        peaks[count] = measured["peak_mib"]
        print(
            f"{count:>8} galaxies ({measured['pixels_mib']:.0f} MiB of pixels): peak memory {measured['peak_mib']:.0f} "
            f"MiB, before the first batch {measured['before_mib']:.0f} MiB; {measured['images_per_second']:.0f} "
            f"images/s; {measured['waiting']:.1%} of the time the step waited for data",
            flush=True,
        )
    small, large = peaks.values()
    print(f"peak memory, {options.galaxies} over {options.galaxies // 4} galaxies: {large / small:.3f}")


def repeated(place: Path, painted: Survey, count: int) -> None:
    """A survey that repeats painted galaxies with fresh noise, at places of their own; goes on where it stopped."""
    from trainer.scaling import sky_noise

    kept = np.arange(count) % len(painted)
    if not (place / "survey.json").exists():
        generator = np.random.default_rng(3)
        catalog = painted.catalog.iloc[kept].reset_index(drop=True)
        catalog["galaxy_id"] = int(painted.catalog["galaxy_id"].max()) + 1 + np.arange(count)
        catalog["ra"], catalog["dec"] = generator.uniform(0, 360, count), generator.uniform(-60, 60, count)
        Survey.create(place, catalog, bands=painted.bands, shape=painted.shape)
    survey, sample = Survey.open(place), np.arange(min(256, len(painted)))
    if survey.rows_committed == count:
        return
    sky = sky_noise(painted.images(sample), painted.valid(sample))
    with survey.writer() as writer:
        for start in range(survey.rows_committed, count, 256):
            rows = np.arange(start, min(start + 256, count))
            _, where = np.unique(kept[rows], return_inverse=True)
            images = painted.images(np.unique(kept[rows]))[where]
            noise = np.random.default_rng([4, start]).standard_normal(images.shape, dtype=np.float32) * sky
            for image in images + noise:
                writer.append(Cutout(image, np.ones(image.shape[:2], np.bool_), "repeated", 0.396))


def epoch(options: argparse.Namespace) -> None:
    """One epoch of `default`, nothing held in memory; peak memory is this process's own, since it was executed."""
    from trainer.config import read_config
    from trainer.dataset import Examples, training_batches
    from trainer.losses import CrossEntropy
    from trainer.plan import plan_training
    from trainer.process import settle
    from trainer.step import compiled_step, optimizer_of

    settle(options.threads, 1)
    survey, config = Survey.open(options.folder), read_config("default", scheme="five_class")
    plan = plan_training(survey, config)
    rows = plan.rows("train")
    examples = Examples(survey, rows, plan.targets.distributions[rows])
    model, optimizer = network(len(survey.bands), survey.shape[0]), optimizer_of(config)
    optimizer.build(model.trainable_variables)
    teach, before, waited = compiled_step(model, optimizer, CrossEntropy()), memory("VmRSS"), 0.0
    of = {"batch_size": BATCH, "seed": 1, "epoch": 0, "sky_sigma": [0.1] * len(survey.bands)}
    start = time.perf_counter()
    batches = iter(training_batches(examples, config.augmentation, **of))
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            break
        float(teach(*batch, 1e-3)[0])
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "before_mib": before,
                "peak_mib": memory("VmHWM"),
                "pixels_mib": len(rows) * survey.images(rows[:1]).nbytes / 2**20,
                "waiting": waited / seconds,
                "images_per_second": len(rows) / seconds,
            }
        )
    )


def memory(field: str) -> float:
    """Of this process [MiB], as Linux tells it; ``VmHWM`` is the peak since the program was executed."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def time_to_accuracy(options: argparse.Namespace) -> None:
    """Seconds of `original` and of `default` until the validation accuracy with which `original` ends."""
    from trainer.config import read_config

    survey = paint_survey(options.folder / f"painted-{options.galaxies}", options.galaxies, 5)
    settings = {"scheme": "e_vs_s", "threads": options.threads}
    first = replace(read_config("original", **settings), epochs=options.epochs)
    history = history_of(survey, "original", first, goal=2.0)
    goal = float(history[-1]["validation_accuracy"])
    print(f"original ends with {goal:.1%} of the validation side after {len(history)} epochs")
    seconds = {"original": until(history, goal)}
    print(f"original: {seconds['original']:.0f} s", flush=True)
    seconds["default"] = until(history_of(survey, "default", read_config("default", **settings), goal), goal)
    print(f"default: {seconds['default']:.0f} s\noriginal / default: {seconds['original'] / seconds['default']:.2f}")


def history_of(survey: Survey, name: str, config: Any, goal: float) -> list[dict[str, Any]]:
    """The epochs of a training, until it reaches the goal; what an earlier start has done counts."""
    from trainer.checkpoint import load_checkpoint
    from trainer.fit import fit
    from trainer.training import TrainingStopped

    folder = survey.path / "models" / name
    checkpoint, reached = folder / "checkpoint" / "training.npz", []
    known = [dict(record) for record in load_checkpoint(checkpoint).history] if checkpoint.exists() else []
    if any(record["validation_accuracy"] >= goal for record in known):
        return known

    def listen(now: Any) -> None:
        if now.validation_accuracy is not None and now.validation_accuracy >= goal:
            reached.append(now.epoch)

    try:
        model = survey.model(name) if name in survey.models() and not checkpoint.exists() else None
        model = model or fit(survey, name, config, progress=listen, stop=lambda: bool(reached))
    except TrainingStopped:
        return [dict(record) for record in load_checkpoint(checkpoint).history]
    return [{str(key): value for key, value in record.items()} for record in model.history.to_dict("records")]


def until(history: list[dict[str, Any]], goal: float) -> float:
    """Seconds of all epochs up to the first that reaches the goal; infinity if none does."""
    at = next((i for i, record in enumerate(history) if record["validation_accuracy"] >= goal), None)
    return float("inf") if at is None else float(sum(record["seconds"] for record in history[: at + 1]))


if __name__ == "__main__":
    main()
