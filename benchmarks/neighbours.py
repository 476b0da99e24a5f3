"""How long neighbours take, exact and approximate, and how many of the true ones are found.

    OMP_NUM_THREADS=2 python benchmarks/neighbours.py --galaxies 240000
    OMP_NUM_THREADS=2 python benchmarks/neighbours.py --galaxies 1000000 --index approximate --graph
    python benchmarks/neighbours.py --like demo --model cnn --queries 8192     # real activations, resampled

Activations are painted: clusters in few dimensions, mixed into all channels with some noise, below zero cut off as a
network's are; or resampled from an analysed survey, each a mean of two neighbours with some noise. They lie in a Zarr
array, as those of an analysis do. Times are given as seconds on the clock and of the processor: on a busy machine only
the second and the ratios mean anything. Peak memory is the process', so for it ask for one index at a time. With
``--queries`` fewer galaxies are searched for, and the times of all are worked out from theirs.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import NeighbourIndex, recall_of
from gz2interp.embedding.scanning import scan_nearest
from gz2interp.embedding.spaces import space_of
from gz2interp.results import Neighbours
from gz2interp.stores.arrays import create_array

Floats = NDArray[np.float32]

BLOCK = 2048


@dataclass(frozen=True)
class Took:
    """Seconds on the clock and of the processor."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:8.1f} s, {self.processor:8.1f} s of processor"

    def of(self, share: float) -> Took:
        """Of the whole, where only a share was done."""
        return Took(self.clock / share, self.processor / share)


def timed(work: Callable[[], Any]) -> tuple[Any, Took]:
    """What comes of some work, and how long it took."""
    clock, processor = time.perf_counter(), time.process_time()
    done = work()
    return done, Took(time.perf_counter() - clock, time.process_time() - processor)


def painted(n: int, channels: int, seed: int) -> Callable[[int], Floats]:
    """Makes the next so many galaxies."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(30, 12)) * 1.5
    mixing = rng.normal(size=(12, channels)) * np.logspace(0, -0.7, 12)[:, None]

    def some(count: int) -> Floats:
        deep = centres[rng.integers(0, len(centres), count)] + rng.normal(size=(count, 12))
        return np.maximum(deep @ mixing + 0.5 + 0.1 * rng.normal(size=(count, channels)), 0).astype(np.float32)

    return some


def resampled(survey: str, model: str | None, seed: int) -> Callable[[int], Floats]:
    """The same from the newest analysis of a survey."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey
    from gz2interp.workflows.neighbours import NeighbourLookup

    opened = Survey.open(find_survey(survey))
    analysis = NeighbourLookup.open(opened, opened.model(model)).analysis
    activations, rng = analysis.activations(), np.random.default_rng(seed)
    near = np.searchsorted(analysis.rows, np.maximum(analysis.neighbours().rows[:, :8], 0))
    scatter = activations.std(axis=0)

    def some(count: int) -> Floats:
        who, share = rng.integers(0, len(activations), count), rng.uniform(0, 1, (count, 1))
        other = near[who, rng.integers(0, near.shape[1], count)]
        mean = share * activations[who] + (1 - share) * activations[other]
        return (mean + 0.05 * scatter * rng.normal(size=mean.shape)).astype(np.float32)

    return some


