"""Are rare galaxies found, unrated and after some ratings, and better than by what everybody has?

    python -m benchmarks.unusual FOLDER --seed 1000 --surveys 3
    python -m benchmarks.unusual FOLDER --small --clean

One network is trained for all surveys, on 3,000 ordinary painted galaxies of a seed of its own, by the recipe ``demo``:
five classes, from votes that know nothing of what is rare. Each survey has 20,000 galaxies, five rare kinds with 0.7 %
each: see `planted`. Votes are not given to any method. The simulated person says 5 of every galaxy that is rare, of
whatever kind, and 0 of all others. AUROC is that of one kind against the ordinary galaxies, averaged over kinds;
precision is the share of rare galaxies among the first 1 % of the survey that has not been rated yet, 200 of them. What
was rated counts in neither. Killed, the program goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.unusual.judging import Seen, look_at, opinions, rated
from benchmarks.unusual.measuring import in_words, places_of, top_hits
from benchmarks.unusual.painting import ordinary_images, rare_images
from benchmarks.unusual.planted import KINDS, MEASURES, STRENGTHS, Planting
from benchmarks.unusual.training import network
from gz2interp.embedding.unusual.anomaly_model import IMAGE_SCORES, SCORES, combine_scores
from gz2interp.embedding.unusual.morphology import FAMILIES
from gz2interp.network.probe import Probe

DRAWN: Final = 0.0


def run(folder: Path, model: Path, planting: Planting, keep_images: bool, others: bool = True) -> Path:
    """The file with what all methods say of one survey."""
    place = folder / f"seed-{planting.seed}"
    result = place / f"result-{planting.name}.npz"
    if result.exists():
        return result
    start = time.perf_counter()
    kinds, seen = planting.kinds, seen_of(place, model, planting, keep_images)
    scores, taste = opinions(seen, planting.seed, others)
    record = {f"0/{name}": values.astype(np.float32) for name, values in scores.items()}
    for count, (learnt, known) in rated(scores["gz2interp"], taste, kinds != "").items():
        record |= {f"{count}/gz2interp": learnt.astype(np.float32), f"{count}/known": known}
    aside = result.with_suffix(".part.npz")
    np.savez(aside, kinds=kinds, **record)
    aside.replace(result)
    print(f"{result.parent.name}, {_named(planting)}: {time.perf_counter() - start:.0f} s", flush=True)
    return result


def seen_of(place: Path, model: Path, planting: Planting, keep_images: bool) -> Seen:
    """What the network says of a survey, in the order of its rows; of the ordinary galaxies it is asked once."""
    probe = Probe.open(model)
    ordinary = _looked(place / "ordinary.npz", probe, lambda: ordinary_images(place, planting), keep_images)
    together = ordinary + look_at(probe, rare_images(place, planting))
    order = np.argsort(np.concatenate([np.flatnonzero(planting.kinds == ""), np.flatnonzero(planting.kinds != "")]))
    return Seen(*(values[order] for values in vars(together).values()))


def _looked(path: Path, probe: Probe, images: object, keep_images: bool) -> Seen:
    if not path.exists():
        seen = look_at(probe, images())  # type: ignore[operator]
        aside = path.with_suffix(".part.npz")
        np.savez(aside, **vars(seen))
        aside.replace(path)
        if not keep_images:
            for file in ("ordinary.npy", "ordinary.done"):
                (path.parent / file).unlink(missing_ok=True)
    with np.load(path) as known:
        return Seen(*(known[name] for name in ("features", "cells", "probabilities", "numbers")))


def table(folder: Path, plantings: Sequence[Planting]) -> Iterator[str]:
    """Lines of all results that are there."""
    for planting in plantings:
        files = sorted(folder.glob(f"seed-*/result-{planting.name}.npz"))
        if not files:
            continue
        results = [_with_parts(dict(np.load(file))) for file in files]
        yield f"\n{_named(planting)}: {len(files)} surveys of {len(results[0]['kinds'])} galaxies"
        names = [key.split("/", 1)[1] for key in results[0] if key.startswith("0/")]
        yield "| method | AUROC | precision in 1 % | " + " | ".join(KINDS) + " |"
        yield "|---" * (3 + len(KINDS)) + "|"
        counts = [key.split("/")[0] for key in results[0] if key.endswith("/known")]
        rows = [("0", name) for name in names] + [(count, "gz2interp") for count in counts]
        for count, name in rows:
            yield _row(results, count, name)


def _with_parts(result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Besides, what the network's scores would find without the pixels', and the pixels' without the network's."""
    normal = {name: result[f"0/{name}"].astype(float) for name in (*SCORES, *IMAGE_SCORES, *FAMILIES)}
    network = {name: normal[name] for name in (*SCORES, *IMAGE_SCORES)}
    pixels = {name: normal[name] for name in FAMILIES}
    return result | {"0/network alone": combine_scores(network, SCORES), "0/pixels alone": combine_scores(pixels)}


