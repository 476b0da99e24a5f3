"""E against S of real galaxies in three bands, by five folds: our recipe, its steps one by one, and plain trainings.

    python -m benchmarks.real_galaxies DATA --out FOLDER --rows ours resnet --seeds 1000 1001 1002

DATA holds ``gz2_rgb64.npz`` (few galaxies with the letters of Galaxy Zoo 2, and its votes) and ``gz1_rgb64.npz`` (many
with classes of Galaxy Zoo 1). Networks learn from the other folds and from the second file, and are asked about the
fold in eight views at three scales. The images are composites, not fluxes: nothing here speaks of five bands. Killed,
it goes on where it stopped; what FOLDER holds already is not trained again. ``mistakes.png`` there holds real pixels:
keep it to yourself.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pandas as pd

from benchmarks.real_galaxies.audit import write_audit
from benchmarks.real_galaxies.data import Files, read_files
from benchmarks.real_galaxies.rows import ROWS
from benchmarks.real_galaxies.scores import calibration, intervals, parts_of, right_of, shares_of
from benchmarks.real_galaxies.trials import Bench, trial

Tables = Mapping[str, Sequence[pd.DataFrame]]


def main() -> None:
    """Train what is asked for, then say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", default=["ours", "resnet"], choices=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1000, 1001, 1002])
    parser.add_argument("--fold-seed", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    files = read_files(given.data)
    (given.out / "results").mkdir(parents=True, exist_ok=True)
    bench = Bench(given.out, files, given.fold_seed, given.threads)
    print(f"{len(files.good.ids)} galaxies in five folds, {len(files.rough.ids)} more to learn from", flush=True)
    tables = {name: _trials(bench, name, given.seeds) for name in given.rows}
    report(tables, files)
    first = given.rows[0]
    print(f"\nMost confident mistakes of {first}:")
    share = shares_of(tables[first], files).mean(axis=0)
    print(write_audit(given.out / "mistakes.png", share, files).to_string(index=False))


def _trials(bench: Bench, name: str, seeds: Sequence[int]) -> list[pd.DataFrame]:
    start = time.perf_counter()
    tables = [trial(bench, name, ROWS[name], seed, lambda words: print(f"  {words}", flush=True)) for seed in seeds]
    print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    return tables


def report(tables: Tables, files: Files) -> None:
    """Scores in per cent with 95 % intervals, and how far the first row is ahead, galaxy by galaxy."""
    generator = np.random.default_rng(0)
    first = shares_of(next(iter(tables.values())), files)
    lines = {}
    for name, seeds in tables.items():
        shares = shares_of(seeds, files)
        right = right_of(shares, files)
        lines[f"{name}: {ROWS[name].words}"] = right
        lines[f"    {name} in eight views at one scale"] = right_of(shares_of(seeds, files, "p8"), files)
        if name != next(iter(tables)):
            lines[f"    how far the first is ahead of {name}"] = right_of(first[: len(shares)], files) - right
            continue
        lines["    in one view"] = right_of(shares_of(seeds, files, "p1"), files)
        lines["    the seeds speaking as one"] = right_of(shares.mean(axis=0, keepdims=True), files)
    table = {words: intervals(values, files, generator) for words, values in lines.items()}
    print("\n" + pd.DataFrame(table, list(parts_of(files))).T.to_string())
    for name, seeds in tables.items():
        print(f"{name}: {calibration(shares_of(seeds, files), files, generator)}")


if __name__ == "__main__":
    main()
