"""How `gz2interp analyse` and what follows it grow with the survey: time and peak memory, stage by stage.

    python benchmarks/scale.py --like demo --images 10000 100000 --activations 1000000 --folder FOLDER

Each size runs in a process of its own. Surveys with images hold painted galaxies repeated with fresh noise, seen by the
network of the survey named by --like. The largest ones hold activations only, drawn from a mixture that is fitted to
that network's. What is done is kept in FOLDER: interrupted, the same command goes on, and adds the times up.
Time is that of the processor, which other work on the machine leaves alone, with the clock's beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

STAGES = ("predict", "activations", "neighbours", "map", "quality", "image quality", "clusters", "unusual")
"""Those of `analyse`, of which "quality" is the map's, and what follows."""
PAINTED = 256
MODEL = "cnn"
KINDS = 40
"""Parts of the mixture."""
BLOCK = 1 << 16
EVERY = 0.02
"""Seconds between two looks at the memory."""


class Stages:
    """Processor time, time and peak memory of each stage, kept in a file; called as a progress bar is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.found: dict[str, dict[str, float]] = json.loads(file.read_text()) if file.is_file() else {}
        self.settle()
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, stage: str, done: int, of: int) -> None:
        """Count the time and the memory since the last call towards a stage."""
        known = self.found.setdefault(stage, {"cpu": 0.0, "seconds": 0.0, "peak": 0.0})
        known["cpu"] += time.process_time() - self._worked
        known["seconds"] += time.perf_counter() - self._last
        known["peak"] = max(known["peak"], self._high)
        self.settle()
        if done == of or int(known["seconds"]) % 10 == 0:
            aside = self._file.with_suffix(".aside")
            aside.write_text(json.dumps(self.found))
            aside.replace(self._file)

    def settle(self) -> None:
        """Begin to count now."""
        self._high, self._last, self._worked = memory(), time.perf_counter(), time.process_time()

    def _watch(self) -> None:
        while True:
            self._high = max(self._high, memory())
            time.sleep(EVERY)


def memory() -> float:
    """What this process has in memory now, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def make_images(path: Path, galaxies: int, like: str) -> None:
    """A survey of painted galaxies repeated with fresh noise, and the network that is to look at them."""
    from gz2interp.painting import draw_recipes, paint
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey

    source = Survey.open(find_survey(like))
    painted = [paint(recipe).cutout for recipe in draw_recipes(PAINTED, 0)]
    survey = Survey.open(path) if (path / "survey.json").is_file() else Survey.create(path, catalogue(galaxies))
    with survey.writer() as writer:
        for row in range(writer.rows_written, galaxies):
            cutout, generator = painted[row % PAINTED], np.random.default_rng((1, row))
            noise = np.float32(0.05) * generator.standard_normal(cutout.image.shape, np.float32)
            writer.append(replace(cutout, image=cutout.image + noise))
    (path / "models" / MODEL).mkdir(parents=True, exist_ok=True)
    for name in ("model.keras", "run.json"):
        shutil.copy(source.model(MODEL).path / name, path / "models" / MODEL / name)


def make_activations(path: Path, galaxies: int, like: str) -> None:
    """A survey without images whose galaxies have activations like those of a network."""
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.import_results import import_latents

    shutil.rmtree(path, ignore_errors=True)
    survey = Survey.create(path, catalogue(galaxies))
    file, ids = path.with_suffix(".npy"), path.with_suffix(".ids.npy")
    example = activations_of(like)
    values = np.lib.format.open_memmap(file, "w+", np.float32, (galaxies, example.shape[1]))
    for start, block in mixture(example, galaxies, np.random.default_rng(1000)):
        values[start : start + len(block)] = block
    np.save(ids, survey.galaxy_ids)
    import_latents(survey, file, MODEL, ids)
    file.unlink()
    ids.unlink()


def catalogue(galaxies: int) -> pd.DataFrame:
    """Places all over the sky."""
    generator = np.random.default_rng(0)
    sky = {"ra": generator.uniform(0, 360, galaxies), "dec": np.degrees(np.arcsin(generator.uniform(-1, 1, galaxies)))}
    return pd.DataFrame({"galaxy_id": np.arange(galaxies), **sky})


def activations_of(like: str) -> np.ndarray:
    """What the network of a survey says of its galaxies, float32 (n, channel)."""
    from gz2interp.stores.analyses import latest_analysis
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey

    survey = Survey.open(find_survey(like))
    model = survey.model(MODEL)
    analysis = latest_analysis(model.path, survey.digest, model.digest)
    if analysis is None:
        sys.exit(f"Run gz2interp analyse {like} --model {MODEL} first")
    return analysis.activations()


