"""Do feature images show the best light there is for a linear filter? Beside the best image that the survey allows.

    python benchmarks/planted_filters.py

For bars, rings and one band less another, the mean over all places and the greatest: how like the images of some seeds
are to the best one (`gz2interp.testing.linear_plants` says what that is, and how likeness is measured), which share of
its value they reach, and how like the best one is to the bare filter's positive part, as far as an image that follows
the filter could come.
"""

from __future__ import annotations

import argparse

import numpy as np

from gz2interp.features.image_prior import ImagePrior, image_prior
from gz2interp.features.transformations import NONE
from gz2interp.features.visualise import visualise
from gz2interp.network.probe import Probe
from gz2interp.network.scores import logit
from gz2interp.painting import draw_recipe, paint
from gz2interp.testing.linear_plants import POOLS, SHAPES, best_correlation, best_image, linear_plant

KINDS = ("round", "in_between", "spiral", "edge_on")
MIDDLE = 32


def main() -> None:
    """Make them all, and print a line for each."""
    options = arguments()
    light = painted_light()
    for shape in options.shape or SHAPES:
        for pool in POOLS:
            for own in (True, False):
                print(line(shape, pool, own, light, options), flush=True)


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--still", action="store_true", help="Without transformations.")
    return parser.parse_args()


def painted_light(galaxies: int = 48) -> ImagePrior:
    """Of painted galaxies."""
    rng = np.random.default_rng(1000)
    return image_prior([np.stack([paint(draw_recipe(rng, KINDS[k % 4])).cutout.image for k in range(galaxies)])])


def line(shape: str, pool: str, own: bool, light: ImagePrior, options: argparse.Namespace) -> str:
    """One filter's images beside the best."""
    plant = linear_plant(shape, pool, light.sky)
    best, probe = best_image(plant, light, own), Probe(plant.model)
    bare = np.maximum(plant.at(MIDDLE, MIDDLE, *light.shape[:2]), 0)
    likes, values = [], []
    for seed in range(options.first, options.first + options.seeds):
        still = {"transformations": NONE} if options.still else {}
        made = visualise(probe, logit(1), light, steps=options.steps, own_colours=own, seed=seed, **still)
        image = light.stretched(made.images[0]).astype(np.float64)
        likes.append(best_correlation(image, best, plant))
        values.append(plant.value(image) / plant.value(best))
    colours = "the survey's colours" if own else "bands by themselves"
    return (
        f"{shape:15s} {pool:5s} {colours:20s} likeness {min(likes):.2f} to {max(likes):.2f}   value "
        f"{min(values):.2f} to {max(values):.2f}   best like the filter {best_correlation(bare, best, plant):.2f}"
    )


if __name__ == "__main__":
    main()
