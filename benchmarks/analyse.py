"""How `gz2interp analyse` grows with the survey: seconds per galaxy and peak memory, stage by stage.

    python benchmarks/analyse.py --sizes 1000 10000

Each size runs in a process of its own, on painted galaxies repeated with fresh noise and the default network with its
first weights: the numbers it says are meaningless, the work is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

STAGES = ("predict", "activations", "neighbours", "map")
PAINTED = 256


def make_survey(path: Path, galaxies: int) -> None:
    """A survey of repeated painted galaxies, and a network that fits it."""
    from gz2interp.painting import draw_recipes, paint
    from gz2interp.stores.survey import Survey
    from trainer.networks import build_network

    painted = [paint(recipe).cutout for recipe in draw_recipes(PAINTED, 0)]
    generator = np.random.default_rng(0)
    catalog = pd.DataFrame({"galaxy_id": np.arange(galaxies), "ra": 0.0, "dec": 0.0})
    survey = Survey.create(path, catalog)
    with survey.writer() as writer:
        for row in range(galaxies):
            cutout = painted[row % PAINTED]
            noise = generator.normal(0, 0.05, cutout.image.shape).astype(np.float32)
            writer.append(replace(cutout, image=cutout.image + noise))
    model = build_network(
        "cnn", shape=survey.shape, class_count=5, scaling="asinh", softening=[0.05] * len(survey.bands)
    )
    (path / "models" / "cnn").mkdir(parents=True)
    model.save(path / "models" / "cnn" / "model.keras")


def measure(path: Path) -> None:
    """Analyse the survey and print, as JSON, the seconds of each stage and the peak memory before and after."""
    from gz2interp.workflows.analyse import analyse
    from gz2interp.workflows.opening import open_subject

    subject = open_subject(path)
    subject.probe.activations(subject.survey.images([0]), subject.probe.default_layer)
    begun, last, seconds = peak(), [time.perf_counter()], dict.fromkeys(STAGES, 0.0)
    import umap  # noqa: F401 - its 20 s of importing are not the map's

    last[0] = time.perf_counter()

    def listen(stage: str, done: int, of: int) -> None:
        now = time.perf_counter()
        seconds[stage] += now - last[0]
        last[0] = now

    analyse(subject, progress=listen)
    print(json.dumps({"seconds": seconds, "begun": begun, "peak": peak()}))


def peak() -> float:
    """Peak memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(given.threads))}
    print("milliseconds per galaxy" + "".join(f"{stage:>14}" for stage in STAGES) + f"{'all':>10}{'peak MiB':>12}")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            path = Path(folder) / str(size)
            make_survey(path, size)
            command = [sys.executable, __file__, "--measure", str(path)]
            said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            result = json.loads(said.splitlines()[-1])
            each = [1000 * result["seconds"][stage] / size for stage in STAGES]
            cells = "".join(f"{value:>14.3f}" for value in each)
            print(f"{size:>23,}{cells}{sum(each):>10.3f}{result['peak']:>12.0f}", flush=True)
            results.append((size, sum(each), result["peak"]))
    (small, small_each, small_peak), (large, large_each, large_peak) = results[0], results[-1]
    print(f"\n{large:,} against {small:,}: time per galaxy x {large_each / small_each:.2f}, ", end="")
    print(f"peak memory x {large_peak / small_peak:.2f} ({1024 * (large_peak - small_peak) / (large - small):.1f} KiB")
    print("more per further galaxy; its pixels alone are 80 KiB)")


if __name__ == "__main__":
    sys.exit(main())
