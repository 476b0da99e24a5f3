"""How fast galaxies are painted, and how much memory a survey of them needs.

    python benchmarks/painting.py [--galaxies 2048] [--seed 0]

Prints, from one run: galaxies per second of the painter alone on one core and on two (processes of their own), of a
whole survey with catalogue, truth and cutouts on disk, each against the goal of 150 a second on two cores, and the peak
memory of a survey of that many galaxies against one of a quarter of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

GOAL = 150.0
SURVEY = """
import resource, sys, time
from trainer.paint import paint_survey
start = time.perf_counter()
paint_survey(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--galaxies", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    one = paint_range((asked.seed, 0, asked.galaxies // 4))
    print(f"painter, one core:          {asked.galaxies / 4 / one:6.0f} galaxies/s")
    two = on_two_cores(asked.seed, asked.galaxies)
    print(f"painter, two cores:         {two:6.0f} galaxies/s, {two / GOAL:.2f} of the goal of {GOAL:.0f}")
    seconds, most = painted_survey(asked.galaxies, asked.seed)
    whole = asked.galaxies / seconds
    print(f"survey on disk, two threads:{whole:6.0f} galaxies/s, {whole / GOAL:.2f} of the goal of {GOAL:.0f}")
    _, least = painted_survey(asked.galaxies // 4, asked.seed)
    print(f"peak memory:                {most / 1024:6.0f} MB, {most / least:.2f} x that of a quarter of the galaxies")


def on_two_cores(seed: int, galaxies: int) -> float:
    """Galaxies per second of two processes that paint half of them each, once both have started."""
    half = galaxies // 2
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(paint_range, [(seed, 0, 8), (seed, 8, 16)]))
        start = time.perf_counter()
        list(pool.map(paint_range, [(seed, 0, half), (seed, half, galaxies)]))
        return galaxies / (time.perf_counter() - start)


def paint_range(asked: tuple[int, int, int]) -> float:
    """Seconds to draw and paint the galaxies of some rows."""
    from gz2interp.painting import paint, recipe_of

    seed, first, last = asked
    paint(recipe_of(seed, first))
    start = time.perf_counter()
    for row in range(first, last):
        paint(recipe_of(seed, row))
    return time.perf_counter() - start


def painted_survey(galaxies: int, seed: int) -> tuple[float, float]:
    """Seconds and peak memory [kB] of painting a survey in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SURVEY, str(Path(folder) / "painted"), str(galaxies), str(seed)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, kilobytes = said.split()
    return float(seconds), float(kilobytes)


if __name__ == "__main__":
    main()