def main() -> None:
    """Measure, and print a line for each thing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--galaxies", type=int, default=240_000)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--neighbours", type=int, default=32)
    parser.add_argument("--metric", default="cosine")
    parser.add_argument("--index", nargs="+", default=["exact", "approximate"])
    parser.add_argument("--queries", type=int, default=0, help="galaxies searched for; by default all")
    parser.add_argument("--like", default="", help="a survey whose activations are resampled")
    parser.add_argument("--model", default=None)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--graph", action="store_true", help="HNSW too")
    given = parser.parse_args()
    n, queries = given.galaxies, min(given.queries or given.galaxies, given.galaxies)
    some = resampled(given.like, given.model, given.seed) if given.like else painted(n, given.channels, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        first = some(BLOCK)
        table = create_array(Path(folder) / "a", (n, first.shape[1]), np.float32, 64)
        for start in range(0, n, BLOCK):
            values = first if start == 0 else some(min(BLOCK, n - start))
            table[start : start + len(values)] = values[: n - start]
        print(
            f"{n:,} x {first.shape[1]}, {given.metric}, {given.neighbours} neighbours, "
            f"{faiss.omp_get_max_threads()} threads, load {os.getloadavg()[0]:.1f}, {queries:,} searched for"
        )
        for kind in given.index:
            measure(table, kind, queries, given)
        if given.graph:
            measure_graph(table, queries, given)


def measure(table: Any, kind: str, queries: int, given: argparse.Namespace) -> None:
    """Build, search for members, ask single questions, and hold a sample against exact search."""
    before = peak()
    index, built = timed(lambda: NeighbourIndex(table, given.metric, kind, neighbours=given.neighbours))
    print(f"{kind}: {index.search.words}\n  built     {built}")
    found, took = timed(lambda: search(index, table, queries, given.neighbours))
    print(f"  all pairs {took.of(queries / table.shape[0])}; peak memory {peak():.0f} MiB, {before:.0f} before")
    if kind == "exact":
        bare(index, table, given.neighbours, took.of(queries / BLOCK))
    singles = [timed(lambda i=i: index.nearest(np.asarray(table[i : i + 1]), given.neighbours))[1] for i in range(60)]
    read = np.array([1000 * single.clock for single in singles])
    print(f"  one query {np.median(read):.1f} ms, with reading its activations; fastest {read.min():.1f} ms")
    if kind != "exact":
        held(found, table, given, np.random.default_rng(given.seed + 1))


def search(index: NeighbourIndex, table: Any, queries: int, k: int) -> Neighbours:
    """The neighbours of the first so many galaxies."""
    parts = []
    for start in range(0, queries, BLOCK):
        some = np.asarray(table[start : min(start + BLOCK, queries)])
        parts.append(index.of_members(np.arange(start, start + len(some)), some, k))
    rows, distances = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "distances"))
    return Neighbours(rows, distances, index.metric)


def bare(index: NeighbourIndex, table: Any, k: int, ours: Took) -> None:
    """Beside faiss' own search of one block, and NumPy's."""
    vectors = index.space.vectors(np.asarray(table[:]))
    asked = vectors[:BLOCK]
    metric = faiss.METRIC_INNER_PRODUCT if index.metric == "cosine" else faiss.METRIC_L2
    _, theirs = timed(lambda: faiss.knn(asked, vectors, k + 1, metric=metric))
    _, slow = timed(lambda: np.argpartition(-(asked[:256] @ vectors.T), k, axis=1))
    print(
        f"  ours / faiss' flat search, processor: {ours.processor / theirs.processor:.2f}; "
        f"NumPy / ours: {slow.processor * BLOCK / 256 / ours.processor:.1f}"
    )


def held(found: Neighbours, table: Any, given: argparse.Namespace, generator: np.random.Generator) -> None:
    """The recall on other galaxies than those on which the index was settled."""
    sample = np.sort(generator.choice(len(found.rows), min(1000, len(found.rows)), replace=False))
    space = space_of(table, given.metric)
    asked = np.concatenate([np.asarray(table[int(row) : int(row) + 1]) for row in sample])
    truth = scan_nearest(table, asked, given.neighbours + 1, space).without(sample)
    part = Neighbours(found.rows[sample], found.distances[sample], found.metric)
    recall = recall_of(part, truth, generator)
    print(f"  recall on another sample {recall.plain}")


def measure_graph(table: Any, queries: int, given: argparse.Namespace) -> None:
    """A graph (HNSW), with as many steps as reach the same recall."""
    space = space_of(table, given.metric)
    vectors = space.vectors(np.asarray(table[:]))
    metric = faiss.METRIC_INNER_PRODUCT if given.metric == "cosine" else faiss.METRIC_L2
    graph = faiss.IndexHNSWFlat(vectors.shape[1], 32, metric)
    _, built = timed(lambda: graph.add(vectors))
    sample = np.arange(0, len(vectors), max(len(vectors) // 1000, 1))[:1000]
    truth = scan_nearest(table, np.asarray(table[:])[sample], given.neighbours + 1, space).without(sample)
    for steps in (32, 48, 64, 96, 128, 192, 256, 512):
        graph.hnsw.efSearch = steps
        found, rows = graph.search(vectors[sample], given.neighbours + 1)
        distances = np.maximum(1 - found, 0) if given.metric == "cosine" else np.sqrt(np.maximum(found, 0))
        recall = recall_of(Neighbours(rows, distances, "").without(sample), truth, np.random.default_rng(0))
        if (recall.low or 0) >= 0.98:
            break
    _, took = timed(
        lambda: [
            graph.search(vectors[i : min(i + BLOCK, queries)], given.neighbours + 1) for i in range(0, queries, BLOCK)
        ]
    )
    print(f"graph (HNSW32, efSearch {steps}): recall {recall.plain}\n  built     {built}")
    print(f"  all pairs {took.of(queries / len(vectors))}; peak memory {peak():.0f} MiB")


def peak() -> float:
    """Peak memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
