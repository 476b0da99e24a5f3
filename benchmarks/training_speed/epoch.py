"""One epoch from the disk, and the peak memory of the process that read it: ``streaming`` starts it."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from benchmarks.training_speed.throughput import BATCH, network
from gz2interp.stores.survey import Survey


def epoch(options: argparse.Namespace) -> None:
    """One epoch of `default`, from the disk or from memory; peak memory is this process's since it was executed."""
    from trainer.config import read_config
    from trainer.dataset import Examples, in_memory, training_batches
    from trainer.plan import plan_training
    from trainer.process import configure_process
    from trainer.step import CrossEntropy, compiled_step, optimizer_of

    configure_process(options.threads, 1)
    survey, config = Survey.open(options.folder), read_config("default", scheme="five_class")
    plan = plan_training(survey, config)
    rows = plan.rows("train")
    pixels = in_memory(survey, rows, limit=2**40) if options.held else survey
    examples = Examples(pixels, rows, plan.targets.distributions[rows])
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held", action="store_true", help="read all pixels before")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(given.threads))
    epoch(given)
