"""A survey larger than memory: a training side and a quarter of it, each read by a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey
from trainer.paint import paint_survey

BATCH = 256


def streaming(options: argparse.Namespace) -> None:
    """One epoch from the disk, of N galaxies and of N/4."""
    painted = paint_survey(options.folder / "painted", min(options.distinct, options.galaxies), 2)
    peaks = {}
    for count in (options.galaxies // 4, options.galaxies):
        place = options.folder / f"repeated-{count}"
        repeated(place, painted, count)
        words = [sys.executable, "-m", "benchmarks.training_speed.epoch", str(place), "--threads", str(options.threads)]
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
    survey, sample = Survey.open(place), np.arange(min(BATCH, len(painted)))
    if survey.rows_committed == count:
        return
    sky = sky_noise(painted.images(sample), painted.valid(sample))
    with survey.writer() as writer:
        for start in range(survey.rows_committed, count, BATCH):
            rows = np.arange(start, min(start + BATCH, count))
            _, where = np.unique(kept[rows], return_inverse=True)
            images = painted.images(np.unique(kept[rows]))[where]
            noise = np.random.default_rng([4, start]).standard_normal(images.shape, dtype=np.float32) * sky
            for image in images + noise:
                writer.append(Cutout(image, np.ones(image.shape[:2], np.bool_), "repeated", 0.396))
