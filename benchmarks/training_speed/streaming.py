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
    """One epoch from the disk, of N galaxies and of N/4; and of N/4 from memory, which nothing can beat."""
    painted = paint_survey(options.folder / "painted", min(options.distinct, options.galaxies), 2)
    quarter, told = options.galaxies // 4, {}
    for count, held in ((quarter, False), (options.galaxies, False), (quarter, True)):
        place = options.folder / f"repeated-{count}"
        repeated(place, painted, count)
        told[count, held] = measured = _epoch(place, options.threads, held)
        print(
            f"{count:>8} galaxies from {'memory' if held else 'the disk'}, {measured['pixels_mib']:.0f} MiB of pixels: "
            f"peak memory {measured['peak_mib']:.0f} MiB, before the first batch {measured['before_mib']:.0f} MiB; "
            f"{measured['images_per_second']:.0f} images/s; {measured['waiting']:.1%} of the time the step waited",
            flush=True,
        )
    small, large, best = (told[key] for key in ((quarter, False), (options.galaxies, False), (quarter, True)))
    print(f"peak memory, {options.galaxies} over {quarter} galaxies: {large['peak_mib'] / small['peak_mib']:.3f}")
    rates = [each["images_per_second"] / best["images_per_second"] for each in (small, large)]
    print(f"images a second from the disk over those from memory: {rates[0]:.3f}, {rates[1]:.3f}")


def _epoch(place: Path, threads: int, held: bool) -> dict[str, float]:
    """What a process of its own measures."""
    words = [sys.executable, "-m", "benchmarks.training_speed.epoch", str(place), "--threads", str(threads)]
    said = subprocess.run([*words, *["--held"] * held], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


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
