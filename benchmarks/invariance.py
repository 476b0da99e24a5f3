"""Who stays a galaxy's neighbour when the galaxy is turned or mirrored, with one view and with eight.

    python benchmarks/invariance.py demo --model cnn --galaxies 200 --seed 1000

Fresh painted galaxies are looked up among a survey's: each as it is, in the seven other views of the pixel grid, turned
by a random angle (painted anew at that angle), and with a second realisation of its noise. Given is the share of its
nearest galaxies that it keeps, with the 95 % interval over the galaxies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import mean_over_views
from gz2interp.embedding.index import NeighbourIndex
from gz2interp.painting import Alteration, Recipe, draw_recipes, paint, repaint
from gz2interp.statistics import Estimate, bootstrap_mean
from gz2interp.views import VIEWS, apply_view
from gz2interp.workflows.study import Study, open_study

Floats = NDArray[np.float32]
Reader = Callable[[Floats], Floats]

OTHER_NOISE = 10**9
"""Added to a recipe's seed, from which its noise follows."""


def asked_once(study: Study, layer: str, images: Floats) -> Floats:
    """Pooled activations of the images as they are."""
    return study.probe.activations(images, layer, pooled=True)


def readers(study: Study, layer: str) -> dict[str, Reader]:
    """The ways in which a layer is read."""
    return {
        "one view": partial(asked_once, study, layer),
        "eight views": partial(mean_over_views, study.probe, layer=layer),
    }


def pictures(recipes: list[Recipe], generator: np.random.Generator) -> dict[str, list[Floats]]:
    """Images of the galaxies otherwise, each (n, y, x, band); several of them are several ways of one kind."""
    straight = _stacked([paint(recipe).cutout.image for recipe in recipes])
    angles = generator.uniform(0, 360, len(recipes))
    return {
        "": [straight],
        "turned and mirrored": [apply_view(straight, view) for view in range(1, VIEWS)],
        "random angle": [
            _stacked(
                [
                    repaint(recipe, Alteration(turned=float(angle))).cutout.image
                    for recipe, angle in zip(recipes, angles, strict=True)
                ]
            )
        ],
        "second noise": [
            _stacked([paint(replace(recipe, seed=recipe.seed + OTHER_NOISE)).cutout.image for recipe in recipes])
        ],
    }


def kept(index: NeighbourIndex, straight: Floats, others: list[Floats], k: int) -> NDArray[np.float64]:
    """The share of its k nearest that each galaxy keeps, over all its other images (n,)."""
    wanted = index.nearest(straight, k).rows
    shares = [
        (wanted[:, :, None] == index.nearest(other, k).rows[:, None]).any(axis=2).mean(axis=1) for other in others
    ]
    return np.asarray(np.mean(shares, axis=0))


def main() -> None:
    """Print a line for each way of reading the layer, and each metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey")
    parser.add_argument("--model", default=None)
    parser.add_argument("--layer", default="")
    parser.add_argument("--galaxies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1000, help="of the painted galaxies; below 100 for development")
    parser.add_argument("--neighbours", type=int, default=10)
    parser.add_argument("--metrics", nargs="+", default=["cosine", "whitened"])
    parser.add_argument("--ways", nargs="+", default=["one view", "eight views"])
    given = parser.parse_args()
    study = open_study(given.survey, given.model)
    layer = given.layer or study.probe.default_layer
    shown = pictures(draw_recipes(given.galaxies, given.seed), np.random.default_rng(given.seed))
    kinds = [kind for kind in shown if kind]
    print(
        f"{study.model.name}, {layer}: {given.galaxies} galaxies among {int(study.survey.usable.sum())}, seed "
        f"{given.seed}; share of the {given.neighbours} nearest kept [%]"
    )
    print(f"{'':<24}" + "".join(f"{kind:>24}" for kind in [*kinds, "angle - noise"]))
    for way in given.ways:
        read = readers(study, layer)[way]
        survey = np.concatenate([read(batch.images) for batch in study.survey.batches()])
        seen = {kind: [read(images) for images in others] for kind, others in shown.items()}
        for metric in given.metrics:
            index = NeighbourIndex(survey, metric)
            shares = {kind: kept(index, seen[""][0], seen[kind], given.neighbours) for kind in kinds}
            shares["difference"] = shares["random angle"] - shares["second noise"]
            cells = [told(bootstrap_mean(each, np.random.default_rng(0))) for each in shares.values()]
            print(f"{f'{way}, {metric}':<24}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


def told(estimate: Estimate) -> str:
    """In per cent, with its interval."""
    value, low, high = (100 * float(each or 0) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:.2f} ({low:.2f}, {high:.2f})"


def _stacked(images: list[Floats]) -> Floats:
    return np.stack(images).astype(np.float32)


if __name__ == "__main__":
    sys.exit(main())
