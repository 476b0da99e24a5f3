"""How fast augmentation is, beside the original project's way of doing it and beside the training it must keep up with.

    python benchmarks/augmentation.py --threads 2

Each number is the median of several rounds, all taken in one run on the same images, so that the ratios hold whatever
else the machine is doing. The original's way is our own retelling of it: one image after the other through
`scipy.ndimage.rotate`, `shift` and `zoom`, with the same chances.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))

from gz2interp.network.quiet import keras, tf
from trainer.augment import POLICIES, augment, draw
from trainer.networks import build_network

Floats = NDArray[np.float32]

SIZE, BANDS, CLASSES = 64, 5, 5
SKY = np.full(BANDS, 0.1)


def original_recipe(image: Floats, generator: np.random.Generator) -> Floats:
    """One image (y, x, band), as the original augmented it: up to three resamplings, one after the other."""
    seen = ndimage.rotate(image, generator.uniform(0, 45), reshape=False, order=1, mode="reflect")
    if generator.random() < 0.25:
        seen = seen[:, ::-1]
    if generator.random() < 0.25:
        seen = seen[::-1]
    if generator.random() < 0.25:
        seen = ndimage.shift(seen, (*generator.integers(-4, 5, 2), 0), order=1, mode="nearest")
    if generator.random() < 0.25:
        seen = zoomed(seen, generator.uniform(0.75, 1.3))
    return np.asarray(seen)


def zoomed(image: Floats, factor: float) -> Floats:
    """Enlarged or shrunk about the middle, cut or filled to the same size."""
    larger = ndimage.zoom(image, (factor, factor, 1), order=1)
    missing = max(0, image.shape[0] - larger.shape[0] + 1) // 2 + 1
    larger = np.pad(larger, ((missing, missing), (missing, missing), (0, 0)), mode="symmetric")
    start = (larger.shape[0] - image.shape[0]) // 2
    return np.asarray(larger[start : start + image.shape[0], start : start + image.shape[0]])


def costs(jobs: dict[str, Callable[[], int]], rounds: int) -> dict[str, Floats]:
    """Seconds an image, (round, 2): on the clock, and of the processor. The jobs take turns, to share disturbances."""
    for job in jobs.values():
        job()  # compiles
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            clock, processor = time.perf_counter(), time.process_time()
            count = job()
            taken[name].append(((time.perf_counter() - clock) / count, (time.process_time() - processor) / count))
    return {name: np.array(rounds) for name, rounds in taken.items()}


def augmentation_job(policy_name: str, images: Floats, valid: NDArray[np.bool_]) -> Callable[[], int]:
    """Draw and apply, as in training."""
    policy, rows = POLICIES[policy_name], np.arange(len(images))

    def job() -> int:
        draws = draw(policy, 1, 1, rows, shape=(SIZE, SIZE), sky_sigma=SKY)
        return len(augment(policy, images, valid, draws)[0].numpy())

    return job


def original_job(images: Floats, count: int = 64) -> Callable[[], int]:
    """The original's way, on fewer images since it is slow."""
    generator = np.random.default_rng(1)
    return lambda: len([original_recipe(image, generator) for image in images[:count]])


def training_job(images: Floats, batch: int = 64) -> Callable[[], int]:
    """Steps of our default network, pixels ready in memory."""
    network = build_network("cnn", shape=(SIZE, SIZE), class_count=CLASSES, scaling="asinh", softening=list(SKY))
    optimizer = keras.optimizers.AdamW(1e-3)
    targets = tf.one_hot(np.arange(batch) % CLASSES, CLASSES)

    @tf.function  # type: ignore[untyped-decorator]
    def step(pixels: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = network(pixels, training=True)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(targets, outputs))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    def job() -> int:
        starts = range(0, len(images), batch)
        for start in starts:
            step(tf.constant(images[start : start + batch])).numpy()
        return batch * len(starts)

    optimizer.build(network.trainable_variables)
    return job


def report(taken: dict[str, Floats], threads: int) -> None:
    """Medians; the ratios compare the processor's time, which is what augmentation takes away from training."""
    original, training = (taken[name][:, 1] for name in ("scipy, one by one", "training step (cnn)"))
    print(f"{'':22s}{'images/s':>10s}{f'on {threads} free cores':>18s}{'x original':>12s}{'x training':>12s}")
    for name, seconds in taken.items():
        clock, processor = 1 / np.median(seconds, axis=0)
        ratios = [np.median(reference / seconds[:, 1]) for reference in (original, training)]
        cores = 1 if name.startswith("scipy") else threads
        print(f"{name:22s}{clock:10.0f}{cores * processor:18.0f}{ratios[0]:12.1f}{ratios[1]:12.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="threads of TensorFlow")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of which the median is taken")
    parser.add_argument("--images", type=int, default=256, help="images a round")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    images = np.random.default_rng(0).normal(0, 0.1, (options.images, SIZE, SIZE, BANDS)).astype(np.float32)
    valid = np.ones(images.shape[:3], np.bool_)
    jobs = {name: augmentation_job(name, images, valid) for name in POLICIES if name != "none"}
    jobs |= {"scipy, one by one": original_job(images), "training step (cnn)": training_job(images)}
    report(costs(jobs, options.rounds), options.threads)


if __name__ == "__main__":
    main()
