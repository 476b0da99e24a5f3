"""Are clusters that the sky or the telescope has made flagged, and those of galaxies left alone?

    python benchmarks/cluster_flags.py FOLDER --seed 1000 --level strong --each 4 --clean 8
    python benchmarks/cluster_flags.py FOLDER --seed 1200 --level middle --each 2 --clean 0

Each case paints galaxies of four kinds, some of them with one artefact whatever their kind, and lays them on a map as a
network would that sees kind, size and the artefact: each kind and size is a crowd, and so are most of those with the
artefact. A fifth of these stay among their kind, and a few without it stray in. The clusters of that map are found,
described by image quality, which is measured from the pixels, and flagged. Nothing is told of what was planted. A clean
case has no artefact, but its large and small, bright and faint galaxies are crowds of their own.

The smoothest way to be wrong is a flag on a crowd of large galaxies, which reach the edge of their cutouts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.embedding.clusters import find_clusters
from gz2interp.measure.image_quality import image_quality
from gz2interp.painting import Recipe, paint, recipe_of
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE
from gz2interp.statistics import proportion
from gz2interp.stores.files import write_json
from gz2interp.workflows.cluster_columns import quality_columns
from gz2interp.workflows.cluster_descriptions import describe
from trainer.plant.kinds import shortcut_named

KINDS = ("round", "in_between", "edge_on", "spiral")
CAUSES = {
    "seeing": "seeing",
    "noise": "depth",
    "background": "background",
    "star": "neighbours",
    "strip": "edge",
    "smooth": "quality",
}
"""What is planted, and what the flag should say."""

OF_PIXELS = {"strip": {"middle": 4.0, "strong": 12.0}, "smooth": {"middle": 0.5, "strong": 0.9}}
"""Artefacts beside those of `trainer.plant.kinds`: pixels missing along one side [pixel], noise and galaxy under a
Gaussian after the exposure [pixel]."""

GALAXIES = 240
PLANTED = 48
CLEAN = "clean"
STAY = 0.2
"""Share of the planted that lie among their kind."""

STRAY = 4
"""Others that lie among the planted."""


@dataclass(frozen=True)
class Result:
    """What became of one case.

    Attributes
    ----------
    artefact, level : str
    seed : int
    named : bool or None
        Whether the cluster of the planted is flagged with the right cause first; None if there is no such cluster.
    others, alarms : int
        Clusters of galaxies, and those of them that are flagged.
    words : list of str
    """

    artefact: str
    level: str
    seed: int
    named: bool | None
    others: int
    alarms: int
    words: list[str]


def case(artefact: str, level: str, seed: int) -> Result:
    """Paint, lay out, find, describe."""
    generator = np.random.default_rng(seed)
    recipes = [recipe_of(seed, row, dict.fromkeys(KINDS, 0.25)) for row in range(GALAXIES)]
    planted = np.zeros(GALAXIES, np.bool_)
    if artefact != CLEAN:
        planted[generator.choice(GALAXIES, PLANTED, replace=False)] = True
    quality = measured(recipes, planted, artefact, level, seed)
    xy = places(recipes, planted, generator)
    found = find_clusters(xy, {"one": 0.05})
    columns = quality_columns(quality, np.arange(GALAXIES))
    said = describe(columns, found.labels, quality[["extent", "reach"]])
    named, alarms, others, words = None, 0, 0, []
    for (_, number), (_, _, flags) in said.words.items():
        share = planted[found.labels["one"] == number].mean()
        if share > 0.5:
            named = bool(flags) and flags[0].cause == CAUSES[artefact]
        else:
            others += 1
            alarms += bool(flags)
        words += [f"{'planted' if share > 0.5 else 'galaxies'}: {flag.words}" for flag in flags]
    return Result(artefact, level, seed, named, others, alarms, words)


def measured(
    recipes: Sequence[Recipe], planted: NDArray[np.bool_], artefact: str, level: str, seed: int
) -> pd.DataFrame:
    """Image quality of the painted galaxies, those with the artefact among them."""
    sky = np.random.default_rng([seed, 1])
    side = int(sky.integers(4))
    images, valid, widths = [], [], []
    for row, recipe in enumerate(recipes):
        own = np.random.default_rng([seed, 2, row])
        if planted[row] and artefact not in OF_PIXELS:
            kind = shortcut_named(artefact)
            strength = dict(zip(("weak", "middle", "strong"), kind.levels, strict=True))[level]
            recipe = kind.function(recipe, strength, np.random.default_rng([seed, 3]), own)
        cutout = paint(recipe).cutout
        image, mask = cutout.image.copy(), cutout.valid.copy()
        if planted[row] and artefact == "strip":
            np.rot90(mask, side)[: int(OF_PIXELS[artefact][level])] = False
            image[~mask] = 0
        if planted[row] and artefact == "smooth":
            width = OF_PIXELS[artefact][level]
            image = ndimage.gaussian_filter(image, (width, width, 0))
        images.append(image)
        valid.append(mask)
        widths.append(cutout.psf_fwhm)
    scale = np.full(len(recipes), NATIVE_PIXEL_SCALE)
    columns = image_quality(np.stack(images), np.stack(valid), BANDS, scale, np.array(widths))
    return pd.DataFrame(columns).assign(row=np.arange(len(recipes)))


def places(
    recipes: Sequence[Recipe], planted: NDArray[np.bool_], generator: np.random.Generator
) -> NDArray[np.float64]:
    """A map: crowds by kind, and by size within; the planted in one of their own."""
    kind = np.array([KINDS.index(recipe.kind) for recipe in recipes])
    size = np.array([recipe.petro_radius for recipe in recipes])
    large = np.zeros(len(recipes), np.bool_)
    for each in range(len(KINDS)):
        large[kind == each] = size[kind == each] > np.median(size[kind == each])
    xy = np.stack([kind * 10.0, large * 10.0], axis=1)
    apart = planted & (generator.random(len(recipes)) >= STAY)
    apart[generator.choice(np.flatnonzero(~planted), STRAY, replace=False)] |= bool(planted.any())
    xy[apart] = (15.0, -12.0)
    return np.asarray(xy + generator.standard_normal(xy.shape))


def is_named(result: Result) -> bool:
    """Whether the cluster of the planted is flagged with the right cause before others."""
    return bool(result.named)


def is_flagged(result: Result) -> bool:
    """Whether it is flagged at all."""
    return any(words.startswith("planted") for words in result.words)


def report(results: Sequence[Result]) -> None:
    """The tables of all cases."""
    for level in dict.fromkeys(each.level for each in results if each.artefact != CLEAN):
        print(f"\n{level}\n| planted | flagged, as such before all else | flagged at all |\n|---|---|---|")
        for artefact in CAUSES:
            of = [each for each in results if (each.artefact, each.level) == (artefact, level)]
            print(f"| {artefact} | {sum(map(is_named, of))} of {len(of)} | {sum(map(is_flagged, of))} of {len(of)} |")
        of = [each for each in results if each.level == level and each.artefact != CLEAN]
        rates = [proportion(np.array(list(map(asked, of)), np.bool_)) for asked in (is_named, is_flagged)]
        print(f"| all {len(of)} | {rates[0]} | {rates[1]} |")
    for title, chosen in (("beside planted ones", False), ("of clean surveys", True)):
        of = [each for each in results if (each.artefact == CLEAN) == chosen]
        alarms, others = sum(each.alarms for each in of), sum(each.others for each in of)
        rate = proportion(np.arange(others) < alarms)
        print(f"\nclusters of galaxies {title} that are flagged: {alarms} of {others}: {rate}")


def main() -> None:
    """Run what is asked; each case is kept, and not run again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="below 100 for development")
    parser.add_argument("--level", choices=("middle", "strong"), default="strong")
    parser.add_argument("--each", type=int, default=1, help="cases of each artefact")
    parser.add_argument("--clean", type=int, default=2)
    asked = parser.parse_args()
    cases = [(artefact, asked.level) for _ in range(asked.each) for artefact in CAUSES]
    for number, (artefact, level) in enumerate([*cases, *[(CLEAN, "")] * asked.clean]):
        file = asked.folder / f"{artefact}-{level}-{asked.seed + number}.json"
        if not file.is_file():
            result = case(artefact, level, asked.seed + number)
            write_json(file, asdict(result))
            told = (result.seed, result.named, f"{result.alarms} of {result.others}", *result.words)
            print(artefact, level, *told, sep="  ", flush=True)
    report([Result(**json.loads(file.read_text())) for file in sorted(asked.folder.glob("*.json"))])


if __name__ == "__main__":
    main()
