"""How fast a survey's cutouts are written and read, beside one file per galaxy as the original project kept them.

    python benchmarks/store.py --galaxies 5120

One run on one disk, the ways taking turns; medians. Pixels are noise, as most of a cutout is.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BloscCodec, ZstdCodec

from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey
from trainer.dataset import RUN_ROWS

SHAPE = (64, 64, 5)
BATCH = 64
TAUGHT = 0.6
"""Share of the galaxies that a training reads, in runs as it reads them."""


def cutouts(count: int) -> list[Cutout]:
    """Some different cutouts, repeated."""
    generator = np.random.default_rng(0)
    images = generator.normal(0, 0.05, (256, *SHAPE)).astype(np.float32)
    valid = np.ones(SHAPE[:2], np.bool_)
    return [Cutout(images[i % 256], valid, "noise", 0.396) for i in range(count)]


def written(folder: Path, galaxies: list[Cutout]) -> tuple[Survey, Path]:
    """A survey and a folder of files with the same galaxies; prints how long each took."""
    catalog = pd.DataFrame({"galaxy_id": np.arange(len(galaxies)), "ra": 0.0, "dec": 0.0})
    survey = Survey.create(folder / "survey", catalog)
    start = time.perf_counter()
    with survey.writer() as writer:
        for galaxy in galaxies:
            writer.append(galaxy)
    in_survey = len(galaxies) / (time.perf_counter() - start)
    files = folder / "files"
    files.mkdir()
    start = time.perf_counter()
    for row, galaxy in enumerate(galaxies):
        np.save(files / f"array_number_{row}.npy", galaxy.image)
    in_files = len(galaxies) / (time.perf_counter() - start)
    row_of_table("written", in_survey, in_files)
    return survey.refreshed(), files


def rate(read: Callable[[], int], rounds: int) -> float:
    """Galaxies per second, the median of several rounds."""
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        rates.append(read() / (time.perf_counter() - start))
    return float(np.median(rates))


def compared(survey: Survey, files: Path, rounds: int) -> None:
    """Read in sequence, as a training side is, in random batches, and one by one."""
    generator, n = np.random.default_rng(1), len(survey)

    def loaded(rows: Iterable[int]) -> int:
        return sum(len([np.load(files / f"array_number_{row}.npy")]) for row in rows)

    def in_sequence() -> int:
        return sum(len(batch.images) for batch in survey.batches())

    def in_batches() -> int:
        return sum(len(survey.images(generator.integers(0, n, BATCH))) for _ in range(10))

    def one_by_one() -> int:
        return sum(len(survey.images([int(row)])) for row in generator.integers(0, n, 200))

    side = np.flatnonzero(generator.uniform(size=n) < TAUGHT)

    def taught() -> int:
        return sum(len(survey.images(part)) for part in np.split(side, range(RUN_ROWS, len(side), RUN_ROWS)))

    row_of_table("in sequence", rate(in_sequence, rounds), rate(lambda: loaded(range(n)), rounds))
    row_of_table("a training side", rate(taught, rounds), rate(lambda: loaded(side), rounds))
    random_files = rate(lambda: loaded(generator.integers(0, n, 640)), rounds)
    row_of_table(f"random batches of {BATCH}", rate(in_batches, rounds), random_files)
    row_of_table("one at random", rate(one_by_one, rounds), random_files)


def codecs(folder: Path, galaxies: list[Cutout], rounds: int) -> None:
    """What compressing the pixels would save, and what it would cost in reading."""
    images = np.stack([galaxy.image for galaxy in galaxies[:1024]])
    kinds = {"none": None, "zstd": ZstdCodec(level=1), "lz4": BloscCodec(cname="lz4", shuffle="bitshuffle")}
    print(f"\n{'codec':<22} {'size':>10} {'read/s':>10}")
    for name, codec in kinds.items():
        array = zarr.create_array(
            folder / name, shape=images.shape, dtype="f4", shards=(256, *SHAPE), chunks=(8, *SHAPE), compressors=codec
        )
        array[:] = images
        size = sum(file.stat().st_size for file in (folder / name).rglob("*") if file.is_file()) / images.nbytes

        def read(array: zarr.Array = array) -> int:
            return sum(len(np.asarray(array[start : start + 256])) for start in range(0, len(images), 256))

        print(f"{name:<22} {size:>10.2f} {rate(read, rounds):>10.0f}")


def row_of_table(what: str, survey: float, files: float) -> None:
    """One line of the result."""
    print(f"{what:<22} {survey:>10.0f} {files:>10.0f} {survey / files:>8.2f}")


def main() -> None:
    """Run the comparison in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=5120)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"{given.galaxies} galaxies of {' x '.join(map(str, SHAPE))}, galaxies per second\n")
    print(f"{'':<22} {'survey':>10} {'files':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        survey, files = written(Path(folder), cutouts(given.galaxies))
        survey.images(range(256))  # what a first reading needs is not growth
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        compared(survey, files, given.rounds)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        codecs(Path(folder), cutouts(1024), given.rounds)
    shown = given.galaxies * np.prod(SHAPE) * 4 / 2**20
    print(f"\nReading {shown:.0f} MiB again and again raised the peak memory by {grown:.0f} MiB.")


if __name__ == "__main__":
    sys.exit(main())