def _row(results: list[dict[str, np.ndarray]], count: str, name: str) -> str:
    of_kind: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    every, hits = [], []
    for result in results:
        known = result.get(f"{count}/known", np.empty(0, np.int64))
        unrated = np.ones(len(result["kinds"]), bool)
        unrated[known] = False
        scores, kinds = result[f"{count}/{name}"].astype(float), result["kinds"]
        ordinary = (kinds == "") & unrated
        places = {kind: places_of(scores, (kinds == kind) & unrated, ordinary) for kind in KINDS}
        left = {kind: values for kind, values in places.items() if len(values)}
        for kind, values in left.items():
            of_kind[kind].append(values)
        if left:
            # Kinds count alike, however many of each have been rated.
            mean = sum(len(values) for values in left.values()) / len(left)
            every.append(np.concatenate([values * mean / len(values) for values in left.values()]))
        hits.append(top_hits(scores, kinds != "", known))
    called = name if count == "0" else f"{name} after {count} ratings"
    told = {kind: [values.mean() for values in all_of] for kind, all_of in of_kind.items()}
    kinds_told = " | ".join(f"{np.mean(told[kind]):.2f}" if told[kind] else "-" for kind in KINDS)
    auroc = in_words(every) if every else "-"
    return f"| {called} | {auroc} | {in_words(hits)} | {kinds_told} |"


def _named(planting: Planting) -> str:
    if planting.measure == "clean":
        return "nothing put in"
    where = {"total": "in all pixels", "peak": "at the peak"}[planting.measure]
    return f"{planting.strength:g} sigma {where}" if planting.strength else "as the painter draws them"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the surveys that are lacking, and print the table of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="Of the first survey; reported seeds begin at 1000.")
    parser.add_argument("--surveys", type=int, default=1)
    parser.add_argument("--galaxies", type=int, default=20_000)
    parser.add_argument("--strengths", type=float, nargs="+", default=[20.0, 40.0, DRAWN, 10.0, 5.0])
    parser.add_argument("--measures", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--small", action="store_true", help="600 galaxies, two strengths and a network of minutes.")
    parser.add_argument("--clean", action="store_true", help="Besides, one with nothing put into the rare galaxies.")
    parser.add_argument("--alone", action="store_true", help="Without scikit-learn's methods, which take longest.")
    parser.add_argument("--keep-images", action="store_true")
    given = parser.parse_args(arguments)
    galaxies, strengths = (600, [40.0, DRAWN]) if given.small else (given.galaxies, given.strengths)
    model = network(given.folder, 1200 if given.small else 3000, 2 if given.small else None)
    for seed in range(given.seed, given.seed + given.surveys):
        clean = [Planting(seed, galaxies, 0, "clean")] if given.clean else []
        for planting in _plantings(seed, galaxies, strengths, given.measures) + clean:
            run(given.folder, model, planting, given.keep_images, not given.alone)
    every = [*_plantings(0, galaxies, (*STRENGTHS, DRAWN), MEASURES), Planting(0, galaxies, 0, "clean")]
    print("\n".join(table(given.folder, every)))


def _plantings(seed: int, galaxies: int, strengths: Sequence[float], measures: Iterable[str]) -> list[Planting]:
    """Each strength by each measure; as drawn there is only one."""
    return [
        Planting(seed, galaxies, strength, measure)
        for strength in strengths
        for measure in (measures if strength else ["total"])
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