def mixture(example: np.ndarray, galaxies: int, generator: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks of a mixture of normal distributions, one for each of `KINDS` groups of the example; none below 0."""
    import faiss

    groups = faiss.Kmeans(example.shape[1], KINDS, seed=1000, min_points_per_centroid=1)
    groups.train(example)
    of = groups.index.search(example, 1)[1][:, 0]
    spread = 0.1 * np.cov(example.T)
    parts = [example[of == kind] for kind in range(KINDS) if (of == kind).sum() > 1]
    shapes = [np.linalg.cholesky(0.9 * np.cov(part.T) + spread + 1e-9 * np.eye(len(spread))) for part in parts]
    shares = np.array([len(part) for part in parts]) / sum(len(part) for part in parts)
    for start in range(0, galaxies, BLOCK):
        kinds = generator.choice(len(parts), min(BLOCK, galaxies - start), p=shares)
        block = np.empty((len(kinds), example.shape[1]), np.float32)
        for kind in np.unique(kinds):
            drawn = generator.standard_normal(((kinds == kind).sum(), example.shape[1]))
            block[kinds == kind] = parts[kind].mean(axis=0) + drawn @ shapes[kind].T
        yield start, np.maximum(block, 0)


def measure(path: Path, with_quality: bool) -> None:
    """Analyse a survey, and do what follows, writing down what each stage took."""
    import umap  # noqa: F401 - its 20 s of importing are not the map's

    from gz2interp.embedding.clusters import find_clusters
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.image_quality import quality
    from gz2interp.workflows.study import open_study
    from gz2interp.workflows.unusual import unusual

    study = open_study(path)
    if study.model.latents is None:
        study.probe.activations(study.survey.images([0]), study.probe.default_layer, pooled=True)
        study.probe.probabilities(study.survey.images([0]))
    stages = Stages(path.with_suffix(".stages.json"))
    analysis = analyse(study, progress=stages)
    if with_quality and study.model.latents is None:
        stages.settle()
        quality(study.survey, lambda _, done, of: stages("image quality", done, of))
        stages.settle()
        unusual(study, progress=lambda _, done, of: stages("unusual", done, of))
        stages("unusual", 1, 1)
    if "clusters" not in stages.found:
        coordinates = analysis.embedding.coordinates
        stages.settle()
        find_clusters(coordinates)
        stages("clusters", 1, 1)
    told = {"search": analysis.search.words if analysis.search else "", "disk": disk_of(analysis.path)}
    path.with_suffix(".json").write_text(json.dumps({"stages": stages.found, **told}))


def disk_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def run(size: int, kind: str, given: argparse.Namespace) -> dict[str, Any]:
    """What one size takes, in a process of its own; from the file if that has been done."""
    path = given.folder / f"{kind}-{size}"
    if not path.with_suffix(".json").is_file():
        makers: dict[str, Callable[[Path, int, str], None]] = {"images": make_images, "activations": make_activations}
        if not path.with_suffix(".made").is_file():
            makers[kind](path, size, given.like)
            path.with_suffix(".made").touch()
        names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NUMBA_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(given.threads))}
        command = [sys.executable, __file__, "--measure", str(path), *(["--quality"] if size <= given.judged else [])]
        subprocess.run(command, env=environment, check=True)
    result: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return result


def show(size: int, kind: str, result: dict[str, Any]) -> None:
    """Processor time in all and a galaxy, and peak memory, of each stage."""
    print(f"\n{size:,} galaxies, {kind}; the analysis is {result['disk'] / size:,.0f} bytes a galaxy on disk")
    if result["search"]:
        print(f"  neighbours: {result['search']}")
    for stage in STAGES:
        if found := result["stages"].get(stage):
            each = 1000 * found["cpu"] / size
            print(f"  {stage:<14}{found['cpu']:>9.1f} s ({found['seconds']:.1f} by the clock)", end="")
            print(f"{each:>10.3f} ms a galaxy{found['peak']:>10,.0f} MiB")


def compare(small: tuple[int, dict[str, Any]], large: tuple[int, dict[str, Any]]) -> None:
    """The larger against the smaller, stage by stage."""
    (few, before), (many, after) = small, large
    print(f"\n{many:,} against {few:,}:")
    for stage in STAGES:
        if (one := before["stages"].get(stage)) and (other := after["stages"].get(stage)):
            slower = (other["cpu"] / many) / (one["cpu"] / few)
            more = 1024 * (other["peak"] - one["peak"]) / (many - few)
            print(f"  {stage:<14}time a galaxy x {slower:.2f}, {more:8.2f} KiB more for each further galaxy")


def main() -> None:
    """Run every size, and print what each takes and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--activations", type=int, nargs="*", default=[])
    parser.add_argument("--like", default="demo", help="An analysed survey whose network is used.")
    parser.add_argument("--folder", type=Path, default=Path("scale"), help="For surveys and results; kept.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--judged", type=int, default=10_000, help="Up to so many: also quality and the unusual.")
    parser.add_argument("--quality", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.quality)
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, list[tuple[int, dict[str, Any]]]] = {"images": [], "activations": []}
    for kind, sizes in (("images", given.images), ("activations", given.activations)):
        for size in sizes:
            done[kind].append((size, run(size, kind, given)))
            show(size, kind, done[kind][-1][1])
            if len(done[kind]) > 1:
                compare(done[kind][-2], done[kind][-1])


if __name__ == "__main__":
    sys.exit(main())
