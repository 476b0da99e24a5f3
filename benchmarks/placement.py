"""How far from its place a galaxy lands that is left out of its own neighbours, in per cent of the map's width.

    python benchmarks/placement.py SURVEY... [--layer LAYER] [--galaxies N]

Every galaxy of the map (or N of them, drawn) is placed as if it were new, by the method of `gz2interp place` and, for
comparison, by simpler ones from the same neighbours. The map itself is never changed. The width is the greater extent
of the map in x and y between the 0.5th and the 99.5th percentile. Intervals are 95 %, of a bootstrap over galaxies.

It also prints the quality of the map, and how a stricter test fares, in which a tenth of the galaxies takes no part in
the making of the map: the share of a placed galaxy's 15 nearest in the layer that are among its 15 nearest on the map,
beside the same of galaxies that made the map.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.placing import Placer, map_width
from gz2interp.embedding.projection import memberships, project
from gz2interp.embedding.spaces import space_of
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.locations import find_survey
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import map_settings_of, placer_of
from gz2interp.workflows.study import analysis_for

DRAWS = 1000
K = 15

Floats = NDArray[np.float64]


def median_place(points: Floats, weights: Floats) -> Floats:
    """The weighted geometric median, by Weiszfeld's steps; points (n, k, 2), weights (n, k)."""
    place = (weights[..., None] * points).sum(axis=1) / weights.sum(axis=1)[:, None]
    for _ in range(30):
        pull = weights / np.sqrt(((points - place[:, None]) ** 2).sum(axis=-1) + 1e-6)
        place = (pull[..., None] * points).sum(axis=1) / pull.sum(axis=1)[:, None]
    return place


def interval(errors: Floats, share: float) -> str:
    """A percentile with its interval, in words."""
    generator = np.random.default_rng(0)
    drawn = [np.percentile(generator.choice(errors, len(errors)), share) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{np.percentile(errors, share):.2f} ({low:.2f} to {high:.2f})"


def errors_of(analysis: Analysis, galaxies: int) -> None:
    """Print the errors of the method and of simpler ones."""
    places, activations = analysis.embedding.coordinates, analysis.activations()
    chosen = np.arange(len(places))
    if galaxies and galaxies < len(places):
        chosen = np.sort(np.random.default_rng(0).choice(len(places), galaxies, replace=False))
    found = placer_of(analysis).left_out(activations[chosen], chosen)
    weights = memberships(found.neighbours.distances.T.astype(np.float64)).T
    points = places.astype(np.float64)[found.neighbours.rows]
    methods = {
        "balance of attraction (ours)": found.coordinates,
        "mean of neighbours": points.mean(axis=1),
        "weighted mean": (weights[..., None] * points).sum(axis=1) / weights.sum(axis=1)[:, None],
        "weighted median": median_place(points, weights),
        "nearest neighbour's place": points[:, 0],
    }
    print("| placed at | median [% of width] | 95th percentile |\n|---|---|---|")
    for name, where in methods.items():
        errors = 100 * np.linalg.norm(where - places[chosen], axis=1) / map_width(places)
        print(f"| {name} | {interval(errors, 50)} | {interval(errors, 95)} |")


def kept_by_strangers(analysis: Analysis) -> None:
    """Print how many neighbours are kept by galaxies that took no part in the making of the map."""
    activations, settings = analysis.activations(), map_settings_of(analysis.provenance)
    out = np.random.default_rng(0).random(len(activations)) < 0.1
    made, strange = activations[~out], activations[out]
    graph = nearest_neighbours(made, settings.neighbours, analysis.metric)
    places = project(made, graph, settings).coordinates
    space = space_of(activations, analysis.metric, analysis.whitening)
    placer = Placer(made, places, space, settings)
    on_map = Placer(places, places, "euclidean", settings)._exact
    there = placer._exact.nearest(strange, K).rows
    here = on_map.nearest(placer.place(strange).coordinates, K).rows
    mine = np.arange(len(made))
    shares = [
        np.array([len(np.intersect1d(a, b)) / K for a, b in zip(one, two, strict=True)])
        for one, two in (
            (there, here),
            (placer._exact.nearest(made, K, mine).rows, on_map.nearest(places, K, mine).rows),
        )
    ]
    words = [f"{share.mean():.3f} +- {1.96 * share.std() / np.sqrt(len(share)):.3f}" for share in shares]
    print(f"neighbours kept: placed galaxies {words[0]} ({out.sum()}), galaxies of the map {words[1]}")


def main() -> None:
    """Each survey named, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("surveys", nargs="+")
    parser.add_argument("--model", default=None)
    parser.add_argument("--layer", default="")
    parser.add_argument("--galaxies", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="without the stricter test, which makes a map")
    given = parser.parse_args()
    for name in given.surveys:
        survey = Survey.open(find_survey(name))
        analysis = analysis_for(survey, survey.model(given.model), given.layer)
        told = f"{name}: layer {analysis.layer}, {analysis.metric}, {len(analysis.rows):,} galaxies"
        print(f"\n{told}, width {map_width(analysis.embedding.coordinates):.2f}\n")
        errors_of(analysis, given.galaxies)
        for sentence in analysis.quality.sentences() if analysis.quality else ():
            print(sentence)
        if not given.quick:
            kept_by_strangers(analysis)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
