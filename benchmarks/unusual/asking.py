"""What is learnt from ratings, by which galaxy is shown next; for development, on seeds below 100.

    python -m benchmarks.unusual.asking FOLDER --seed 40 --galaxies 20000

The surveys, the network and the simulated person are those of `benchmarks.unusual`, and the folder may be the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.unusual.__main__ import seen_of
from benchmarks.unusual.judging import Asking, opinions, rated
from benchmarks.unusual.measuring import places_of, top_hits
from benchmarks.unusual.planted import Planting
from benchmarks.unusual.training import network
from gz2interp.embedding.unusual.preference import next_to_rate

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

DEVELOPMENT: Final = range(100)


def most_unusual(scores: NDArray[np.floating], vectors: Floats, rated: Integers) -> int:
    """The first of the ranking that has learnt."""
    left = scores.copy()
    left[rated] = -np.inf
    return int(left.argmax())


def something_new(scores: NDArray[np.floating], vectors: Floats, rated: Integers) -> int:
    """The same, but every second time, of the first 2 %, the one that is farthest from all that was rated."""
    if len(rated) % 2 == 0:
        return most_unusual(scores, vectors, rated)
    left = scores.copy()
    left[rated] = -np.inf
    first = np.argsort(-left, kind="stable")[: max(round(0.02 * len(left)), 1)]
    products = vectors[first] @ vectors[rated].T
    squares = [(vectors[each] ** 2).sum(axis=1) for each in (first, rated)]
    return int(first[np.argmax((squares[0][:, None] + squares[1] - 2 * products).min(axis=1))])


WAYS: Final[Mapping[str, Asking]] = {
    "tells most": next_to_rate,
    "something new": something_new,
    "most unusual": most_unusual,
}


def rows(scores: NDArray[np.float64], taste: Floats, kinds: NDArray[np.str_]) -> Iterator[str]:
    """Lines of a table, the first before anything was rated."""
    yield _row("unrated", 0, scores, kinds, np.empty(0, np.int64))
    for way, ask in WAYS.items():
        for count, (learnt, known) in rated(scores, taste, kinds != "", ask).items():
            yield _row(way, count, learnt, kinds, known)


def _row(way: str, count: int, scores: NDArray[np.float64], kinds: NDArray[np.str_], known: Integers) -> str:
    left = np.ones(len(kinds), bool)
    left[known] = False
    names = np.unique(kinds[left & (kinds != "")])
    of_kinds = [places_of(scores, (kinds == name) & left, (kinds == "") & left).mean() for name in names]
    auroc = f"{np.mean(of_kinds):.3f}" if of_kinds else "-"  # none is left that was not rated
    met = [str(name) for name in kinds[known] if name]
    found = f"{len(met)} of {len(set(met))} kinds" if count else "-"
    precision = top_hits(scores, kinds != "", known).mean()
    return f"| {way} | {count} | {found} | {auroc} | {precision:.3f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of one survey at a peak of 20 sigma, and as drawn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, choices=DEVELOPMENT, metavar="0-99")
    parser.add_argument("--galaxies", type=int, default=6000)
    parser.add_argument("--small", action="store_true", help="600 galaxies and a network of minutes.")
    given = parser.parse_args(arguments)
    galaxies = 600 if given.small else given.galaxies
    model = network(given.folder, 1200 if given.small else 3000, 2 if given.small else None)
    for planting in (Planting(given.seed, galaxies, 20.0, "peak"), Planting(given.seed, galaxies, 0.0)):
        place = given.folder / f"seed-{given.seed}"
        scores, taste = opinions(seen_of(place, model, planting, keep_images=False), given.seed, others=False)
        print(f"\n{'20 sigma at the peak' if planting.strength else 'as the painter draws them'}: {galaxies} galaxies")
        print("| asked | ratings | rare among them | AUROC | precision in 1 % |\n|---|---|---|---|---|")
        for row in rows(scores["gz2interp"], taste, planting.kinds):
            print(row, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
